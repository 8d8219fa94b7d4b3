"""Machines whose holder has left, and that no team holds instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from lifecycle.estate.models.machines import LEASED
from lifecycle.people.models import User
from lifecycle.people.queries import leavers
from lifecycle.sprawl.detectors import Candidate, evidence, whole
from lifecycle.sprawl.subjects import present_machines


def detect(now: datetime) -> Iterator[Candidate]:
    found = present_machines().filter(holder__in=leavers(now=now), team=None, stage__in=LEASED)
    for machine in found.select_related("holder__supervisor").iterator():
        holder = machine.holder
        if holder is None:
            continue
        yield Candidate(
            machine.pk,
            _left(holder) or now,
            evidence(
                holder_left=str(holder),
                left_on=holder.left_on.isoformat() if holder.left_on else "",
                supervisor=str(holder.supervisor or ""),
                purpose=machine.purpose,
            ),
            **whole(machine),
        )


def _left(holder: User) -> datetime | None:
    """The end of their last day, where they were."""
    if holder.left_on is None:
        return None
    return datetime.combine(holder.left_on + timedelta(days=1), time(), holder.tz).astimezone(UTC)
