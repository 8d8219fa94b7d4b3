"""What one machine used, as pages and programs ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import QuerySet

from lifecycle.estate.models import Machine, UsageDay, UsageHour
from lifecycle.estate.usage.rolling import midnight

ONE_DAY = timedelta(days=1)
SHOWN = 30
"""Days on a machine's page, today so far with them."""


@dataclass(frozen=True)
class Past:
    """The last days of a machine, those that were measured; `first` and `last` may not have been."""

    first: date
    last: date
    days: Sequence[UsageDay]

    @property
    def cpu_milli(self) -> float:
        """Mean of the measured hours."""
        return sum(day.cpu_milli * day.hours for day in self.days) / (sum(day.hours for day in self.days) or 1)

    @property
    def cpu_top_milli(self) -> int:
        return max((day.cpu_top_milli for day in self.days), default=0)

    @property
    def memory_top_mib(self) -> int | None:
        return max((day.memory_top_mib for day in self.days if day.memory_top_mib is not None), default=None)

    @property
    def io_kib_s(self) -> int | None:
        return _mean([day.io_kib_s for day in self.days if day.io_kib_s is not None])

    @property
    def net_kib_s(self) -> int | None:
        return _mean([day.net_kib_s for day in self.days if day.net_kib_s is not None])


def past(machine: Machine, *, now: datetime) -> Past:
    """One query."""
    last = now.astimezone(UTC).date()
    first = last - timedelta(days=SHOWN - 1)
    return Past(first, last, list(days(machine, first, last)))


def days(machine: Machine, first: date, last: date) -> QuerySet[UsageDay]:
    """Both days included, oldest first."""
    return UsageDay.objects.filter(machine=machine, day__gte=first, day__lte=last).order_by("day")


def hours(machine: Machine, first: date, last: date) -> QuerySet[UsageHour]:
    """Both days included, oldest first."""
    shown = UsageHour.objects.filter(machine=machine, hour__gte=midnight(first), hour__lt=midnight(last) + ONE_DAY)
    return shown.order_by("hour")


def _mean(values: Sequence[int]) -> int | None:
    return round(sum(values) / len(values)) if values else None
