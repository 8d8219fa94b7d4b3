"""Asking for work and steering it. The rows are written in the transaction of the decision that caused them."""

from __future__ import annotations

import logging
from typing import Any

from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, Actor, record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate.actions import wake_up
from lifecycle.estate.models import DiskFile, Machine
from lifecycle.logcontext import REQUEST, about, ids
from lifecycle.operations.models import Brake, Heartbeat, Operation
from lifecycle.operations.permissions import RUN_OPERATIONS
from lifecycle.people.models import User
from lifecycle.people.permissions import require

log = logging.getLogger(__name__)

Kind, Purpose, State, Verdict = Operation.Kind, Operation.Purpose, Operation.State, Operation.Verdict

CANCELLABLE = (Kind.CREATE,)
"""What can still be taken back once it has begun; everything can before."""
BY_HAND = (Verdict.DONE, Verdict.FAILED)
"""What an admin can say of work that has begun, having looked at the hypervisor."""
VERBS = {Verdict.CANCEL: "called_off", Verdict.DONE: "said_done", Verdict.FAILED: "given_up"}


def order(
    subject: Machine | DiskFile,
    kind: Operation.Kind,
    *,
    purpose: Operation.Purpose,
    by: Actor,
    key: str,
    arguments: dict[str, Any] | None = None,
    destructive: bool = False,
) -> Operation:
    """Writes one operation and wakes a worker after the commit. A second call with the same key returns the first."""
    of_file = isinstance(subject, DiskFile)
    fields: dict[str, Any] = {
        "machine": None if of_file else subject,
        "disk_file": subject if of_file else None,
        "endpoint_id": subject.datastore.endpoint_id if isinstance(subject, DiskFile) else subject.endpoint_id,
        "kind": kind,
        "purpose": purpose,
        "arguments": arguments or {},
        "destructive": destructive,
        "asked_by_id": by.pk,
        "next_try_at": Now(),
        "created_at": clock.now(),
        "changed_at": clock.now(),
    }
    operation, created = Operation.objects.get_or_create(key=key, defaults=fields)
    if created:
        detail: dict[str, Any] = {"kind": kind, "purpose": purpose, **ids(REQUEST)}
        record("operation.asked", operation, by=by, **detail)
        transaction.on_commit(lambda: _note_asked(operation))
    transaction.on_commit(lambda: wake(operation.pk))
    return operation


def _note_asked(operation: Operation) -> None:
    """Ties the request, or the tick of the clock, to the operation: from here on lines are about both."""
    with about(operation=operation.pk, **operation.concerns):
        log.info("Asked for: %s (%s).", operation.kind, operation.purpose)


def wake(pk: int | None) -> None:
    """Tells a worker that there is work, one piece or any: a hint, no more. When it is lost the sweep finds the row."""
    try:
        current_app.send_task("lifecycle.tasks.work_operation", args=[pk], expires=30)
    except Exception:  # whatever the broker raises, the decision is committed and must stand
        log.warning("No worker could be woken for operation %s; the sweep will find it.", pk, exc_info=True)


def cancel_waiting(subject: Machine | DiskFile, *, by: Actor, reason: str) -> int:
    """Cancels what was not begun yet on a machine or disk file; what runs is left to end. Returns how many."""
    cancelled = 0
    mine = {"disk_file" if isinstance(subject, DiskFile) else "machine": subject}
    for operation in Operation.objects.filter(**mine, state=State.WAITING, started_at=None):
        cancelled += _cancel(operation, by=by, reason=reason)
    return cancelled


def _cancel(operation: Operation, *, by: Actor, reason: str) -> int:
    now = clock.now()
    done = Operation.objects.filter(pk=operation.pk, state=State.WAITING, started_at=None).update(
        state=State.CANCELLED, ended_at=now, changed_at=now, claimed_by="", claimed_until=None, waits_for=""
    )
    if done:
        record("operation.cancelled", operation, by=by, reason=reason)
    return done


@transaction.atomic
def retry_now(operation: Operation, *, by: User) -> Operation:
    """Ends a back-off, and the rest of an endpoint that does not answer. Only for work that is still open: what failed
    was told to people already."""
    require(by, RUN_OPERATIONS)
    if not Operation.objects.filter(pk=operation.pk, state__in=Operation.OPEN, claimed_until=None).update(
        next_try_at=Now(), changed_at=clock.now()
    ):
        raise Conflict(_("This work is being done right now, or has ended."))
    if operation.waits_for == "endpoint":
        wake_up(operation.endpoint_id)
    record("operation.retried", operation, by=by)
    transaction.on_commit(lambda: wake(operation.pk))
    return operation


