"""A day made of its hours: pure, so that the demo's past is made as the present is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MEASURED = 120
"""Seconds that make an hour a measured one: half of what the sparsest hypervisor tells, 20 of every 300."""
PERCENTILE = 95


class Hour(NamedTuple):
    """The columns of a UsageHour."""

    seconds: int
    cpu_ms: int
    memory_mib: int | None
    io_kib: int | None
    net_kib: int | None


@dataclass(frozen=True, slots=True)
class Quiet:
    """An hour that stays below all of these is quiet; what is not told is not asked."""

    cpu_milli: int
    cpu_percent: int
    io_kib: int
    """A second; so is the next."""
    net_kib: int

    def fits(self, hour: Hour, vcpus: int) -> bool:
        """Multiplied out, so that an hour exactly at a limit is never quiet by rounding."""
        below = hour.cpu_ms < self.cpu_milli * hour.seconds
        return (
            below
            and (not vcpus or hour.cpu_ms * 100 < self.cpu_percent * vcpus * 1000 * hour.seconds)
            and (hour.io_kib is None or hour.io_kib < self.io_kib * hour.seconds)
            and (hour.net_kib is None or hour.net_kib < self.net_kib * hour.seconds)
        )


class Day(NamedTuple):
    """The columns of a UsageDay."""

    hours: int
    quiet_hours: int
    cpu_milli: int
    cpu_p95_milli: int
    cpu_top_milli: int
    memory_p95_mib: int | None
    memory_top_mib: int | None
    io_kib_s: int | None
    net_kib_s: int | None


def day_of(hours: Iterable[Hour], *, vcpus: int, quiet: Quiet) -> Day | None:
    """None: too little of every hour was measured to say anything."""
    measured = [hour for hour in hours if hour.seconds >= MEASURED]
    if not measured:
        return None
    cpu = [round(hour.cpu_ms / hour.seconds) for hour in measured]
    memory = [hour.memory_mib for hour in measured if hour.memory_mib is not None]
    return Day(
        hours=len(measured),
        quiet_hours=sum(quiet.fits(hour, vcpus) for hour in measured),
        cpu_milli=round(sum(cpu) / len(cpu)),
        cpu_p95_milli=percentile(cpu),
        cpu_top_milli=max(cpu),
        memory_p95_mib=percentile(memory) if memory else None,
        memory_top_mib=max(memory, default=None),
        io_kib_s=_mean([hour.io_kib / hour.seconds for hour in measured if hour.io_kib is not None]),
        net_kib_s=_mean([hour.net_kib / hour.seconds for hour in measured if hour.net_kib is not None]),
    )


def percentile(values: Sequence[int], share: int = PERCENTILE) -> int:
    """The least of them that so many of a hundred do not exceed (nearest rank)."""
    return sorted(values)[-(-len(values) * share // 100) - 1]


def _mean(values: Sequence[float]) -> int | None:
    return round(sum(values) / len(values)) if values else None
