"""What follows when work on a disk file ends. Each runs in the transaction that ends the operation."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from hypervisors.retired import retired_path
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import DiskFile
from lifecycle.notices.actions import post
from lifecycle.operations.engine import HINDERED
from lifecycle.operations.models import Operation
from lifecycle.operations.power import ended_by_asker, why
from lifecycle.people.models import User
from lifecycle.people.queries import admins
from lifecycle.sprawl.files import proof
from lifecycle.sprawl.files.actions import unproven
from lifecycle.sprawl.thresholds import limits_of

State, End = DiskFile.State, DiskFile.End

USED = "wrong_state"
"""What a hypervisor answers that found a user."""


def still_proven(operation: Operation) -> str:
    """Before it is renamed: what was decided on must still hold."""
    doubts = proof.against(operation.on_file, clock.now())
    return unproven(doubts) if doubts else ""


def proven_to_the_end(operation: Operation) -> str:
    """Before it is removed, by looks that know it by its new name."""
    doubts = proof.before_removal(operation.on_file, clock.now())
    return unproven(doubts) if doubts else ""


def retired(operation: Operation, facts: MachineFacts | None) -> None:
    file, now = _row(operation), clock.now()
    if file is None:
        return
    file.state, file.ref = State.RETIRED, operation.made_ref or file.ref
    file.former_name, file.name = file.name, retired_path(file.name, file.retire_key)
    file.retired_at, file.remove_at = now, now + timedelta(days=limits_of(None).file_wait_days)
    file.looks, file.touched_at = 0, now
    file.save()
    record("diskfile.retired", file, by=HOUSE, name=file.name, at=file.remove_at.isoformat())


def retire_failed(operation: Operation, facts: MachineFacts | None) -> None:
    file = _row(operation)
    if file is None:
        return
    file.state = State.FOUND
    _ended_badly(file, operation, "diskfile.retire_failed")


def restored(operation: Operation, facts: MachineFacts | None) -> None:
    """It is as if it had just been found: whoever wanted it back may well use it."""
    file, now = _row(operation), clock.now()
    if file is None:
        return
    file.state, file.ref, file.name = State.FOUND, operation.made_ref or file.ref, file.former_name or file.name
    file.former_name, file.retire_key, file.retired_at, file.remove_at = "", "", None, None
    file.looks, file.unused_since, file.touched_at, file.doubt = 0, now, now, "looks"
    file.save()
    record("diskfile.restored", file, by=HOUSE)


def restore_failed(operation: Operation, facts: MachineFacts | None) -> None:
    """It keeps the name it was given; nobody removes it before somebody sets a day."""
    file = _row(operation)
    if file is None:
        return
    file.state, file.remove_at = State.RETIRED, None
    _ended_badly(file, operation, "diskfile.restore_failed")


def removed(operation: Operation, facts: MachineFacts | None) -> None:
    file, now = _row(operation), clock.now()
    if file is None:
        return
    others = proof.same_file(file).exclude(pk=file.pk)
    others.update(gone_at=now, end=End.REMOVED, touched_at=now)
    file.state, file.gone_at, file.end, file.remove_at, file.touched_at = State.REMOVED, now, End.REMOVED, None, now
    file.save()
    record("diskfile.removed", file, by=HOUSE, size_mib=file.size_mib)


def removal_failed(operation: Operation, facts: MachineFacts | None) -> None:
    """It stays under its new name. Where only the proof did not hold any more, the clock waits until it does; all else
    needs somebody who looks."""
    file = _row(operation)
    if file is None:
        return
    file.state = State.RETIRED
    if operation.error_code != HINDERED:
        file.remove_at = None
    _ended_badly(file, operation, "diskfile.removal_failed")


def _row(operation: Operation) -> DiskFile | None:
    """Its row as it is now, unless something ended it meanwhile."""
    rows = DiskFile.objects.select_for_update(of=("self",)).select_related("datastore", "decided_by")
    return rows.filter(pk=operation.on_file.pk, gone_at=None).first()


def _ended_badly(file: DiskFile, operation: Operation, verb: str) -> None:
    now = clock.now()
    file.touched_at = now
    if operation.error_code == USED:
        file.looks, file.unused_since = 0, now
    file.save()
    record(verb, file, by=HOUSE, error=operation.error_code, words=why(operation))
    for person in _concerned(operation):
        if operation.error_code == HINDERED and operation.kind == Operation.Kind.REMOVE_FILE:
            continue  # it is tried again by itself
        post(
            person,
            "file_failed",
            key=f"file_failed:{operation.pk}:{person.pk}",
            subject=_("%(what)s did not work: %(file)s")
            % {"what": operation.get_kind_display(), "file": file.former_name or file.name},
            context={"words": why(operation)},
            path=f"/sprawl/disks/{file.pk}/",
        )


def _concerned(operation: Operation) -> list[User]:
    """Whoever asked; what the clock did concerns all administrators."""
    if operation.asked_by is not None:
        return [] if ended_by_asker(operation) else [operation.asked_by]
    return list(admins())
