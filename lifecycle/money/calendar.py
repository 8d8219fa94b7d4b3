"""Months and days of the billing zone, as half-open stretches of UTC. A day may have 23 or 25 hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from lifecycle import clock

SECOND = timedelta(seconds=1)


def whole(instant: datetime) -> datetime:
    """The whole second an instant falls into. Both ends of a stretch go through this, so neighbours still adjoin."""
    return instant.astimezone(UTC).replace(microsecond=0)


def seconds_between(start: datetime, end: datetime) -> int:
    """Length of a stretch of whole seconds; both ends must be in UTC."""
    return (end - start) // SECOND


def month_of(instant: datetime) -> date:
    """First day of the month an instant falls into."""
    return instant.astimezone(clock.billing_zone()).date().replace(day=1)


def next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def previous_month(month: date) -> date:
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """The month's first instant and the first one after it."""
    return _bounds_in(clock.billing_zone(), month)


def month_seconds(month: date) -> int:
    """How long this month is: 2,419,200 to 2,682,000 seconds."""
    return seconds_between(*month_bounds(month))


def months_between(start: datetime, end: datetime) -> Iterator[tuple[date, datetime, datetime]]:
    """Each month that [start, end) touches, with the part of the stretch that falls into it."""
    month = month_of(start)
    while start < end:
        border = min(end, month_bounds(month)[1])
        yield month, start, border
        start, month = border, next_month(month)


def days_of(month: date) -> list[tuple[date, datetime, datetime]]:
    """Each day of a month with its first instant and the first one after it."""
    first, end = month.replace(day=1), next_month(month)
    days = [first + timedelta(days=number) for number in range((end - first).days)]
    return [(day, _midnight(day), _midnight(day + timedelta(days=1))) for day in days]


def _midnight(day: date) -> datetime:
    return _midnight_in(clock.billing_zone(), day)


@lru_cache(maxsize=1024)
def _bounds_in(zone: ZoneInfo, month: date) -> tuple[datetime, datetime]:
    return _midnight_in(zone, month.replace(day=1)), _midnight_in(zone, next_month(month))


@lru_cache(maxsize=4096)
def _midnight_in(zone: ZoneInfo, day: date) -> datetime:
    # Where a zone skips midnight, this is the instant at which it does so.
    return datetime.combine(day, time.min, zone).astimezone(UTC)
