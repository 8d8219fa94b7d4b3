"""What the detectors of idle and oversized machines have in common: a window of whole days (UTC), and its figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, FloatField, Max, Min, Q, QuerySet, Sum

from lifecycle.estate.models import Machine, Power, Stage, UsageDay
from lifecycle.sprawl.detectors import Candidate
from lifecycle.sprawl.models import Confidence, Finding, Kind
from lifecycle.sprawl.subjects import flagged_machines

CHUNK = 500
MEASURED_PERCENT = 75
"""So many of the hours of a window must have been measured: a machine that was off for longer is not judged by it, and
a portal that was down over a weekend judges on."""
WELL_MEASURED_PERCENT = 90
LOOK_BACK = timedelta(days=60)
"""Before a window, for when it began. A finding that stands keeps what was known when it was opened."""


@dataclass(frozen=True, slots=True)
class Window:
    """The whole days before today."""

    first: date
    days: int

    @classmethod
    def before(cls, now: datetime, days: int) -> Window:
        days = max(days, 1)
        return cls(now.astimezone(UTC).date() - timedelta(days=days), days)

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.first + timedelta(days=self.days)

    @property
    def least_hours(self) -> int:
        return -(-self.days * 24 * MEASURED_PERCENT // 100)

    def is_well_measured(self, hours: int) -> bool:
        return hours * 100 >= WELL_MEASURED_PERCENT * self.days * 24


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def judged() -> QuerySet[Machine]:
    """Machines that run, and whose end nobody has begun. One scan that missed a machine proves nothing yet."""
    return flagged_machines().filter(
        stage__in=(Stage.DISCOVERED, Stage.ACTIVE), power=Power.ON, scans_missed__lt=settings.MISSING_AFTER_SCANS
    )


def figures(window: Window, machines: Q) -> Any:
    """One row per machine that was measured for long enough: a queryset. Means weigh a day by its hours."""
    days = UsageDay.objects.filter(_within("day", window), machines, machine__in=judged())
    return (
        days.order_by()
        .values("machine")
        .annotate(
            measured=Sum("hours"),
            quiet=Sum("quiet_hours"),
            days=Count("day"),
            cpu=_mean("cpu_milli"),
            cpu_p95=Max("cpu_p95_milli"),
            cpu_top=Max("cpu_top_milli"),
            memory_p95=Max("memory_p95_mib"),
            memory_top=Max("memory_top_mib"),
            memory_days=Count("memory_p95_mib"),
            io=_mean("io_kib_s"),
            net=_mean("net_kib_s"),
            io_days=Count("io_kib_s"),
            net_days=Count("net_kib_s"),
            vcpus=Max("machine__vcpus"),
            memory=Max("machine__memory_mib"),
        )
        .filter(measured__gte=window.least_hours)
    )


def begun(window: Window, machines: Sequence[int], beyond: Any) -> dict[int, date]:
    """Since when, of those that have a day before the window: the days in a row on which `beyond`, reckoned of one
    day, was not below 0. One query."""
    known = Q(day__gte=window.first - LOOK_BACK, day__lt=window.first)
    earlier = UsageDay.objects.filter(known, machine__in=machines).order_by()
    days = earlier.annotate(beyond=whole(beyond)).values("machine")
    ends = days.annotate(first=Min("day"), against=Max("day", filter=Q(beyond__lt=0)))
    return {row["machine"]: row["against"] + timedelta(days=1) if row["against"] else row["first"] for row in ends}


def kept(kind: Kind, window: Window, machines: Q) -> Iterator[Candidate]:
    """Findings of machines that were not measured for long enough to say otherwise: nothing tells that they ended.

    They stand as they were, and are a guess from now on. One query.
    """
    hours = Sum("machine__usage_days__hours", filter=_within("machine__usage_days__day", window), default=0)
    standing = Finding.objects.filter(machines, kind=kind, ended_at=None, machine__in=judged()).order_by()
    for finding in standing.annotate(measured=hours).filter(measured__lt=window.least_hours).iterator():
        yield Candidate(
            finding.machine_id or 0, finding.since, finding.evidence, Confidence.GUESS,
            vcpus=finding.vcpus, memory_mib=finding.memory_mib,
        )  # fmt: skip


def _within(column: str, window: Window) -> Q:
    return Q((f"{column}__gte", window.first), (f"{column}__lt", window.end))


def whole(expression: Any) -> Any:
    """Reckoned in whole numbers, so that what is exactly at a limit is not beside it by rounding."""
    return ExpressionWrapper(expression, output_field=BigIntegerField())


def _mean(column: str) -> Any:
    return ExpressionWrapper(Sum(whole(F(column) * F("hours"))) * 1.0 / Sum("hours"), output_field=FloatField())


def chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rest = iter(rows)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def processors(milli: float) -> str:
    """Thousandths as processors, rounded so that little is not called nothing."""
    return f"{milli / 1000:.3f}" if milli < 100 else f"{milli / 1000:.2f}"
