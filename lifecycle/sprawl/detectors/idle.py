"""Machines that run and do nothing: of the hours measured over the window, nearly all were quiet.

What is had back are vCPU and memory: stopping it asks for nothing that cannot be undone, and its disks stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Max, Q
from django.db.models.functions import Coalesce

from lifecycle.sprawl.detectors import Candidate
from lifecycle.sprawl.detectors.use import Window, begun, chunks, figures, kept, midnight, processors, whole
from lifecycle.sprawl.models import Confidence, Kind
from lifecycle.sprawl.thresholds import Limits, by_machines


def detect(now: datetime) -> Iterable[Candidate]:
    for limits, machines in by_machines("machine__"):
        yield from _of_group(limits, machines, now)


def _of_group(limits: Limits, machines: Q, now: datetime) -> Iterator[Candidate]:
    window = Window.before(now, limits.idle_days)
    born = now - timedelta(days=limits.idle_age_days)
    rows = (
        figures(window, machines)
        .annotate(born=Max(Coalesce("machine__created_at", "machine__first_seen_at")))
        .annotate(beyond=whole(F("quiet") * 100 - F("measured") * limits.idle_percent))
        .filter(Q(born__lte=born) | Q(born=None), beyond__gte=0)
    )
    for chunk in chunks(rows.iterator(chunk_size=2000)):
        quiet = F("quiet_hours") * 100 - F("hours") * limits.idle_percent
        since = begun(window, [row["machine"] for row in chunk], quiet)
        for row in chunk:
            yield _candidate(row, since.get(row["machine"], window.first), window)
    yield from kept(Kind.IDLE, window, machines)


def _candidate(row: dict[str, Any], since: date, window: Window) -> Candidate:
    untold = [word for word, days in (("disk", row["io_days"]), ("network", row["net_days"])) if days < row["days"]]
    return Candidate(
        row["machine"], midnight(since), _evidence(row, since, untold), _confidence(row, untold, window),
        vcpus=row["vcpus"], memory_mib=row["memory"],
    )  # fmt: skip


def _confidence(row: dict[str, Any], untold: list[str], window: Window) -> Confidence:
    doubts = len(untold) + (not window.is_well_measured(row["measured"]))
    return Confidence(max(Confidence.CERTAIN - doubts, Confidence.GUESS))


def _evidence(row: dict[str, Any], since: date, untold: list[str]) -> list[dict[str, str]]:
    found = {
        "quiet_hours": f"{row['quiet']}/{row['measured']}",
        "quiet_since": since.isoformat(),
        "cpu_mean": processors(row["cpu"]),
        "cpu_top": processors(row["cpu_top"]),
        "io_mean": "" if "disk" in untold else str(round(row["io"])),
        "net_mean": "" if "network" in untold else str(round(row["net"])),
        "use_untold": ",".join(untold),
    }
    return [{"what": what, "value": value} for what, value in found.items() if value]
