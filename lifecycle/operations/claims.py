"""Who works on what: claims by compare-and-set against the database's clock, renewed while their holder lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import timedelta
from typing import Any

from django.db import Error, connection, transaction
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Now

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import Endpoint
from lifecycle.literals import Literal
from lifecycle.operations.models import Brake, Operation

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=15)
"""How long work lies still when its worker dies."""
RENEW = 4.0
"""Seconds between renewals: three may fail before a living worker loses its claim."""

State, Verdict = Operation.State, Operation.Verdict

OPEN = tuple(Literal(state) for state in Operation.OPEN)
"""For questions that the partial indexes on open work answer."""


def due() -> QuerySet[Operation]:
    """Open work whose time has come, that nobody is at, and before which nothing else waits on what it is done to."""
    earlier = Operation.objects.filter(state__in=OPEN, pk__lt=OuterRef("pk"))
    on_machine = Exists(earlier.filter(machine=OuterRef("machine")))
    on_file = Exists(earlier.filter(disk_file=OuterRef("disk_file"), disk_file__isnull=False))
    due = Operation.objects.filter(~on_machine, ~on_file, _unclaimed(), state__in=OPEN, next_try_at__lte=Now())
    return due.order_by("next_try_at", "pk")


def ready() -> QuerySet[Operation]:
    """What of it could be stepped now: no brake holds it, its endpoint answers and has room.

    Work of endpoints that fewer workers are at comes first, so that a slow one starves nobody. An endpoint that failed
    and has rested is tried by one worker alone.
    """
    use = _in_use()
    crowd = {pk: row["workers"] for pk, row in use.items() if row["workers"]}
    awake = list(Endpoint.objects.filter(Q(rests_until=None) | Q(rests_until__lte=Now())))
    answering = [each for each in awake if not (each.failures and crowd.get(each.pk))]
    managed = [] if Brake.objects.exists() else [each for each in answering if each.mode == Endpoint.Mode.MANAGE]
    room = [each for each in managed if use.get(each.pk, {"running": 0})["running"] < each.parallel]
    needs_no_hypervisor = Q(verdict=Verdict.FAILED) | Q(verdict=Verdict.CANCEL, started_at=None)
    return (
        due()
        .filter(
            Q(state=State.RUNNING, endpoint__in=managed)
            | Q(state=State.WAITING, endpoint__in=room)
            | Q(verdict=Verdict.DONE, endpoint__in=answering)
            | needs_no_hypervisor
        )
        .order_by(*_quietest_first(crowd), "next_try_at", "pk")
    )


def _quietest_first(crowd: dict[int, int]) -> list[Case]:
    cases = [When(endpoint=pk, then=Value(held)) for pk, held in crowd.items()]
    return [Case(*cases, default=Value(0), output_field=IntegerField())] if cases else []


def held_by(*, paused: bool, mode: str, rests: bool | None) -> str:
    """What holds back every changing call on an endpoint; nothing when it is empty."""
    if paused:
        return "paused"
    if mode != Endpoint.Mode.MANAGE:
        return "observe"
    return "endpoint" if rests else ""


def claim(pk: int) -> Operation | None:
    """Takes one operation for this process, or None when it is not due or somebody else has it.

    What is read first counts only if nobody had a turn since, or wrote down what came of theirs.
    """
    found = (
        Operation.objects.select_related(
            "machine", "endpoint", "machine__image", "machine__pool", "machine__seed", "disk_file__datastore"
        )
        .annotate(
            paused=Exists(Brake.objects.all()),
            rests=Q(endpoint__rests_until__gt=Now()),
            overdue=Q(deadline_at__lt=Now()),
        )
        .filter(pk=pk)
        .first()
    )
    if found is None:
        return None
    before, token = found.claimed_by, f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    as_read = due().filter(pk=pk, turn=found.turn, claimed_by=before, verdict=found.verdict)
    if not as_read.order_by().update(claimed_by=token, claimed_until=Now() + CLAIM, turn=F("turn") + 1):
        return None
    operation: Operation = found
    operation.claimed_by, operation.late = token, bool(found.overdue)
    operation.held = held_by(paused=found.paused, mode=operation.endpoint.mode, rests=found.rests)
    if before:
        log.warning("Operation %s is taken over: %s did not finish its step.", pk, before)
        with transaction.atomic():
            record("operation.taken_over", operation, by=HOUSE, worker=before.rpartition(":")[0])
    return operation


@contextmanager
def kept(operation: Operation) -> Iterator[None]:
    """Renews the claim for as long as the block runs in a living process. Losing it is noticed by whatever writes."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(RENEW):
                try:
                    if not note(operation, claimed_until=Now() + CLAIM):
                        return
                except Error:
                    log.warning("The claim on operation %s could not be renewed.", operation.pk, exc_info=True)
                    connection.close()
        finally:
            connection.close()

    # With a copy of the context, so that its lines are about the same operation.
    keeper = threading.Thread(target=copy_context().run, args=(renew,), name=f"claim-{operation.pk}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def release(operation: Operation, *, again_in: float, **changes: Any) -> bool:
    """Gives the claim back with what was learnt; False when the claim had been lost meanwhile."""
    return bool(
        _mine(operation).update(
            claimed_by="", claimed_until=None, next_try_at=Now() + timedelta(seconds=again_in), **changes
        )
    )


def note(operation: Operation, **changes: Any) -> bool:
    """Writes something down while keeping the claim; False when it had been lost meanwhile."""
    return bool(_mine(operation).update(**changes))


def finish(operation: Operation, state: Operation.State, **changes: Any) -> bool:
    """Ends the operation; False, with nothing written, when the claim was lost or a person decided otherwise since."""
    now = clock.now()
    return bool(
        _mine(operation)
        .filter(verdict=operation.verdict)
        .update(state=state, ended_at=now, changed_at=now, claimed_by="", claimed_until=None, waits_for="", **changes)
    )


def _in_use() -> dict[int, dict[str, int]]:
    """Per endpoint: how much is under way, and how many workers are at it in this moment."""
    rows = (
        Operation.objects.filter(Q(state=State.RUNNING) | Q(claimed_until__gt=Now()), state__in=OPEN)
        .order_by()
        .values("endpoint")
        .annotate(
            running=Count("pk", filter=Q(state=State.RUNNING)), workers=Count("pk", filter=Q(claimed_until__gt=Now()))
        )
    )
    return {row["endpoint"]: {"running": row["running"], "workers": row["workers"]} for row in rows}


def _mine(operation: Operation) -> QuerySet[Operation]:
    return Operation.objects.filter(pk=operation.pk, claimed_by=operation.claimed_by, state__in=OPEN)


def _unclaimed() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=Now())
