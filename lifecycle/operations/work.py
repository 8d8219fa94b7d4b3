"""What worker processes do all day: work off what is ready, and find what was lost."""

from __future__ import annotations

import logging
import random
import socket
import time
from datetime import timedelta

from django.db.models.functions import Now

from lifecycle import clock
from lifecycle.operations import brakes, claims
from lifecycle.operations.actions import beat, wake
from lifecycle.operations.endings import Outcomes
from lifecycle.operations.engine import POLL_AT_LEAST, step
from lifecycle.operations.models import Heartbeat, Operation
from lifecycle.operations.queries import SWEEP, WORKER, abandoned, worker_seen

log = logging.getLogger(__name__)

STAY = 5.0
"""Seconds a worker stays with what is under way before it makes room for other messages."""
LOOK = 0.2
"""Seconds between two looks for work while something is under way elsewhere."""
HANDFUL = 8
"""As much is taken from one look: looking costs as much as a step."""
MOST_WAKES = 16
"""A woken worker takes more than one: waking as many as there is work would only fill the queue."""
FORGET_AFTER = timedelta(days=1)


def work(first: int | None, *, outcomes: Outcomes, stay: float = STAY) -> None:
    """Steps one operation, and then whatever is ready, for as long as something is or soon will be."""
    if not fit():
        return
    leave_at = time.monotonic() + stay
    if first is not None:
        step(first, outcomes=outcomes)
    while (left := leave_at - time.monotonic()) > 0:
        if found := _handful():
            for pk in found:
                step(pk, outcomes=outcomes)
            continue
        pause = soonest()
        if pause is None or pause > POLL_AT_LEAST:
            return
        time.sleep(min(max(pause, 0.02), LOOK, left))
    wake(None)


def _handful() -> list[int]:
    """Some of what is ready, and of what has not begun one: there may be room for no more.

    In no order: others look too, and whoever comes second finds nothing to do.
    """
    found = list(claims.ready().values_list("pk", "state")[:HANDFUL])
    begun = [pk for pk, state in found if state != Operation.State.WAITING]
    fresh = [pk for pk, state in found if state == Operation.State.WAITING]
    return random.sample(begun, len(begun)) + fresh[:1]


def soonest() -> float | None:
    """Seconds until the next open work that no brake holds; None when there is none."""
    waiting = Operation.objects.filter(state__in=claims.OPEN, waits_for__in=("", "full"))
    found = waiting.annotate(here=Now()).order_by("next_try_at").values_list("next_try_at", "here").first()
    return max(0.0, (found[0] - found[1]).total_seconds()) if found else None


def sweep() -> None:
    """Finds what no message tells of: hints that were lost, claims that ran out, pauses that are over."""
    beat(SWEEP)
    brakes.tell()
    for pk in claims.ready().values_list("pk", flat=True)[:MOST_WAKES]:
        wake(pk)
    if not worker_seen():
        wake(None)  # whoever takes it says that they live, also where nothing is to be done for days
    Heartbeat.objects.filter(at__lt=Now() - FORGET_AFTER).delete()
    if lost := list(abandoned().values_list("pk", flat=True)[:MOST_WAKES]):
        log.error("No work is open for machines that are being built, stopped or removed: %s", lost)


def fit() -> bool:
    """Whether this process may work: its clock must agree with the database's. Its sign of life says so either way."""
    ahead = clock.skew()
    beat(f"{WORKER}{socket.gethostname()}"[:80], ahead=ahead)
    return clock.agrees(ahead)
