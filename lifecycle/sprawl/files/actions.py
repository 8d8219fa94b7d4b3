"""What can be decided about disk files that nothing uses: renamed first, then waited for; kept until the last step."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.connections import can
from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.operations.actions import call_off, cancel_waiting, order
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from lifecycle.sprawl.files import proof
from lifecycle.sprawl.permissions import RECLAIM_FILES
from lifecycle.sprawl.thresholds import limits_of

State, Kind = DiskFile.State, Operation.Kind
FURTHEST = timedelta(days=400)


@transaction.atomic
def retire(file: DiskFile, *, by: User, reason: str) -> Operation:
    """Has it renamed, so that whoever counts on it finds out; it is removed after a wait. Raises Conflict unless it is
    proven to be nobody's. A second call while it is being renamed returns the same operation."""
    require(by, RECLAIM_FILES)
    _need_reason(reason)
    rows = _locked(file)
    file = rows[file.pk]
    if file.state == State.RETIRING:
        return _under_way(file, Kind.RETIRE_FILE)
    if any(row.state != State.FOUND for row in rows.values()):
        raise Conflict(_("Something was decided about %(file)s already.") % {"file": file})
    if hindrance := hindrance_of(file):
        raise Conflict(hindrance)
    if doubts := proof.against(file, clock.now()):
        raise Conflict(unproven(doubts))
    # Unique beyond this installation, as it stands in a name that others see.
    file.retire_key = f"{file.pk}-{secrets.token_hex(6)}"
    file.decided_by = by
    _set(file, State.RETIRING, "retire_key", "decided_by")
    record("diskfile.retiring", file, by=by, reason=reason.strip())
    return _order(file, Kind.RETIRE_FILE, by=by)


@transaction.atomic
def restore(file: DiskFile, *, by: User, reason: str = "") -> DiskFile:
    """It gets its name back and is not removed; also while it waits to be renamed or removed. Raises Conflict when it
    has its name, is gone, or is being removed at this moment."""
    require(by, RECLAIM_FILES)
    file = _locked(file)[file.pk]
    match file.state:
        case State.RESTORING:
            return file
        case State.RETIRING:
            # A worker carries that out, and what follows says that it has its name.
            call_off(_under_way(file, Kind.RETIRE_FILE), by=by, reason=reason.strip() or _("It is wanted back."))
            record("diskfile.kept", file, by=by, reason=reason.strip())
            return file
        case State.REMOVING if not cancel_waiting(file, by=by, reason=reason.strip() or _("It is wanted back.")):
            raise Conflict(_("%(file)s is being removed right now.") % {"file": file})
        case State.RETIRED | State.REMOVING:
            pass
        case _:
            raise Conflict(_("%(file)s has its own name.") % {"file": file})
    if hindrance := hindrance_of(file):
        raise Conflict(hindrance)
    file.remove_at, file.decided_by = None, by
    _set(file, State.RESTORING, "remove_at", "decided_by")
    record("diskfile.restoring", file, by=by, reason=reason.strip())
    _order(file, Kind.RESTORE_FILE, by=by)
    return file


@transaction.atomic
def set_removal(file: DiskFile, day: date, *, by: User, reason: str) -> DiskFile:
    """It is not removed before this day. A wait is never made shorter than the house has set it."""
    require(by, RECLAIM_FILES)
    _need_reason(reason)
    file = _locked(file)[file.pk]
    if file.state != State.RETIRED or file.retired_at is None:
        raise Conflict(_("%(file)s does not wait to be removed.") % {"file": file})
    now, over = clock.now(), earliest_removal(file)
    first, last = (moment.astimezone(by.tz).date() for moment in (max(now, over), now + FURTHEST))
    if not first <= day <= last:
        raise Invalid(
            _("Choose a day between %(first)s and %(last)s.") % {"first": _shown(first), "last": _shown(last)},
            field="day",
        )
    file.remove_at = max(over, datetime.combine(day, time(), tzinfo=by.tz))
    file.save(update_fields=["remove_at"])
    record("diskfile.removal_set", file, by=by, reason=reason.strip(), at=file.remove_at.isoformat())
    return file


