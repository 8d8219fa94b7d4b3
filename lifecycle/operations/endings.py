"""How a piece of work ends: well, with an error that is final, or not yet. All that follows is one transaction."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors.contract import Hypervisor, MachineFacts
from hypervisors.errors import Busy, HypervisorError, NotFound, ObserveOnly, Unreachable
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.actions import record_failure
from lifecycle.operations import claims
from lifecycle.operations.models import Operation
from lifecycle.operations.orders import stamp_of

log = logging.getLogger(__name__)

Kind, Purpose, State, Verdict = Operation.Kind, Operation.Purpose, Operation.State, Operation.Verdict


def nothing_hinders(operation: Operation) -> str:
    return ""


@dataclass(frozen=True)
class Outcome:
    """What follows, inside the transaction that ends the operation. Both are called with (operation, facts)."""

    succeeded: Callable[[Operation, MachineFacts | None], None]
    failed: Callable[[Operation, MachineFacts | None], None]
    """Also when it was cancelled; `operation.state` tells which."""
    hindrance: Callable[[Operation], str] = nothing_hinders
    """Asked just before the hypervisor is, the first time: a sentence ends it as failed, with nothing done."""


Outcomes = Mapping[tuple[str, str], Outcome]

LOOK_AGAIN = {"blast_radius": 60.0, "scan": 30.0, "full": 0.5}
"""Seconds until held work is looked at again, where it is not 3: nothing is lost meanwhile, a word ends it at once."""
SHORTEST, LONGEST = 1.0, 15.0
"""Seconds between two tries of what the hypervisor refused for the moment."""
GONE_IS_FINE = (Kind.REMOVE, Kind.SHUTDOWN, Kind.POWER_OFF, Kind.DETACH_SEED, Kind.REMOVE_FILE)
"""What wants a machine, or something of it, to be off or away is done when the machine is away."""

ASKED_ONCE = (Kind.RESTART, Kind.SHUTDOWN)
"""What is only looked at again, never submitted again: a guest would be restarted twice, or get new time to stop."""


class TimedOut(HypervisorError):
    """The hypervisor took the work on and never came to its end."""

    code = "timed_out"


def end(operation: Operation, state: Operation.State, facts: MachineFacts | None, outcomes: Outcomes) -> None:
    """Ends the operation and does what follows from it, both or neither."""
    outcome = outcomes[operation.kind, operation.purpose]
    claimed_by = operation.claimed_by
    try:
        with transaction.atomic():
            if claims.finish(operation, state, **({"progress": 100} if state == State.SUCCEEDED else {})):
                operation.refresh_from_db()
                record(f"operation.{state}", operation, by=HOUSE, error=operation.error_code)
                (outcome.succeeded if state == State.SUCCEEDED else outcome.failed)(operation, facts)
                return
    except HypervisorError:
        raise
    except Exception:
        # Our own fault: the work at the hypervisor is done and is found again at the next step.
        log.exception("What follows operation %s went wrong; it is tried again.", operation.pk)
        operation.claimed_by = claimed_by
        claims.release(operation, again_in=30, waits_for="portal")
    else:
        # A person's word came while this was on its way: it is heard at the next step.
        claims.release(operation, again_in=0)


def wait(operation: Operation, held: str) -> None:
    """Lays the work aside; what a brake holds is looked at again after a while."""
    if held == "lost":
        return
    news = {"waits_for": held, "changed_at": clock.now()} if held != operation.waits_for else {}
    claims.release(operation, again_in=LOOK_AGAIN.get(held, 3.0), **news)


def troubled(operation: Operation, error: HypervisorError, outcomes: Outcomes) -> float | None:
    """What to do about an error. Returns the seconds until the next step, or None when that is not near."""
    if isinstance(error, ObserveOnly):
        wait(operation, "observe")
        return None
    if isinstance(error, Unreachable):
        record_failure(operation.endpoint_id, error.message)
    clearing = bool(operation.error_code)
    if isinstance(error, NotFound) and operation.kind in GONE_IS_FINE:
        end(operation, State.SUCCEEDED, None, outcomes)
    elif (error.retryable or clearing) and not _given_up(operation, error):
        # Clearing up after a failed creation has trouble of its own; it gets until the deadline too.
        _back_off(operation, error)
    elif clearing:
        _leave_over(operation, error)
        end(operation, unmade(operation), None, outcomes)
    elif operation.kind == Kind.CREATE:
        # What was half-made goes first; the operation fails when nothing is left of it.
        return 0.0 if claims.release(operation, again_in=0, waits_for="", **words(error)) else None
    elif claims.note(operation, **words(error)):
        end(operation, State.FAILED, None, outcomes)
    return None


def unmade(operation: Operation) -> Operation.State:
    """How a creation ends of which nothing is left."""
    return State.CANCELLED if operation.verdict == Verdict.CANCEL else State.FAILED


def words(error: HypervisorError) -> dict[str, str]:
    return {"error_code": error.code, "error": error.message[:2000], "native_error": error.native[:4000]}


def look_for_doubles(operation: Operation, hypervisor: Hypervisor) -> None:
    """A claim is no fence: a worker that was paused past its claim may have asked too. Never removed by stamp alone."""
    found = hypervisor.find(stamp_of(operation))
    if len(found) > 1:
        refs = [facts.ref for facts in found]
        log.error("Operation %s has %s machines with its stamp: %s", operation.pk, len(refs), refs)
        with transaction.atomic():
            record("operation.doubles", operation, by=HOUSE, refs=refs)


def _given_up(operation: Operation, error: HypervisorError) -> bool:
    """An endpoint that is away uses up nobody's time but that of somebody who waits for a button they pressed."""
    if isinstance(error, Unreachable) and (operation.error_code or operation.purpose != Purpose.HOLDER):
        return False
    return operation.late


def _back_off(operation: Operation, error: HypervisorError) -> None:
    """Waits, doubling, with jitter so that many do not come back at once. An endpoint that is away rests as a whole.

    What the hypervisor took on and broke off as too busy stays broken off: it is submitted again.
    """
    away, clearing = isinstance(error, Unreachable), bool(operation.error_code) and isinstance(error, Busy)
    attempt = min(operation.attempt + 1, 1000)
    anew = {"handle": None} if isinstance(error, Busy) and operation.kind not in ASKED_ONCE else {}
    delay = SHORTEST if away or clearing else min(LONGEST, SHORTEST * 2.0 ** min(attempt, 6))
    claims.release(
        operation,
        again_in=delay * random.uniform(0.5, 1.0),  # noqa: S311 - spreads load, guards nothing
        attempt=attempt,
        waits_for="endpoint" if away else "" if clearing else "busy",
        native_error=error.native[:4000],
        changed_at=clock.now(),
        **anew,
    )


def _leave_over(operation: Operation, error: HypervisorError) -> None:
    """Something half-made could not be cleared away: the row and the record say so, for a person to look."""
    log.error("What operation %s had made is left over: %s", operation.pk, error.message)
    left = _("What was half-made could not be cleared away: %(why)s") % {"why": error.message}
    claims.note(operation, error=f"{operation.error} {left}"[:2000], native_error=error.native[:4000])
    with transaction.atomic():
        record("operation.left_over", operation, by=HOUSE, error=error.message, code=error.code)
