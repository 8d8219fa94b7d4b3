"""Machines that have clearly more than they ever use: what is recommended follows from the busiest day's percentiles.

A processor is recommended by the 95th percentile of the hours of the busiest day in the window, and memory likewise:
a nightly run of two hours counts, and a peak that came once does not. The peak is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest

from lifecycle.sprawl.detectors import Candidate
from lifecycle.sprawl.detectors.use import Window, begun, chunks, figures, kept, midnight, processors, whole
from lifecycle.sprawl.models import Confidence, Kind
from lifecycle.sprawl.thresholds import Limits, by_machines

LESS = 75
"""Percent of what it has, and a whole vCPU less: so small a size is clearly smaller."""
GIB = 1024
STEPS = ((4 * GIB, 512), (32 * GIB, GIB), (2**62, 4 * GIB))
"""Up to what, and by what, memory is recommended in MiB."""


class Recommended(NamedTuple):
    """0: as it is."""

    vcpus: int
    memory_mib: int


def detect(now: datetime) -> Iterable[Candidate]:
    for limits, machines in by_machines("machine__"):
        yield from _of_group(limits, machines, now)


def recommend(row: dict[str, Any], limits: Limits) -> Recommended:
    percent = 100 + limits.oversized_headroom_percent
    vcpus = max(-(-row["cpu_p95"] * percent // 100_000), 1)
    memory = _in_steps(-(-row["memory_p95"] * percent // 100)) if row["memory_p95"] is not None else row["memory"]
    return Recommended(
        vcpus if _is_clearly_smaller(vcpus, row["vcpus"]) else 0,
        memory if _is_clearly_smaller(memory, row["memory"]) else 0,
    )


def _of_group(limits: Limits, machines: Q, now: datetime) -> Iterator[Candidate]:
    window = Window.before(now, limits.oversized_days)
    percent = 100 + limits.oversized_headroom_percent
    # What is not smaller before it is rounded up, to a whole vCPU or a step of memory, is left out here already.
    rows = (
        figures(window, machines)
        .annotate(vcpus_to_spare=whole(F("vcpus") * LESS * 1000 - F("cpu_p95") * percent))
        .annotate(memory_to_spare=whole(F("memory") * LESS - F("memory_p95") * percent))
        .filter(Q(vcpus__gt=1, vcpus_to_spare__gte=0) | Q(memory_to_spare__gte=0))
        # What does nothing needs no other size: it is idle.
        .annotate(beyond=whole(F("quiet") * 100 - F("measured") * limits.idle_percent))
        .filter(beyond__lt=0)
    )
    for chunk in chunks(rows.iterator(chunk_size=2000)):
        wanted = {row["machine"]: recommend(row, limits) for row in map(_fully_told, chunk)}
        since = begun(window, [pk for pk, recommended in wanted.items() if any(recommended)], _to_spare(percent))
        for row in chunk:
            if any(wanted[row["machine"]]):
                yield _candidate(row, wanted[row["machine"]], since.get(row["machine"], window.first), window)
    yield from kept(Kind.OVERSIZED, window, machines)


def _fully_told(row: dict[str, Any]) -> dict[str, Any]:
    if row["memory_days"] < row["days"]:
        row["memory_p95"] = None  # days that do not tell may have used more
    return row


def _to_spare(percent: int) -> Any:
    """On one day: of processors or of memory, in units of their own; only whether it is below 0 means something."""
    vcpus = F("machine__vcpus") * LESS * 1000 - F("cpu_p95_milli") * percent
    memory = F("machine__memory_mib") * LESS - F("memory_p95_mib") * percent
    return Greatest(whole(vcpus), Coalesce(whole(memory), -1))


def _candidate(row: dict[str, Any], wanted: Recommended, since: date, window: Window) -> Candidate:
    return Candidate(
        row["machine"], midnight(since), _evidence(row, wanted),
        # A size is advice: what a machine will need, its past does not tell for certain.
        Confidence.LIKELY if window.is_well_measured(row["measured"]) else Confidence.GUESS,
        vcpus=row["vcpus"] - wanted.vcpus if wanted.vcpus else 0,
        memory_mib=row["memory"] - wanted.memory_mib if wanted.memory_mib else 0,
    )  # fmt: skip


def _evidence(row: dict[str, Any], wanted: Recommended) -> list[dict[str, str]]:
    found = {
        "vcpus_wanted": f"{wanted.vcpus}/{row['vcpus']}" if wanted.vcpus else "",
        "memory_wanted": f"{wanted.memory_mib}/{row['memory']}" if wanted.memory_mib else "",
        "cpu_p95": processors(row["cpu_p95"]),
        "cpu_top": processors(row["cpu_top"]),
        "memory_p95": "" if row["memory_p95"] is None else str(row["memory_p95"]),
        "memory_top": "" if row["memory_p95"] is None else str(row["memory_top"]),
        "use_hours": str(row["measured"]),
        "use_untold": "memory" if row["memory_p95"] is None else "",
    }
    return [{"what": what, "value": value} for what, value in found.items() if value]


def _is_clearly_smaller(wanted: int, present: int) -> bool:
    return 0 < wanted < present and wanted * 100 <= LESS * present


def _in_steps(mib: int) -> int:
    """Rounded up, in steps that grow with the size; the least is one step."""
    for most, step in STEPS:
        wanted = max(-(-mib // step), 1) * step
        if wanted <= most:
            return wanted
    raise AssertionError("The last step has no end.")
