"""The record of one machine: what was done to it, its lease, its request, and by its operations."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine
from lifecycle.operations.models import Operation
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
    """The latest first. Stamps are left out: the portal's own bookkeeping would drown what people did."""
    work = Operation.objects.filter(machine=machine).exclude(kind=Operation.Kind.ANNOTATE).order_by()
    mine = Q(object_type="machine", object_id=machine.pk) | Q(
        object_type="operation", object_id__in=list(work.values_list("pk", flat=True))
    )
    for name in ("lease", "request"):
        if (other := getattr(machine, name, None)) is not None:
            mine |= Q(object_type=name, object_id=other.pk)
    entries = Entry.objects.filter(mine).order_by("-at", "-pk")[:MOST]
    return [Told(entry, ICONS.get(entry.verb, OTHERWISE), sentence(entry)) for entry in entries]
