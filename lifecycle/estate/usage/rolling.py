"""All days made of their hours, and what is too old swept away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min

from lifecycle.estate.models import UsageDay, UsageHour, UsageRoll
from lifecycle.estate.usage.days import Day, Hour, Quiet, day_of

HOURS_KEPT = timedelta(days=7)
LATE = timedelta(hours=3)
"""After midnight, in which hours of the day before may still come in."""
TOGETHER = 2_000
"""Ids of machines whose days are made in one go."""
SWEPT = 5_000
"""Rows removed in one statement."""

Limits = Callable[[int | None], Quiet]
"""From a pool's id to what is quiet there."""

FACTS = ("machine_id", "machine__vcpus", "machine__pool_id", *Hour._fields)


def roll_up(now: datetime, *, quiet: Limits, limits: str) -> int:
    """Makes the days since the last time, today so far too, from their hours; returns how many rows were written.

    Where `limits` (which names what `quiet` holds) is another than the last time, all days whose hours are still
    there are made anew. Safe to run twice, and at once.
    """
    today = now.astimezone(UTC).date()
    oldest = today - HOURS_KEPT
    last = UsageRoll.objects.filter(pk=1).first()
    known = last is not None and last.limits == limits
    first = max(oldest, (last.at.astimezone(UTC) - LATE).date()) if last and known else oldest
    written = sum(_roll(first + timedelta(days=number), quiet) for number in range((today - first).days + 1))
    UsageRoll.objects.update_or_create(pk=1, defaults={"at": now, "limits": limits})
    return written


def sweep(now: datetime) -> int:
    """Whole days at a time, so that no day is ever made anew from a part of its hours."""
    today = now.astimezone(UTC).date()
    hours = UsageHour.objects.filter(hour__lt=midnight(today - HOURS_KEPT)).order_by("hour")
    days = UsageDay.objects.filter(day__lt=today - timedelta(days=settings.USAGE_KEPT_DAYS)).order_by("day")
    return _remove(UsageHour, hours) + _remove(UsageDay, days)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _roll(day: date, quiet: Limits) -> int:
    hours = UsageHour.objects.filter(hour__gte=midnight(day), hour__lt=midnight(day + timedelta(days=1)))
    ends = hours.order_by().aggregate(first=Min("machine"), last=Max("machine"))
    if ends["first"] is None:
        return 0
    starts = range(ends["first"], ends["last"] + 1, TOGETHER)
    return sum(
        _write(day, hours.filter(machine__gte=start, machine__lt=start + TOGETHER).order_by("machine"), quiet)
        for start in starts
    )


def _write(day: date, hours: Any, quiet: Limits) -> int:
    made = [
        UsageDay(machine_id=pk, day=day, **figures._asdict())
        for pk, figures in days_of(hours.values_list(*FACTS).iterator(), quiet)
    ]
    with transaction.atomic():
        UsageDay.objects.bulk_create(
            made, update_conflicts=True, unique_fields=["machine", "day"], update_fields=list(Day._fields)
        )
    return len(made)


def days_of(rows: Iterable[tuple[Any, ...]], quiet: Limits) -> Iterable[tuple[int, Day]]:
    """From rows of FACTS, those of a machine together."""
    for (pk, vcpus, pool), group in groupby(rows, key=itemgetter(0, 1, 2)):
        figures = day_of([Hour(*row[3:]) for row in group], vcpus=vcpus, quiet=quiet(pool))
        if figures is not None:
            yield pk, figures


def _remove(model: type[UsageHour] | type[UsageDay], rows: Any) -> int:
    total = 0
    while removed := model.objects.filter(pk__in=rows.values("pk")[:SWEPT]).delete()[0]:
        total += removed
    return total
