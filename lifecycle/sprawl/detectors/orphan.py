"""Machines that nobody holds: there, and seen often enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Machine, Stage
from lifecycle.sprawl.detectors import Candidate, evidence, moment, whole
from lifecycle.sprawl.subjects import present_machines
from lifecycle.sprawl.thresholds import by_machines

IDLE_COUNTS_AFTER = timedelta(days=1)
NOTE = 500
"""Characters of a note that are kept as evidence."""


def detect(now: datetime) -> Iterator[Candidate]:
    found = present_machines().filter(stage=Stage.DISCOVERED).select_related("endpoint", "pool")
    for limits, machines in by_machines():
        for machine in found.filter(machines).seen_at_least(limits.orphan_scans).iterator():
            yield Candidate(machine.pk, machine.first_seen_at or now, _evidence(machine, now), **whole(machine))


def _evidence(machine: Machine, now: datetime) -> list[dict[str, str]]:
    return evidence(
        created_by=machine.created_by,
        created_at=moment(machine.created_at),
        note=cut(machine.note, NOTE),
        guest_name=machine.guest_name,
        addresses=", ".join(machine.addresses),
        first_seen_at=moment(machine.first_seen_at),
        power=machine.power,
        idle_since=moment(_idle_since(machine, now)),
        endpoint=machine.endpoint.name,
        pool=machine.pool.name if machine.pool else "",
    )


def _idle_since(machine: Machine, now: datetime) -> datetime | None:
    """An hour of quiet says nothing about whether a machine is needed; a day may."""
    since = machine.idle_since
    return since if since and now - since >= IDLE_COUNTS_AFTER else None
