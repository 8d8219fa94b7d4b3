"""From when on something is a finding. Defaults are literal; an administrator sets others, for a pool or for all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields, replace

from django.db.models import Q

from lifecycle.estate.models import Pool
from lifecycle.sprawl.models import Threshold


@dataclass(frozen=True, slots=True)
class Limits:
    """Days are days of 24 hours; a value of exactly the limit counts as reached."""

    orphan_scans: int = 3
    """Complete scans that saw a machine before it is an orphan."""
    off_days: int = 14
    idle_cpu_milli: int = 40
    """Thousandths of one processor: 100 MHz of one with 2.5 GHz. Below this and below the next an hour is quiet."""
    idle_cpu_percent: int = 5
    """Of all its vCPUs."""
    idle_io_kib: int = 100
    """KiB a second, read and written."""
    idle_net_kib: int = 200
    """KiB a second, received and sent."""
    idle_days: int = 14
    idle_percent: int = 90
    """So many of the hours of those days are quiet."""
    idle_age_days: int = 7
    """A younger machine is never idle."""
    oversized_days: int = 14
    oversized_headroom_percent: int = 25
    """What is recommended beyond the 95th percentile."""
    snapshot_days: int = 7
    snapshot_chain: int = 3
    """So many snapshots on top of each other are a chain that is too long."""
    file_looks: int = 3
    """Complete looks that found a disk file without a user."""
    file_days: int = 7
    """Days without a user, and without a change."""
    file_wait_days: int = 14
    """Between renaming a disk file and removing it."""
    image_days: int = 180


NAMES = tuple(field.name for field in fields(Limits))

DAYS = (1, 3650)
RANGES: dict[str, tuple[int, int]] = {
    "orphan_scans": (1, 100),
    "off_days": DAYS,
    "idle_cpu_milli": (0, 1_000_000),
    "idle_cpu_percent": (0, 100),
    "idle_io_kib": (0, 1_000_000_000),
    "idle_net_kib": (0, 1_000_000_000),
    "idle_days": DAYS,
    "idle_percent": (1, 100),
    "idle_age_days": DAYS,
    "oversized_days": DAYS,
    "oversized_headroom_percent": (0, 1000),
    "snapshot_days": DAYS,
    "snapshot_chain": (2, 100),
    "file_looks": (1, 100),
    "file_days": DAYS,
    "file_wait_days": DAYS,
    "image_days": DAYS,
}
"""Least and most. 0 is not among them where it would make everything a finding."""
OF_NO_POOL = frozenset({"file_looks", "file_days", "file_wait_days", "image_days"})
"""Disk files and images belong to no pool."""


def groups() -> list[tuple[Limits, list[int]]]:
    """Limits, and the pools that they hold for; the last for all other machines, with an empty list. One query."""
    changed: defaultdict[int | None, dict[str, int]] = defaultdict(dict)
    for pool, name, value in Threshold.objects.order_by("pk").values_list("pool", "name", "value"):
        if name in NAMES:
            changed[pool][name] = value
    general = replace(Limits(), **changed.pop(None, {}))
    by_limits: defaultdict[Limits, list[int]] = defaultdict(list)
    for pk, values in changed.items():
        if pk is not None:
            by_limits[replace(general, **values)].append(pk)
    return [*by_limits.items(), (general, [])]


def by_machines(machine: str = "") -> list[tuple[Limits, Q]]:
    """Limits, and which machines they hold for; `machine` leads from the rows asked for to theirs. One query."""
    *special, (general, _none) = groups()
    column = f"{machine}pool__in"
    others = ~Q((column, [pool for _limits, pools in special for pool in pools]))
    return [*((limits, Q((column, pools))) for limits, pools in special), (general, others)]


def limits_of(pool: Pool | None) -> Limits:
    """What holds for one pool."""
    return next(
        (limits for limits, pools in groups() if not pools or (pool is not None and pool.pk in pools)), Limits()
    )
