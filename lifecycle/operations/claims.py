"""Who works on what: claims by compare-and-set against the database's clock, and admission past the brakes."""

from __future__ import annotations

import math
import os
import socket
import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from lifecycle import clock
from lifecycle.estate.models import LIVE, Endpoint, Machine
from lifecycle.operations.models import Brake, Operation

CLAIM = timedelta(seconds=60)
"""More than twice the time-out of any one call, so that a living worker never loses its claim within a step."""
FRESH = timedelta(hours=1)
"""How old a complete scan may be for something to be removed on its word."""

State = Operation.State


def due() -> QuerySet[Operation]:
    """Open work whose time has come, that nobody is at, and before which nothing else waits on its machine."""
    earlier = Operation.objects.filter(machine=OuterRef("machine"), state__in=Operation.OPEN, pk__lt=OuterRef("pk"))
    return Operation.objects.filter(
        ~Exists(earlier), _unclaimed(), state__in=Operation.OPEN, next_try_at__lte=Now()
    ).order_by("next_try_at", "pk")


def claim(pk: int) -> Operation | None:
    """Takes one operation for this process, or None when it is not due or somebody else has it."""
    token = f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    if not due().filter(pk=pk).order_by().update(claimed_by=token, claimed_until=Now() + CLAIM):
        return None
    return Operation.objects.select_related("machine", "endpoint", "machine__image", "machine__pool").get(
        pk=pk, claimed_by=token
    )


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


def finish(operation: Operation, state: State, **changes: Any) -> bool:
    """Ends the operation; False, with nothing written, when the claim had been lost meanwhile."""
    now = clock.now()
    return bool(
        _mine(operation).update(
            state=state, ended_at=now, changed_at=now, claimed_by="", claimed_until=None, waits_for="", **changes
        )
    )


@transaction.atomic
def admit(operation: Operation) -> str:
    """Lets the operation pass the brakes and counts it as begun, or says what it waits for.

    The endpoint's row is locked, so that two workers cannot both take the last place.
    """
    endpoint = Endpoint.objects.select_for_update().get(pk=operation.endpoint_id)
    if held := standing_brake(endpoint):
        return held
    if operation.started_at is not None:
        return ""
    running = Operation.objects.filter(endpoint=endpoint, state=State.RUNNING).exclude(pk=operation.pk).count()
    if running >= endpoint.parallel:
        return "busy"
    if operation.destructive and operation.cleared_at is None and (held := _destruction_brake(operation, endpoint)):
        return held
    now = clock.now()
    if not _mine(operation).update(started_at=now, changed_at=now, state=State.RUNNING, waits_for=""):
        return "lost"
    operation.started_at, operation.state = now, State.RUNNING
    return ""


def standing_brake(endpoint: Endpoint) -> str:
    """What holds back every changing call on an endpoint."""
    if Brake.objects.exists():
        return "paused"
    if endpoint.mode != Endpoint.Mode.MANAGE:
        return "observe"
    if Endpoint.objects.filter(pk=endpoint.pk, rests_until__gt=Now()).exists():
        return "endpoint"
    return ""


def blast_limit(endpoint: Endpoint) -> int:
    """How many machines may be removed on an endpoint within an hour without an admin's word."""
    machines = Machine.objects.filter(endpoint=endpoint, stage__in=LIVE).count()
    return min(endpoint.blast_count, max(1, math.floor(machines * endpoint.blast_percent / 100)))


def _destruction_brake(operation: Operation, endpoint: Endpoint) -> str:
    """Removal needs a fresh complete scan, and stays within the blast radius. Hours are those of the shifted clock."""
    if not Endpoint.objects.filter(pk=endpoint.pk, scanned_at__gt=Now() - FRESH).exists():
        return "scan"
    begun = Operation.objects.filter(
        endpoint=endpoint, destructive=True, started_at__gt=clock.now() - timedelta(hours=1)
    ).exclude(pk=operation.pk)
    return "blast_radius" if begun.count() >= blast_limit(endpoint) else ""


def _mine(operation: Operation) -> QuerySet[Operation]:
    return Operation.objects.filter(pk=operation.pk, claimed_by=operation.claimed_by, state__in=Operation.OPEN)


def _unclaimed() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lt=Now())
