"""Machines that were stopped when their lease ended, and that somebody started again behind the portal's back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from lifecycle.estate.models import Power, Stage
from lifecycle.sprawl.detectors import Candidate, evidence, moment, whole
from lifecycle.sprawl.subjects import present_machines


def detect(now: datetime) -> Iterator[Candidate]:
    woken = present_machines().filter(stage=Stage.QUARANTINED, power=Power.ON)
    for machine in woken.select_related("lease").iterator():
        lease = getattr(machine, "lease", None)
        yield Candidate(
            machine.pk,
            machine.power_since or (lease.stopped_at if lease else None) or now,
            evidence(
                stopped_at=moment(lease.stopped_at if lease else None),
                running_since=moment(machine.power_since),
                started_by=machine.powered_by,
                remove_at=moment(lease.remove_at if lease else None),
            ),
            **whole(machine),
        )
