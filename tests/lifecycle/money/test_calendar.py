"""Days and months of the billing zone."""

from datetime import UTC, date, timedelta

import pytest

from lifecycle.money import calendar
from tests.lifecycle.factories import utc

MARCH = date(2026, 3, 1)


def test_month_of_follows_the_billing_zone():
    assert calendar.month_of(utc("2026-02-28 22:59:59")) == date(2026, 2, 1)
    assert calendar.month_of(utc("2026-02-28 23:00")) == MARCH


@pytest.mark.parametrize(("month", "hours"), [(date(2026, 2, 1), 672), (MARCH, 743), (date(2026, 10, 1), 745)])
def test_month_is_as_long_as_the_zone_says(month, hours):
    assert calendar.month_seconds(month) == hours * 3600


def test_month_bounds_are_utc_and_meet():
    assert calendar.month_bounds(MARCH) == (utc("2026-02-28 23:00"), utc("2026-03-31 22:00"))
    assert calendar.month_bounds(date(2026, 12, 1))[1] == calendar.month_bounds(date(2027, 1, 1))[0]


def test_days_have_23_24_or_25_hours():
    lengths = {day: end - start for month in (MARCH, date(2026, 10, 1)) for day, start, end in calendar.days_of(month)}
    assert lengths.pop(date(2026, 3, 29)) == timedelta(hours=23)
    assert lengths.pop(date(2026, 10, 25)) == timedelta(hours=25)
    assert set(lengths.values()) == {timedelta(hours=24)}
    assert len(lengths) == 60


def test_a_zone_that_skips_midnight_still_has_every_second_once(settings):
    settings.BILLING_ZONE = "America/Santiago"
    days = calendar.days_of(date(2026, 9, 1))
    assert [end for _day, _start, end in days[:-1]] == [start for _day, start, _end in days[1:]]
    assert sum((end - start).total_seconds() for _day, start, end in days) == calendar.month_seconds(date(2026, 9, 1))


def test_months_between_splits_at_borders_without_gap():
    start, end = utc("2026-02-10 12:00"), utc("2026-04-01 00:00")
    parts = list(calendar.months_between(start, end))
    assert [month for month, _start, _end in parts] == [date(2026, 2, 1), MARCH, date(2026, 4, 1)]
    assert sum(calendar.seconds_between(from_, to) for _month, from_, to in parts) == (end - start).total_seconds()


def test_months_between_of_nothing_is_nothing():
    border = calendar.month_bounds(MARCH)[0]
    assert list(calendar.months_between(border, border)) == []


def test_whole_cuts_both_ends_alike():
    moment = utc("2026-03-01 12:00").replace(microsecond=999_999)
    assert calendar.whole(moment) == utc("2026-03-01 12:00")
    assert calendar.whole(moment).tzinfo is UTC
