"""Machines whose end date passed longer ago than a stop takes, and that run on; and those on hold past their end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from lifecycle.estate.models import Power, Stage
from lifecycle.leases.actions import LEAST_NOTICE
from lifecycle.sprawl.detectors import Candidate, evidence, moment, whole
from lifecycle.sprawl.subjects import present_machines

RUNS_ON = Q(stage__in=(Stage.ACTIVE, Stage.EXPIRED), power=Power.ON)
HELD = Q(lease__held_at__isnull=False)


def detect(now: datetime) -> Iterator[Candidate]:
    # Who was not warned in time is given a day more (leases/clockwork.py), and so is a stop that failed.
    past = Q(lease__ended_at=None, lease__ends_at__lt=now - LEAST_NOTICE)
    found = present_machines().filter(past & (RUNS_ON | HELD)).exclude(stage=Stage.DISCOVERED)
    for machine in found.select_related("lease__held_by", "endpoint").iterator():
        lease = machine.lease
        yield Candidate(
            machine.pk,
            lease.ends_at,
            evidence(
                ended_on=moment(lease.ends_at),
                held_by=str(lease.held_by or "") if lease.held_at else "",
                held_reason=lease.held_reason if lease.held_at else "",
                power=machine.power,
                only_observed=machine.endpoint.name if machine.endpoint.mode == machine.endpoint.Mode.OBSERVE else "",
            ),
            **whole(machine),
        )
