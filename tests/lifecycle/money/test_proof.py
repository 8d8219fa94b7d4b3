"""The proof finds what it is there to find."""

from datetime import date, timedelta

import pytest

from lifecycle.estate.models import Meter
from lifecycle.money import actions, queries
from lifecycle.money.models import Charge, Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_span, make_tenure, make_user, utc

pytestmark = pytest.mark.django_db

MARCH = date(2026, 3, 1)


def make_charged(count=1):
    make_rate_card()
    for _ in range(count):
        machine = make_machine(holder=make_user())
        make_tenure(machine)
        make_span(machine, ended_at=utc("2026-03-10"))
        make_span(machine, started_at=utc("2026-03-10"), cause="resized")
        make_span(machine, Meter.DISK)
    actions.draft(now=utc("2026-04-10"))


def test_proof_is_empty_for_what_a_draft_wrote():
    make_charged()
    assert queries.overcharged_seconds() == []
    assert queries.overcharged_seconds(MARCH) == []


def test_proof_finds_charges_that_overlap():
    make_charged()
    first, second = Charge.objects.filter(line__month=MARCH, line__meter=Meter.VCPU)
    Charge.objects.filter(pk=first.pk).update(ended_at=second.started_at + timedelta(seconds=1))
    [flaw] = queries.overcharged_seconds()
    assert (flaw.overlap_id, flaw.month, flaw.meter) == (second.pk, MARCH, Meter.VCPU)
    assert queries.overcharged_seconds(date(2026, 2, 1)) == []


def test_proof_finds_overlaps_of_two_holders():
    make_charged()
    line = Line.objects.get(month=MARCH, meter=Meter.DISK)
    tenure = make_tenure(line.machine, started_at=utc("2026-03-20"), ended_at=utc("2026-03-21"), holder=make_user())
    other = Line.objects.create(
        month=MARCH,
        machine=line.machine,
        meter=line.meter,
        tenure=tenure,
        rate=line.rate,
        seconds=1,
        unit_seconds=1,
        cents=0,
    )
    charge = line.charges.get()
    Charge.objects.create(
        line=other,
        span=charge.span,
        started_at=utc("2026-03-20"),
        ended_at=utc("2026-03-20 00:00:01"),
        quantity=1,
        seconds=1,
    )
    by_overlap, by_sum = sorted(queries.overcharged_seconds(), key=lambda flaw: flaw.overlap_id is None)
    assert by_overlap.overlap_id == other.charges.get().pk
    assert (by_sum.overlap_id, by_sum.seconds, by_sum.limit) == (None, 743 * 3600 + 1, 743 * 3600)


@pytest.mark.parametrize("count", [1, 3])
def test_proof_asks_three_times(django_assert_num_queries, count):
    make_charged(count)
    with django_assert_num_queries(3):
        queries.overcharged_seconds()
