"""What holds work back: the pause, modes, resting endpoints, their limits and the blast radius. Admission past them."""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from lifecycle import clock
from lifecycle.estate.models import LIVE, Endpoint, Machine
from lifecycle.operations import claims
from lifecycle.operations.models import Brake, Operation

FRESH = timedelta(hours=1)
"""How old a complete scan may be for something to be removed on its word."""

Kind, State = Operation.Kind, Operation.State

DEADLINES = {
    Kind.CREATE: timedelta(hours=4),
    Kind.POWER_ON: timedelta(minutes=30),
    Kind.POWER_OFF: timedelta(minutes=30),
    Kind.SHUTDOWN: timedelta(hours=1),
    Kind.RESTART: timedelta(minutes=30),
    Kind.ANNOTATE: timedelta(hours=1),
    Kind.RENAME: timedelta(minutes=30),
    Kind.RESIZE: timedelta(minutes=30),
    Kind.DETACH_SEED: timedelta(hours=1),
    Kind.REMOVE: timedelta(hours=6),
    Kind.RETIRE_FILE: timedelta(minutes=30),
    Kind.RESTORE_FILE: timedelta(minutes=30),
    Kind.REMOVE_FILE: timedelta(hours=6),
}
"""Real time from its beginning, after which work that does not come to an end is given up."""


@transaction.atomic
def admit(operation: Operation) -> str:
    """Lets the operation pass the brakes and counts it as begun, or says what it waits for.

    The endpoint's row is locked, so that two workers cannot both take the last place.
    """
    endpoint = Endpoint.objects.select_for_update().get(pk=operation.endpoint_id)
    if held := standing(endpoint):
        return held
    if operation.started_at is not None:
        return ""
    running = Operation.objects.filter(endpoint=endpoint, state=State.RUNNING).exclude(pk=operation.pk).count()
    if running >= endpoint.parallel:
        return "full"
    if operation.destructive and operation.cleared_at is None and (held := _destruction(operation, endpoint)):
        return held
    now = clock.now()
    begun = {"started_at": now, "changed_at": now, "state": State.RUNNING, "waits_for": ""}
    deadline = Coalesce("deadline_at", Now() + DEADLINES[Kind(operation.kind)])
    if not claims.note(operation, deadline_at=deadline, **begun):
        return "lost"
    operation.started_at, operation.state = now, State.RUNNING
    return ""


def standing(endpoint: Endpoint) -> str:
    """What holds back every changing call on an endpoint."""
    return _held(Endpoint.objects.filter(pk=endpoint.pk)).get(endpoint.pk, "")


def blast_limit(endpoint: Endpoint) -> int:
    """How many machines and disk files may be removed on an endpoint within an hour without an admin's word."""
    machines = Machine.objects.filter(endpoint=endpoint, stage__in=LIVE).count()
    return min(endpoint.blast_count, max(1, math.floor(machines * endpoint.blast_percent / 100)))


def _destruction(operation: Operation, endpoint: Endpoint) -> str:
    """Removal needs a fresh complete scan, and stays within the blast radius. Hours are those of the shifted clock."""
    if not Endpoint.objects.filter(pk=endpoint.pk, scanned_at__gt=Now() - FRESH).exists():
        return "scan"
    begun = Operation.objects.filter(
        endpoint=endpoint, destructive=True, started_at__gt=clock.now() - timedelta(hours=1)
    ).exclude(pk=operation.pk)
    return "blast_radius" if begun.count() >= blast_limit(endpoint) else ""


def tell() -> None:
    """Writes onto the rows why they do not go on. Workers leave held work alone, so that nobody else would say it."""
    held, full, now = _held(Endpoint.objects.all()), _full(), clock.now()
    rows = Operation.objects.filter(state__in=claims.OPEN, verdict="")
    for reason in ("paused", "observe", "endpoint"):
        here = [pk for pk, why in held.items() if why == reason]
        rows.filter(endpoint__in=here).exclude(waits_for__in=(reason, "blast_radius")).update(
            waits_for=reason, changed_at=now
        )
    free = rows.exclude(endpoint__in=held)
    free.filter(waits_for__in=("paused", "observe", "endpoint")).update(waits_for="", changed_at=now)
    free.filter(waits_for="full").exclude(endpoint__in=full).update(waits_for="")
    free.filter(state=State.WAITING, waits_for="", endpoint__in=full).update(waits_for="full")


def _held(endpoints: QuerySet[Endpoint]) -> dict[int, str]:
    """Those of them on which everything is held, and by what."""
    rows = endpoints.order_by().annotate(paused=Exists(Brake.objects.all()), rests=Q(rests_until__gt=Now()))
    found = {row.pk: claims.held_by(paused=row.paused, mode=row.mode, rests=row.rests) for row in rows}
    return {pk: held for pk, held in found.items() if held}


def _full() -> list[int]:
    """The endpoints that have as much under way as they may."""
    running = Operation.objects.filter(state=State.RUNNING).order_by().values("endpoint")
    found = running.annotate(count=Count("pk")).filter(count__gte=F("endpoint__parallel"))
    return list(found.values_list("endpoint", flat=True))