@transaction.atomic
def vouch(datastore: Datastore, *, by: User, reason: str) -> Datastore:
    """An administrator's word that no host beyond the endpoints here mounts this storage."""
    require(by, RECLAIM_FILES)
    _need_reason(reason)
    return _say(datastore, True, by=by, reason=reason)


@transaction.atomic
def withdraw_word(datastore: Datastore, *, by: User, reason: str) -> Datastore:
    """Takes it back: from now on nothing on this storage is proven."""
    require(by, RECLAIM_FILES)
    _need_reason(reason)
    return _say(datastore, False, by=by, reason=reason)


def hindrance_of(file: DiskFile) -> str:
    """Why nothing can be done to it on its endpoint at all; empty when something can."""
    endpoint = file.datastore.endpoint
    if not file.is_there:
        return _("%(file)s is not there any more, or is used.") % {"file": file}
    if not can(endpoint, "retire_files"):
        return _("Disk files on %(endpoint)s can only be looked at.") % {"endpoint": endpoint}
    if endpoint.mode != Endpoint.Mode.MANAGE:
        return _("%(endpoint)s is only observed: nothing is changed there.") % {"endpoint": endpoint}
    return ""


def earliest_removal(file: DiskFile) -> datetime:
    """When its wait is over, as the house has set it."""
    return (file.retired_at or clock.now()) + timedelta(days=limits_of(None).file_wait_days)


def unproven(doubts: tuple[proof.Doubt, ...]) -> str:
    return _("It is not proven that nothing uses it: %(why)s") % {"why": " ".join(str(doubt) for doubt in doubts)}


def order_removal(file: DiskFile, *, by: Actor) -> Operation:
    """Writes the last step for a file that the caller has locked, and proven again."""
    _set(file, State.REMOVING)
    record("diskfile.removing", file, by=by)
    return _order(file, Kind.REMOVE_FILE, by=by, destructive=True)


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid(_("Say why: the record keeps it."), field="reason")


def _locked(file: DiskFile) -> dict[int, DiskFile]:
    """The file's rows from every endpoint that mounts its storage: two of them are not decided about at once."""
    file = DiskFile.objects.select_related("datastore").get(pk=file.pk)
    pks = {file.pk, *proof.same_file(file).values_list("pk", flat=True)}
    rows = DiskFile.objects.select_for_update(of=("self",)).select_related("datastore__endpoint")
    return {row.pk: row for row in rows.filter(pk__in=pks).order_by("pk")}


def _set(file: DiskFile, state: DiskFile.State, *columns: str) -> None:
    file.state, file.touched_at = state, clock.now()
    file.save(update_fields=["state", "touched_at", *columns])


def _under_way(file: DiskFile, kind: Operation.Kind) -> Operation:
    return Operation.objects.filter(disk_file=file, kind=kind, state__in=Operation.OPEN).latest("pk")


def _order(file: DiskFile, kind: Operation.Kind, *, by: Actor, destructive: bool = False) -> Operation:
    """The same decision is ordered once: its number is that of the decisions of its kind before it."""
    earlier = Operation.objects.filter(disk_file=file, kind=kind).count()
    arguments: dict[str, Any] = {"ref": file.ref, "key": file.retire_key}
    if kind == Kind.RESTORE_FILE:
        arguments["name"] = file.former_name
    return order(
        file, kind, purpose=Operation.Purpose.RECLAIM, by=by, key=f"{kind}:{file.pk}:{earlier}",
        arguments=arguments, destructive=destructive,
    )  # fmt: skip


def _say(datastore: Datastore, known: bool, *, by: User, reason: str) -> Datastore:
    """For the storage itself: the same from every endpoint that mounts it."""
    rows = Datastore.objects.select_for_update().filter(pk=datastore.pk)
    if datastore.identity:
        rows = Datastore.objects.select_for_update().filter(identity=datastore.identity)
    changed = [row for row in rows.order_by("pk") if row.all_known is not known]
    if not changed:
        raise Conflict(_("Somebody gave this word already.") if known else _("Nobody has given a word for it."))
    Datastore.objects.filter(pk__in=[row.pk for row in changed]).update(all_known=known)
    datastore.all_known = known
    record("datastore.vouched" if known else "datastore.word_withdrawn", datastore, by=by, reason=reason.strip())
    proof.settle(clock.now())
    return datastore


def _shown(day: date) -> str:
    return day.strftime("%d %b %Y")
