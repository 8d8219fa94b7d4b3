"""Moving the clock of a demo: from one due instant to the next, each worked off before the next comes.

So a skip over a month warns, stops, keeps and removes in the order and with the mails of a real month.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.clock import Clock
from lifecycle.errors import Conflict, Invalid
from lifecycle.leases import clockwork
from lifecycle.leases.queries import next_due
from lifecycle.money.actions import draft
from lifecycle.notices import actions as notices
from lifecycle.notices import rendering
from lifecycle.operations import seeds
from lifecycle.operations.engine import step
from lifecycle.operations.models import Operation
from lifecycle.operations.queries import due_keys
from lifecycle.people.models import User
from lifecycle.people.permissions import Verb, anybody, require
from lifecycle.requests import actions as requests
from lifecycle.requests import leavers
from lifecycle.requests.models import Request
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.files import clockwork as filework
from lifecycle.wiring import OUTCOMES

LONGEST_STEP = timedelta(hours=6)
"""Even when nothing is due: brakes count hours, and a stop may have been put off."""
FURTHEST = timedelta(days=400)
BY_THE_HOUR = ("blast_radius", "scan")
WORK_GOES_BY = timedelta(seconds=2)
MOVE_TIME: Verb[object] = Verb(lazy("move the clock of a demo"), anybody, "")
SETTLE = 20.0
"""Real seconds that the work of one instant may take before time goes on without it."""


@transaction.atomic
def set_out(to: datetime, *, by: User) -> Clock:
    """Sets where the clock shall go; the worker takes it there."""
    require(by, MOVE_TIME)
    now = clock.now()
    if not now < to <= now + FURTHEST:
        raise Invalid(_("Choose a later time, at most 400 days ahead."), field="to")
    row, _created = Clock.objects.get_or_create(pk=1)
    if not Clock.objects.filter(pk=1, target=None).update(target=to, started_from=now):
        raise Conflict(_("Time is on its way already."))
    row.refresh_from_db()
    record("clock.moved", row, by=by, to=to.isoformat())
    return row


def go_on(*, stay: float = 8.0) -> None:
    """Takes the clock on for some real seconds; does nothing when nobody set out or another process is at it."""
    claim = Now() + timedelta(seconds=SETTLE * 2 + stay)
    free = Q(busy_until=None) | Q(busy_until__lt=Now())
    if not Clock.objects.filter(free, pk=1).exclude(target=None).update(busy_until=claim):
        return
    try:
        leave_at = time.monotonic() + stay
        while time.monotonic() < leave_at and (target := _target()) is not None:
            Clock.objects.filter(pk=1).update(busy_until=claim)
            _work_off()
            now = clock.now()
            if now >= target:
                _arrive()
                return
            clock.move_to(min(_next_instant(now), target))
    finally:
        Clock.objects.filter(pk=1).update(busy_until=None)


def _target() -> datetime | None:
    return Clock.objects.filter(pk=1).values_list("target", flat=True).first()


def _next_instant(now: datetime) -> datetime:
    lapsing = Request.objects.filter(state=Request.State.WAITING, lapses_at__gt=now).order_by("lapses_at")
    moments = (next_due(after=now), filework.next_due(after=now), lapsing.values_list("lapses_at", flat=True).first())
    return min([now + LONGEST_STEP, *(moment for moment in moments if moment is not None)])


def _work_off() -> None:
    """Does all that is due at this instant, and waits until the hypervisors have done their part of it."""
    give_up_at = time.monotonic() + SETTLE
    clockwork.advance()
    seeds.detach_due()
    filework.advance()
    leavers.see_out()
    requests.lapse()
    notices.send(rendering.current())
    # What waits for its hour, or for a scan, is looked at again at each instant.
    Operation.objects.filter(state__in=Operation.OPEN, waits_for__in=BY_THE_HOUR).update(next_try_at=Now())
    while _moving() and time.monotonic() < give_up_at:
        for pk in due_keys():
            step(pk, outcomes=OUTCOMES)
        # Simulated work takes as long by this clock as it would by the wall's; nobody wants to watch it.
        clock.move_to(clock.now() + WORK_GOES_BY)
        Operation.objects.filter(state__in=Operation.OPEN, waits_for__in=("", "full")).update(next_try_at=Now())
        time.sleep(0.01)
    notices.send(rendering.current())


def _moving() -> bool:
    """Work that goes on by itself: not what a brake holds, nor what waits for an endpoint."""
    return Operation.objects.filter(state__in=Operation.OPEN, waits_for__in=("", "full", "busy")).exists()


def _arrive() -> None:
    draft()
    scan()
    Clock.objects.filter(pk=1).update(target=None, started_from=None)
