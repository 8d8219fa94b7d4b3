"""Machines that somebody holds without an end date: without a lease, or with one that is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from lifecycle.estate.models import FAR, Stage
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.subjects import present_machines


def detect(now: datetime) -> Iterator[Candidate]:
    endless = Q(lease=None) | Q(lease__ended_at__isnull=False) | Q(lease__ends_at__gte=FAR)
    found = present_machines().filter(endless, stage=Stage.ACTIVE).select_related("lease")
    for machine in found.iterator():
        lease = getattr(machine, "lease", None)
        yield Candidate(
            machine.pk,
            (lease.ended_at or lease.started_at if lease else machine.first_seen_at) or now,
            # It may well be needed: nothing is said to be wasted.
            evidence(
                purpose=machine.purpose,
                lease_ended_at=moment(lease.ended_at if lease else None),
                no_lease="" if lease else "yes",
            ),
        )
