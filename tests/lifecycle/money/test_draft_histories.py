"""Drafts of made-up histories, against a reckoning that looks at every half hour by itself."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.estate.models import Meter, Span, Tenure
from lifecycle.money import actions, queries
from lifecycle.money.models import Charge, Draft, Line
from tests.lifecycle.factories import make_machine, make_rate_card, make_user, utc

pytestmark = pytest.mark.django_db

BERLIN = ZoneInfo("Europe/Berlin")
ZERO = utc("2026-03-27 00:00")
"""The hour that is not lies two days ahead, the month's end five."""
STEP = timedelta(minutes=30)
STEPS = 8 * 48


@st.composite
def stretches(draw, most: int):
    """Disjoint (from, to) in steps; the last may be open (None)."""
    marks = sorted(draw(st.sets(st.integers(0, STEPS), min_size=2, max_size=most + 1)))
    pairs = [pair for pair in itertools.pairwise(marks) if draw(st.integers(0, 3))]
    if pairs and draw(st.booleans()):
        pairs[-1] = (pairs[-1][0], None)
    return pairs


@st.composite
def estates(draw):
    """Per machine: spans (meter, quantity, from, to) and tenures (from, to)."""
    return [
        (
            [
                (meter, draw(st.integers(1, 4)), *pair)
                for meter in (Meter.VCPU, Meter.DISK)
                for pair in draw(stretches(5))
            ],
            draw(stretches(3)),
        )
        for _ in range(2)
    ]


@pytest.fixture
def machines():
    make_rate_card()
    holder = make_user()
    return [make_machine(holder=holder) for _ in range(2)]


def ends(start: int, end: int | None) -> dict:
    return {"started_at": ZERO + start * STEP, "ended_at": None if end is None else ZERO + end * STEP}


def write(machines, estate) -> None:
    for table in (Charge, Line, Span, Tenure, Draft):
        table.objects.all().delete()
    for machine, (spans, tenures) in zip(machines, estate, strict=True):
        Span.objects.bulk_create(
            Span(machine=machine, meter=meter, quantity=quantity, **ends(start, end))
            for meter, quantity, start, end in spans
        )
        Tenure.objects.bulk_create(
            Tenure(machine=machine, holder=machine.holder, **ends(start, end)) for start, end in tenures
        )


def step_by_step(now: datetime) -> dict:
    """(month, machine, meter, tenure) -> unit-seconds."""
    units: Counter = Counter()
    for span, tenure in itertools.product(Span.objects.all(), Tenure.objects.all()):
        if span.machine_id != tenure.machine_id:
            continue
        for step in range(STEPS + 1):
            moment = ZERO + step * STEP
            if moment < now and within(span, moment) and within(tenure, moment):
                month = moment.astimezone(BERLIN).date().replace(day=1)
                units[month, span.machine_id, span.meter, tenure.pk] += span.quantity * 1800
    return dict(units)


def within(row, moment: datetime) -> bool:
    return row.started_at <= moment and (row.ended_at is None or moment < row.ended_at)


def drafted() -> dict:
    return {(line.month, line.machine_id, line.meter, line.tenure_id): line.unit_seconds for line in Line.objects.all()}


@given(estate=estates(), looks=st.lists(st.integers(1, STEPS), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_drafts_agree_with_every_half_hour(machines, estate, looks):
    write(machines, estate)
    for now in sorted(ZERO + look * STEP for look in looks):
        actions.draft(now=now)
        assert drafted() == step_by_step(now)
        assert queries.overcharged_seconds() == []
        assert all(queries.why(line).agrees for line in Line.objects.select_related("rate", "tenure"))
    now = ZERO + max(looks) * STEP
    rows = list(Charge.objects.order_by("pk").values_list())
    assert actions.draft(now=now).lines_written == 0
    assert list(Charge.objects.order_by("pk").values_list()) == rows
    for machine in machines:
        present = machine.tenures.filter(started_at__lt=now).order_by("started_at").last()
        expected = sum(Line.objects.filter(tenure=present).values_list("cents", flat=True)) if present else 0
        assert queries.cost_so_far(machine, now=now) == expected


@given(estate=estates(), cut=st.integers(1, STEPS), look=st.integers(1, STEPS))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_drafts_follow_history_that_is_cut_short_afterwards(machines, estate, cut, look):
    write(machines, estate)
    actions.draft(now=ZERO + look * STEP)
    moment = ZERO + min(cut, look) * STEP
    Span.objects.filter(ended_at=None, started_at__gte=moment).delete()
    Span.objects.filter(ended_at=None).update(ended_at=moment)
    Tenure.objects.filter(ended_at=None, started_at__lt=moment).update(ended_at=moment)
    # Two months on: only the charges themselves still say that April and March must be looked at again.
    now = utc("2026-06-15")
    Draft.objects.update(drafted_to=ZERO + look * STEP)
    actions.draft(now=now)
    assert drafted() == step_by_step(now)
