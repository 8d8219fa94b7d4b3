"""Reckoning against a second, simpler reckoning: one that looks at every second by itself."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.estate.models import Meter, Span, Tenure
from lifecycle.money.models import Rate, RateCard
from lifecycle.money.rates import PriceList, cents
from lifecycle.money.reckoning import reckon
from tests.lifecycle.factories import utc

BEFORE_ALL = utc("2020-01-01")
BERLIN = ZoneInfo("Europe/Berlin")
WINDOW = 40
"""Seconds of history: short enough to look at each."""
MONTH_BORDERS = (utc("2026-02-28 23:00"), utc("2026-03-31 22:00"), utc("2026-12-31 23:00"))
"""In winter, in summer, and of a year."""
HOUR_BORDERS = (utc("2026-03-29 01:00"), utc("2026-10-25 01:00"))
"""The hour that is not, and the hour that comes twice."""


def rate(pk: int, card: RateCard, meter: Meter, micros: int, per: int = 1) -> Rate:
    return Rate(pk=pk, card=card, meter=meter, micros=micros, per=per)


OLD = RateCard(pk=1, name="old", valid_from=date(2026, 1, 1))
NEW = RateCard(pk=2, name="new", valid_from=date(2026, 4, 1))
PRICES = PriceList(
    rate(index, card, meter, 7_000_000 * index, 3)
    for index, (card, meter) in enumerate(itertools.product((OLD, NEW), Meter), start=1)
)

instants = st.integers(0, WINDOW * 1000).map(lambda millis: timedelta(milliseconds=millis))


@st.composite
def stretches(draw, adjoining: bool):
    """Ends of history rows, possibly the last one open: neighbours that meet, or a heap that may overlap."""
    if adjoining:
        marks = sorted(draw(st.sets(instants, min_size=2, max_size=8)))
        pairs = [pair for pair in itertools.pairwise(marks) if draw(st.booleans())]
    else:
        pairs = [tuple(sorted(draw(st.tuples(instants, instants)))) for _ in range(draw(st.integers(1, 5)))]
        pairs = [(start, end) for start, end in pairs if start < end]
    if pairs and draw(st.booleans()):
        pairs[-1] = (pairs[-1][0], None)
    return pairs


@st.composite
def histories(draw, adjoining: bool = True, borders: tuple[datetime, ...] = (*MONTH_BORDERS, *HOUR_BORDERS)):
    zero = draw(st.sampled_from(borders)) - timedelta(seconds=WINDOW // 2)
    numbers = itertools.count(1)
    spans = [
        Span(pk=next(numbers), machine_id=1, meter=meter, quantity=draw(st.integers(0, 5)), **ends(zero, pair))
        for meter in (Meter.VCPU, Meter.DISK)
        for pair in draw(stretches(adjoining))
    ]
    tenures = [Tenure(pk=next(numbers), machine_id=1, **ends(zero, pair)) for pair in draw(stretches(adjoining))]
    return zero, draw(st.permutations(spans)), tenures


def ends(zero: datetime, pair: tuple[timedelta, timedelta | None]) -> dict[str, datetime | None]:
    return {"started_at": zero + pair[0], "ended_at": None if pair[1] is None else zero + pair[1]}


def second_by_second(zero: datetime, spans: list[Span], tenures: list[Tenure], now: datetime) -> Counter:
    """(month, meter, tenure, quantity) -> seconds. Whoever was first has the second."""
    seconds: Counter = Counter()
    for number in range(int((now - zero).total_seconds())):
        second = zero + timedelta(seconds=number)
        for meter in Meter:
            span = holding([span for span in spans if span.meter == meter], second)
            tenure = holding(tenures, second)
            if span and tenure and span.quantity:
                month = second.astimezone(BERLIN).date().replace(day=1)
                seconds[month, meter, tenure.pk, span.quantity] += 1
    return seconds


def holding(rows: list, second: datetime):
    floor = lambda instant: instant.replace(microsecond=0)
    for row in sorted(rows, key=lambda row: (row.started_at, row.pk)):
        if floor(row.started_at) <= second and (row.ended_at is None or second < floor(row.ended_at)):
            return row
    return None


def counted(reckoning) -> Counter:
    seconds: Counter = Counter()
    for key, line in reckoning.lines.items():
        for part in line.parts:
            seconds[key.month, key.meter, key.tenure_id, part.span.quantity] += part.seconds
    return seconds


@given(history=histories(), looked=st.integers(1, WINDOW + 10))
@settings(max_examples=200, deadline=None)
def test_reckoning_agrees_with_every_second(history, looked):
    zero, spans, tenures = history
    now = zero + timedelta(seconds=looked)
    assert counted(reckon(spans, tenures, PRICES, start=BEFORE_ALL, end=now)) == second_by_second(
        zero, spans, tenures, now
    )


@given(history=histories(adjoining=False), looked=st.integers(1, WINDOW + 10))
@settings(max_examples=200, deadline=None)
def test_overlapping_history_is_never_charged_twice(history, looked):
    zero, spans, tenures = history
    now = zero + timedelta(seconds=looked)
    reckoning = reckon(spans, tenures, PRICES, start=BEFORE_ALL, end=now)
    assert counted(reckoning) == second_by_second(zero, spans, tenures, now)
    for meter in Meter:
        parts = sorted(
            (part.started_at, part.ended_at)
            for key, line in reckoning.lines.items()
            for part in line.parts
            if key.meter == meter
        )
        assert all(end <= start for (_start, end), (start, _end) in itertools.pairwise(parts))


@given(history=histories(adjoining=False, borders=MONTH_BORDERS))
@settings(max_examples=100, deadline=None)
def test_a_window_from_a_month_border_gives_the_same_lines(history):
    zero, spans, tenures = history
    now = zero + timedelta(seconds=WINDOW)
    border = zero + timedelta(seconds=WINDOW // 2)
    recent = lambda rows: [row for row in rows if row.ended_at is None or row.ended_at > border]
    whole = reckon(spans, tenures, PRICES, start=BEFORE_ALL, end=now)
    part = reckon(recent(spans), recent(tenures), PRICES, start=border, end=now)
    month = border.astimezone(BERLIN).date().replace(day=1)
    assert part.lines == {key: line for key, line in whole.lines.items() if key.month >= month}


def test_a_line_has_one_rate_and_the_card_changes_with_the_month():
    span = Span(pk=1, machine_id=1, meter=Meter.VCPU, quantity=1, started_at=utc("2026-03-15"), ended_at=None)
    tenure = Tenure(pk=1, machine_id=1, started_at=utc("2026-03-15"), ended_at=None)
    reckoning = reckon([span], [tenure], PRICES, start=BEFORE_ALL, end=utc("2026-04-15"))
    assert [(key.month, line.rate.card.name) for key, line in reckoning.lines.items()] == [
        (date(2026, 3, 1), "old"),
        (date(2026, 4, 1), "new"),
    ]


def test_time_before_the_first_card_is_counted_not_priced():
    span = Span(pk=1, machine_id=1, meter=Meter.VCPU, quantity=1, started_at=utc("2025-12-31 22:59:50"), ended_at=None)
    tenure = Tenure(pk=1, machine_id=1, started_at=utc("2025-12-01"), ended_at=None)
    reckoning = reckon([span], [tenure], PRICES, start=BEFORE_ALL, end=utc("2025-12-31 23:00:05"))
    assert reckoning.unpriced_seconds == 10
    assert [line.seconds for line in reckoning.lines.values()] == [5]


@given(
    units=st.integers(0, 10**7),
    micros=st.integers(0, 10**12),
    per=st.integers(1, 4096),
    month=st.dates(date(2020, 1, 1), date(2040, 1, 1)).map(lambda day: day.replace(day=1)),
)
def test_a_full_month_costs_exactly_its_price(units, micros, per, month):
    start = datetime.combine(month, datetime.min.time(), BERLIN)
    after = (month + timedelta(days=32)).replace(day=1)
    seconds = int(datetime.combine(after, datetime.min.time(), BERLIN).timestamp() - start.timestamp())
    exact = Fraction(units * micros, per * 10_000)
    expected = int(exact) + (exact - int(exact) >= Fraction(1, 2))
    assert cents(units * seconds, rate(1, OLD, Meter.VCPU, micros, per), month) == expected


@pytest.mark.parametrize(("micros", "expected"), [(4_999, 0), (5_000, 1), (14_999, 1), (15_000, 2), (25_000, 3)])
def test_half_a_cent_is_rounded_up(micros, expected):
    assert cents(2_678_400, rate(1, OLD, Meter.VCPU, micros), date(2026, 1, 1)) == expected
