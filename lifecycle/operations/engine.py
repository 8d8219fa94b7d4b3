"""One bounded step of one operation: submit it, or poll its handle. Called by workers and by nobody else.

A step claims the row, calls the hypervisor outside any transaction, and writes what came of it in one transaction
together with its consequences. Whatever dies in between is found by the sweep when the claim has run out, and asked
again: adapters promise that asking twice makes nothing twice (`hypervisors/contract.py`).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from hypervisors.contract import Hypervisor, MachineFacts, Progress
from hypervisors.errors import HypervisorError, NotFound, ObserveOnly, Unreachable
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.actions import record_answer, record_failure
from lifecycle.estate.connections import connect
from lifecycle.operations import claims
from lifecycle.operations.models import Operation
from lifecycle.operations.orders import order_of, stamp_of

log = logging.getLogger(__name__)

Kind, State = Operation.Kind, Operation.State


@dataclass(frozen=True)
class Outcome:
    """What follows, inside the transaction that ends the operation. Both are called with (operation, facts)."""

    succeeded: Callable[[Operation, MachineFacts | None], None]
    failed: Callable[[Operation, MachineFacts | None], None]


Outcomes = Mapping[tuple[str, str], Outcome]

POLL_EVERY = 0.4
"""Seconds; a long-running piece of work is asked more rarely, see `_pause_after`."""
LOOK_AGAIN = 3.0
GONE_IS_FINE = (Kind.REMOVE, Kind.SHUTDOWN, Kind.POWER_OFF)
"""What wants a machine to be off or away is done when the machine is away."""


def step(pk: int, *, outcomes: Outcomes) -> float | None:
    """Takes one step of an operation. Returns the seconds until the next, or None when nothing is (left) to do."""
    operation = claims.claim(pk)
    if operation is None:
        return None
    held = claims.standing_brake(operation.endpoint) if operation.started_at else claims.admit(operation)
    if held:
        _wait(operation, held)
        return None
    try:
        with connect(operation.endpoint) as hypervisor:
            if operation.error_code:
                hypervisor.discard(stamp_of(operation))
                _end(operation, State.FAILED, None, outcomes)
                return None
            if operation.handle is None:
                return _submitted(operation, hypervisor)
            return _polled(operation, hypervisor, outcomes)
    except HypervisorError as error:
        return _troubled(operation, error, outcomes)


def _submitted(operation: Operation, hypervisor: Hypervisor) -> float | None:
    handle = hypervisor.submit(order_of(operation))
    record_answer(operation.endpoint_id)
    changes = {"handle": dict(handle), "attempt": operation.attempt + 1, "waits_for": "", "changed_at": clock.now()}
    return POLL_EVERY / 2 if claims.release(operation, again_in=POLL_EVERY / 2, **changes) else None


def _polled(operation: Operation, hypervisor: Hypervisor, outcomes: Outcomes) -> float | None:
    progress = hypervisor.poll(order_of(operation), operation.handle or {})
    record_answer(operation.endpoint_id)
    if not progress.done:
        pause = _pause_after(operation)
        return pause if claims.release(operation, again_in=pause, **_news(operation, progress)) else None
    facts = None
    if operation.kind != Kind.REMOVE:
        facts = hypervisor.machine(progress.ref or operation.machine.native_ref)
    if operation.kind == Kind.CREATE:
        _look_for_doubles(operation, hypervisor)
    _end(operation, State.SUCCEEDED, facts, outcomes)
    return None


def _news(operation: Operation, progress: Progress) -> dict[str, object]:
    """Progress never runs backwards on the page; a retry may well start anew at the hypervisor."""
    percent = max(operation.progress, min(progress.percent, 99))
    news: dict[str, object] = {"waits_for": ""}
    if (percent, progress.step) != (operation.progress, operation.step):
        news |= {"progress": percent, "step": progress.step, "changed_at": clock.now()}
    return news


def _pause_after(operation: Operation) -> float:
    """Short work is asked often, long work every few seconds."""
    age = (clock.now() - (operation.started_at or operation.created_at)).total_seconds()
    return min(5.0, max(POLL_EVERY, age / 20))


def _look_for_doubles(operation: Operation, hypervisor: Hypervisor) -> None:
    """A claim is no fence: a worker that was paused past its claim may have asked too. Never removed by stamp alone."""
    found = hypervisor.find(stamp_of(operation))
    if len(found) > 1:
        refs = [facts.ref for facts in found]
        log.error("Operation %s has %s machines with its stamp: %s", operation.pk, len(refs), refs)
        with transaction.atomic():
            record("operation.doubles", operation, by=HOUSE, refs=refs)


def _end(operation: Operation, state: Operation.State, facts: MachineFacts | None, outcomes: Outcomes) -> None:
    """Ends the operation and does what follows from it, both or neither."""
    outcome = outcomes[operation.kind, operation.purpose]
    claimed_by = operation.claimed_by
    try:
        with transaction.atomic():
            if not claims.finish(operation, state, **({"progress": 100} if state == State.SUCCEEDED else {})):
                return
            operation.refresh_from_db()
            record(f"operation.{state}", operation, by=HOUSE, error=operation.error_code)
            (outcome.succeeded if state == State.SUCCEEDED else outcome.failed)(operation, facts)
    except HypervisorError:
        raise
    except Exception:
        # Our own fault: the work at the hypervisor is done and is found again at the next step.
        log.exception("What follows operation %s went wrong; it is tried again.", operation.pk)
        operation.claimed_by = claimed_by
        claims.release(operation, again_in=30, waits_for="portal")


def _wait(operation: Operation, held: str) -> None:
    """Lays the work aside; what a brake holds is looked at again every few seconds."""
    if held == "lost":
        return
    news = {"waits_for": held, "changed_at": clock.now()} if held != operation.waits_for else {}
    claims.release(operation, again_in=LOOK_AGAIN, **news)


def _troubled(operation: Operation, error: HypervisorError, outcomes: Outcomes) -> float | None:
    if isinstance(error, ObserveOnly):
        _wait(operation, "observe")
        return None
    if isinstance(error, Unreachable):
        record_failure(operation.endpoint_id, error.message)
    given_up = _past_deadline(operation)
    if isinstance(error, NotFound) and operation.kind in GONE_IS_FINE:
        _end(operation, State.SUCCEEDED, None, outcomes)
    elif (error.retryable or operation.error_code) and not given_up:
        # Clearing up after a failed creation has trouble of its own; it gets until the deadline too.
        _back_off(operation, error)
    elif operation.kind == Kind.CREATE and not operation.error_code:
        # What was half-made goes first; the operation fails when nothing is left of it.
        return 0.0 if claims.release(operation, again_in=0, **_words(error)) else None
    elif operation.error_code or claims.note(operation, **_words(error)):
        _end(operation, State.FAILED, None, outcomes)
    return None


def _words(error: HypervisorError) -> dict[str, str]:
    return {"error_code": error.code, "error": error.message[:2000], "native_error": error.native[:4000]}


def _back_off(operation: Operation, error: HypervisorError) -> None:
    """Waits, doubling from one second to a minute, with jitter so that many do not come back at once."""
    attempt = min(operation.attempt + 1, 1000)
    delay = min(60.0, 2.0 ** min(attempt, 6)) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
    claims.release(
        operation,
        again_in=delay,
        attempt=attempt,
        waits_for="endpoint" if isinstance(error, Unreachable) else "busy",
        native_error=error.native[:4000],
        changed_at=clock.now(),
    )


def _past_deadline(operation: Operation) -> bool:
    return Operation.objects.filter(pk=operation.pk, deadline_at__lt=Now()).exists()
