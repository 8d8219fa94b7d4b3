"""Machines that nobody holds: there, seen often enough, and not managed by something else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Machine, Stage
from lifecycle.sprawl.detectors import Candidate

IDLE_COUNTS_AFTER = timedelta(days=1)


def detect(now: datetime) -> Iterable[Candidate]:
    # One scan that missed it proves nothing yet: until it counts as missing, it is the orphan that it was.
    doubtful = Q(stage=Stage.DISCOVERED, managed_by="", managed_rule="", scans_missed__lt=settings.MISSING_AFTER_SCANS)
    ownerless = Machine.objects.ownerless() | Machine.objects.filter(doubtful)
    seen = ownerless.seen_at_least(settings.ORPHAN_AFTER_SCANS)
    for machine in seen.select_related("endpoint", "pool").order_by("pk"):
        since = machine.first_seen_at or now
        yield Candidate(
            machine.pk, since, _evidence(machine, now),
            vcpus=machine.vcpus, memory_mib=machine.memory_mib, disk_mib=machine.disk_mib,
        )  # fmt: skip


def _evidence(machine: Machine, now: datetime) -> list[dict[str, str]]:
    found = {
        "created_by": machine.created_by,
        "created_at": _moment(machine.created_at),
        "note": cut(machine.note, 500),
        "guest_name": machine.guest_name,
        "addresses": ", ".join(machine.addresses),
        "first_seen_at": _moment(machine.first_seen_at),
        "power": machine.power,
        "idle_since": _moment(_idle_since(machine, now)),
        "endpoint": machine.endpoint.name,
        "pool": machine.pool.name if machine.pool else "",
    }
    return [{"what": what, "value": value} for what, value in found.items() if value]


def _idle_since(machine: Machine, now: datetime) -> datetime | None:
    """An hour of quiet says nothing about whether a machine is needed; a day may."""
    since = machine.idle_since
    return since if since and now - since >= IDLE_COUNTS_AFTER else None


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
