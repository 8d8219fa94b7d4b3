"""The record of one thing, for its own page; of a machine also what was done to its lease and by its operations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Model, QuerySet
from django.urls import reverse

from lifecycle.audit.models import Entry
from lifecycle.audit.queries import history_of
from lifecycle.estate.models import Machine
from lifecycle.people.models import User
from lifecycle.people.permissions import LOOK_INTO_HOUSE, may
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
    "diskfile.retired": "hourglass",
    "diskfile.restored": "undo-2",
    "diskfile.removed": "trash-2",
    "diskfile.used": "circle-check",
    "diskfile.removal_failed": "triangle-alert",
    "diskfile.retire_failed": "triangle-alert",
    "diskfile.restore_failed": "triangle-alert",
    "operation.succeeded": "check",
    "operation.failed": "circle-x",
    "operation.cancelled": "ban",
    "operation.called_off": "ban",
    "operation.given_up": "ban",
    "operation.contradicted": "triangle-alert",
    "operation.left_over": "triangle-alert",
    "operation.doubles": "triangle-alert",
}
OTHERWISE = "arrow-right"


@dataclass(frozen=True)
class Told:
    entry: Entry
    icon: str
    sentence: str


def history(machine: Machine, *, operations: Iterable[int] | None = None) -> list[Told]:
    """The latest first. The ids of its operations save a query to whoever has them already."""
    return _told(record_of(machine, operations=operations))


def history_on_page(subject: Model, *, reader: User) -> dict[str, object]:
    """What templates/audit/_history.html shows, with the way into the record for whoever may open it."""
    kind = subject._meta.model_name
    way = f"{reverse('audit')}?about={kind}&what={subject.pk}" if may(reader, LOOK_INTO_HOUSE) else ""
    return {"told": _told(history_of(subject).order_by("-at", "-id")), "more": way}


def _told(rows: QuerySet[Entry]) -> list[Told]:
    entries = rows[:MOST]
    return [Told(entry, ICONS.get(entry.verb, OTHERWISE), sentence(entry)) for entry in entries]
