"""Days of use made from hours, judged by the limits of each machine's pool."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from lifecycle import clock
from lifecycle.estate.usage import rolling
from lifecycle.estate.usage.days import Quiet
from lifecycle.sprawl.thresholds import Limits, groups


def roll_up(now: datetime | None = None) -> int:
    """Hourly. Returns how many days were written."""
    now = now or clock.now()
    general, by_pool = _quiet()
    written = rolling.roll_up(now, quiet=lambda pool: by_pool.get(pool, general), limits=_named(general, by_pool))
    rolling.sweep(now)
    return written


def quiet_of(limits: Limits) -> Quiet:
    return Quiet(limits.idle_cpu_milli, limits.idle_cpu_percent, limits.idle_io_kib, limits.idle_net_kib)


def _quiet() -> tuple[Quiet, dict[int | None, Quiet]]:
    """What is quiet in general, and in pools where that is something else."""
    *special, (general, _all_others) = groups()
    return quiet_of(general), {pool: quiet_of(limits) for limits, pools in special for pool in pools}


def _named(general: Quiet, by_pool: dict[int | None, Quiet]) -> str:
    changed = {str(pool): asdict(quiet) for pool, quiet in by_pool.items() if quiet != general}
    return json.dumps([asdict(general), changed], sort_keys=True)
