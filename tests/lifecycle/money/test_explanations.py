"""Why a line costs what it costs."""

from datetime import date
from decimal import Decimal

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, queries
from lifecycle.money.models import Charge, Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_span, make_tenure, make_user, utc

pytestmark = pytest.mark.django_db


def make_line(parts=1):
    """One March line of vCPU; each part a day of one vCPU more than the one before."""
    machine = make_machine(holder=make_user())
    make_tenure(machine, started_at=utc("2026-03-10"))
    for number in range(parts):
        make_span(
            machine,
            started_at=utc(f"2026-03-{10 + number}"),
            ended_at=utc(f"2026-03-{11 + number}"),
            quantity=1 + number,
            cause="resized" if number else "handed_over",
        )
    actions.draft(now=utc("2026-03-30"))
    return Line.objects.select_related("rate__card", "tenure").get(machine=machine)


@pytest.fixture
def card():
    return make_rate_card()


def test_why_shows_the_seconds_the_rate_and_the_rounding(card):
    why = queries.why(make_line(parts=2))
    assert [(part.cause, part.seconds, part.quantity, part.amount) for part in why.parts] == [
        ("handed_over", 86400, 1, "0.258412"),
        ("resized", 86400, 2, "0.516824"),
    ]
    assert (why.seconds, why.unit_seconds, why.month_seconds) == (2 * 86400, 3 * 86400, 743 * 3600)
    assert (why.micros, why.per) == (8_000_000, 1)
    assert (why.exact, why.rest, why.cents, why.recomputed_cents) == ("0.775236", "0.004764", 78, 78)
    assert why.agrees


def test_why_amounts_add_up_digit_by_digit(card):
    why = queries.why(make_line(parts=9))
    assert sum(Decimal(part.amount) for part in why.parts) == Decimal(why.exact)
    assert Decimal(why.exact) + Decimal(why.rest) == Decimal(why.cents) / 100


def test_why_shows_a_rest_that_was_taken(card):
    why = queries.why(make_line(parts=3))
    assert (why.exact, why.rest, why.cents) == ("1.550471", "-0.000471", 155)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: Line.objects.filter(pk=line.pk).update(cents=line.cents + 1),
        lambda line: Line.objects.filter(pk=line.pk).update(seconds=line.seconds - 1),
        lambda line: Charge.objects.filter(line=line).update(quantity=3),
        lambda line: line.machine.spans.update(quantity=3),
        lambda line: line.machine.spans.update(ended_at=utc("2026-03-10 12:00")),
        lambda line: line.machine.tenures.update(started_at=utc("2026-03-10 12:00")),
        lambda line: line.machine.spans.update(meter=Meter.DISK),
        lambda line: Line.objects.filter(pk=line.pk).update(month=date(2026, 2, 1)),
    ],
)
def test_why_says_when_evidence_and_line_disagree(card, spoil):
    line = make_line()
    assert queries.why(line).agrees
    spoil(line)
    assert not queries.why(Line.objects.get(pk=line.pk)).agrees


@pytest.mark.parametrize("parts", [1, 3])
def test_why_asks_once(card, django_assert_num_queries, parts):
    line = make_line(parts)
    with django_assert_num_queries(1):
        assert len(queries.why(line).parts) == parts
