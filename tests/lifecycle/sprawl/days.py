"""Histories of use with known answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from lifecycle.estate.models import Machine, UsageDay
from tests.lifecycle.factories import make_machine, utc

NOW = utc("2026-11-20 09:00")
LONG_AGO = utc("2026-01-01 00:00")
IDLE: dict[str, Any] = {
    "hours": 24, "quiet_hours": 24, "cpu_milli": 12, "cpu_p95_milli": 20, "cpu_top_milli": 35, "memory_p95_mib": 3500,
    "memory_top_mib": 3600, "io_kib_s": 3, "net_kib_s": 1,
}  # fmt: skip
BUSY = IDLE | {"quiet_hours": 0, "cpu_milli": 900, "cpu_p95_milli": 1500, "cpu_top_milli": 1900}


def make_days(machine: Machine, *days: dict[str, Any], until: datetime = NOW) -> Machine:
    """One after the other, the last being the day before `until`. An empty one was not measured."""
    first = until.date() - timedelta(days=len(days))
    UsageDay.objects.bulk_create(
        UsageDay(machine=machine, day=first + timedelta(days=place), **day) for place, day in enumerate(days) if day
    )
    return machine


def old_machine(**fields: Any) -> Machine:
    """2 vCPU and 4 GiB, of which the days here use less than half, and nearly all."""
    return make_machine(**{"created_at": LONG_AGO} | fields)
