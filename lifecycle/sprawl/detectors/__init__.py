"""One file per kind of finding: `detect(now)` yields every subject that has it at this moment.

Detectors ask set-based questions, one per group of pools with equal limits (`thresholds.groups()`), and stream what
they find (`iterator`). They say nothing of money, exemptions or what counts: the scan does, for all alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from lifecycle.estate.models import Machine
from lifecycle.sprawl.models import Confidence


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine, disk file or image (its id; the kind says which) that is not as it should be, and why we think so."""

    subject_id: int
    since: datetime
    """When the cause began."""
    evidence: list[dict[str, str]] = field(default_factory=list)
    """[{"what": key, "value": text}, …]; moments in ISO form, everything else hostile text. Keys have their sentences
    in portal/web/evidencewords.py."""
    confidence: Confidence = Confidence.CERTAIN
    # What could be had back.
    vcpus: int = 0
    memory_mib: int = 0
    disk_mib: int = 0


def evidence(**found: str) -> list[dict[str, str]]:
    """What was found, without what is empty."""
    return [{"what": what, "value": value} for what, value in found.items() if value]


def moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


class Whole(TypedDict):
    vcpus: int
    memory_mib: int
    disk_mib: int


def whole(machine: Machine) -> Whole:
    """All of it could be had back; the scan leaves out what a machine that is off does not use."""
    return {"vcpus": machine.vcpus, "memory_mib": machine.memory_mib, "disk_mib": machine.disk_mib}