@transaction.atomic
def cancel(operation: Operation, *, by: User, reason: str) -> Operation:
    """An admin's word that this shall not happen: what was half-made is removed, and people are told."""
    require(by, RUN_OPERATIONS)
    return call_off(operation, by=by, reason=reason)


def call_off(operation: Operation, *, by: Actor, reason: str) -> Operation:
    """For the room that asked for the work, which has asked whether `by` may. Runs inside the caller's transaction.

    Raises Conflict when it has begun and cannot be taken back halfway, or has ended.
    """
    operation = Operation.objects.select_for_update().get(pk=operation.pk)
    if operation.state == State.RUNNING and operation.kind not in CANCELLABLE:
        raise Conflict(_("This is being done right now and cannot be stopped halfway."))
    return _say(operation, Verdict.CANCEL, by=by, reason=reason)


@transaction.atomic
def resolve(operation: Operation, verdict: Operation.Verdict, *, by: User, reason: str) -> Operation:
    """An admin has looked at the hypervisor: it is done, or it is given up and whatever is left was cleared by hand.

    DONE is believed only when the hypervisor agrees. FAILED touches nothing there.
    """
    require(by, RUN_OPERATIONS)
    operation = Operation.objects.select_for_update().get(pk=operation.pk)
    if operation.state == State.WAITING:
        raise Conflict(_("This has not begun. Cancel it instead."))
    return _say(operation, verdict, by=by, reason=reason)


def _say(operation: Operation, verdict: Operation.Verdict, *, by: Actor, reason: str) -> Operation:
    """Writes down what a person decided; a worker carries it out.

    One decision at a time; but giving up, which asks nothing of the hypervisor, overrules a word that waits for one.
    """
    if not reason.strip():
        raise Invalid(_("Say why: the record keeps it."), field="reason")
    if not operation.is_open:
        raise Conflict(_("This has ended already."))
    if operation.verdict and (verdict != Verdict.FAILED or operation.verdict == verdict):
        raise Conflict(
            _("%(who)s decided already: “%(what)s”.")
            % {"who": operation.verdict_by or HOUSE, "what": operation.get_verdict_display()}
        )
    # Where rows cannot be locked, what was seen is part of the question: what may be decided depends on it.
    seen = {"state": operation.state, "verdict": operation.verdict}
    open_one = Operation.objects.filter(pk=operation.pk, **seen)
    said = {"verdict": verdict, "verdict_by_id": by.pk, "verdict_reason": reason[:500], "waits_for": ""}
    if not open_one.update(next_try_at=Now(), changed_at=clock.now(), **said):
        raise Conflict(_("This was changed a moment ago. Look again."))
    operation.refresh_from_db()
    record(f"operation.{VERBS[verdict]}", operation, by=by, reason=reason)
    transaction.on_commit(lambda: wake(operation.pk))
    return operation


@transaction.atomic
def clear(operation: Operation, *, by: User, reason: str) -> Operation:
    """An admin's word that this destructive work may pass the blast radius."""
    require(by, RUN_OPERATIONS)
    if not Operation.objects.filter(pk=operation.pk, state=State.WAITING, cleared_at=None).update(
        cleared_at=clock.now(), next_try_at=Now()
    ):
        raise Conflict(_("Somebody let this pass already, or it has ended."))
    record("operation.cleared", operation, by=by, reason=reason)
    transaction.on_commit(lambda: wake(operation.pk))
    return operation


@transaction.atomic
def pause(*, by: User, reason: str) -> Brake:
    """From now on no operation makes a changing call, on any endpoint, until `resume`."""
    require(by, RUN_OPERATIONS)
    try:
        with transaction.atomic():
            brake = Brake.objects.create(pk=1, since=clock.now(), by=by, reason=reason[:250])
    except IntegrityError:
        raise Conflict(_("Everything is paused already.")) from None
    record("operations.paused", brake, by=by, reason=reason)
    return brake


@transaction.atomic
def resume(*, by: User) -> None:
    require(by, RUN_OPERATIONS)
    brake = Brake.objects.filter(pk=1).first()
    if brake is None:
        raise Conflict(_("Nothing is paused."))
    record("operations.resumed", brake, by=by)
    brake.delete()


def beat(name: str, *, ahead: float = 0.0) -> None:
    """Writes one sign of life, by the database's clock."""
    if not Heartbeat.objects.filter(name=name).update(at=Now(), ahead=ahead):
        Heartbeat.objects.get_or_create(name=name, defaults={"at": Now(), "ahead": ahead})
