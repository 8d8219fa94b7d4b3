"""Machines that have been off for long. What our own clock stopped is not meant: its removal has its date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lifecycle.estate.models import Power, Stage
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.subjects import present_machines
from lifecycle.sprawl.thresholds import by_machines


def detect(now: datetime) -> Iterator[Candidate]:
    off = present_machines().filter(stage__in=(Stage.DISCOVERED, Stage.ACTIVE), power=Power.OFF)
    for limits, machines in by_machines():
        for machine in off.filter(machines, power_since__lte=now - timedelta(days=limits.off_days)).iterator():
            since = machine.power_since or now
            yield Candidate(
                machine.pk,
                since,
                evidence(off_since=moment(since), stopped_by=machine.powered_by, guest_name=machine.guest_name),
                disk_mib=machine.disk_mib,
            )
