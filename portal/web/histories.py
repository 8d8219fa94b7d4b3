"""The record of one machine: what was done to it, its lease, its request, and by its operations."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine
from lifecycle.requests.queries import record_of
from portal.web.auditwords import sentence

MOST = 30

ICONS = {
    "request.submitted": "send",
    "request.approved": "check",
    "machine.building": "hammer",
    "machine.active": "circle-check",
    "machine.expired": "power",
    "machine.quarantined": "circle-pause",
    "machine.removing": "trash-2",
    "machine.removed": "trash-2",
    "machine.failed": "circle-x",
    "machine.missing": "circle-question-mark",
    "machine.found_again": "scan-search",
    "machine.shared": "users",
    "machine.share_changed": "users",
    "machine.share_withdrawn": "users",
    "lease.extended": "calendar-plus",
    "lease.given_back": "undo-2",
    "lease.restored": "rotate-ccw",
    "lease.held": "lock",
    "lease.released": "lock-open",
    "lease.removal_failed": "triangle-alert",
    "operation.succeeded": "check",
    "operation.failed": "circle-x",
    "operation.cancelled": "ban",
    "operation.doubles": "triangle-alert",
}
OTHERWISE = "arrow-right"


@dataclass(frozen=True)
class Told:
    entry: Entry
    icon: str
    sentence: str


def history(machine: Machine) -> list[Told]:
    """The latest first."""
    entries = record_of(machine)[:MOST]
    return [Told(entry, ICONS.get(entry.verb, OTHERWISE), sentence(entry)) for entry in entries]
