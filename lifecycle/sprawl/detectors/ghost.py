"""Machines that somebody holds and that are gone from their hypervisor: several complete looks did not see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from lifecycle.estate.models import Missing
from lifecycle.estate.models.machines import LEASED
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.models import Confidence
from lifecycle.sprawl.subjects import flagged_machines


def detect(now: datetime) -> Iterator[Candidate]:
    gone = flagged_machines().filter(stage__in=LEASED, scans_missed__gte=settings.MISSING_AFTER_SCANS)
    for machine in gone.select_related("endpoint").iterator():
        told = machine.missing_reason in {Missing.REMOVED, Missing.ELSEWHERE}
        yield Candidate(
            machine.pk,
            machine.missing_since or now,
            evidence(
                missing_reason=machine.missing_reason or Missing.UNKNOWN,
                missing_by=machine.missing_by,
                missing_since=moment(machine.missing_since),
                last_seen_at=moment(machine.seen_at),
                endpoint=machine.endpoint.name,
            ),
            confidence=Confidence.CERTAIN if told else Confidence.LIKELY,
        )
