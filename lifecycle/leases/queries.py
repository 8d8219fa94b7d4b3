"""Reading leases: the bar that is drawn wherever a machine appears, and what is due next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.estate.models import Machine, Stage
from lifecycle.leases.models import Lease


@dataclass(frozen=True)
class Segment:
    """A part of a lease: `planned` is what happens if nobody acts, `gone` what is no longer on the hypervisor."""

    stage: str
    start: datetime
    end: datetime | None
    planned: bool = False
    gone: bool = False


def timeline(lease: Lease, *, now: datetime) -> list[Segment]:
    """From hand-over to removal, split at `now` into what happened and what is planned. On hold nothing is planned."""
    expiring = max(lease.started_at, lease.ends_at - timedelta(days=max(lease.warn_days)))
    stopped = lease.stopped_at or lease.ends_at
    removal = lease.ended_at or lease.remove_at or stopped + timedelta(days=lease.grace_days)
    borders = [
        ("active", lease.started_at, min(expiring, stopped)),
        ("expiring", min(expiring, stopped), stopped),
        ("quarantined", stopped, removal),
    ]
    segments = [part for name, start, end in borders if end > start for part in _split(name, start, end, now)]
    if lease.held_at:
        segments = [segment for segment in segments if not segment.planned]
    return segments


def _split(stage: str, start: datetime, end: datetime, now: datetime) -> list[Segment]:
    if end <= now:
        return [Segment(stage, start, end)]
    if start >= now:
        return [Segment(stage, start, end, planned=True)]
    return [Segment(stage, start, now), Segment(stage, now, end, planned=True)]


def shown_stage(machine: Machine, *, now: datetime) -> str:
    """The stage as people see it: "expiring" is an active machine whose warnings have begun; it is stored nowhere."""
    lease = getattr(machine, "lease", None)
    if machine.stage == Stage.ACTIVE and lease and lease.ends_at - timedelta(days=max(lease.warn_days)) <= now:
        return "expiring"
    return str(machine.stage)


def next_due(*, after: datetime) -> datetime | None:
    """The next instant at which a lease has something due; for the travelling clock of the demo."""
    running = Lease.objects.filter(ended_at=None)
    free = running.filter(held_at=None)
    candidates = (
        running.filter(next_warning_at__gt=after).order_by("next_warning_at").values_list("next_warning_at", flat=True),
        free.filter(ends_at__gt=after, machine__stage=Stage.ACTIVE)
        .order_by("ends_at")
        .values_list("ends_at", flat=True),
        free.filter(remove_at__gt=after, machine__stage=Stage.QUARANTINED)
        .order_by("remove_at")
        .values_list("remove_at", flat=True),
    )
    return min((moment for query in candidates if (moment := query.first()) is not None), default=None)
