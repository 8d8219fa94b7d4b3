"""Reading work: what is open, what failed, how healthy the engine is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now

from lifecycle.estate.models import Machine
from lifecycle.operations import claims
from lifecycle.operations.models import Brake, Heartbeat, Operation

HEARTBEAT_FRESH = timedelta(seconds=30)


def open_operations() -> QuerySet[Operation]:
    return Operation.objects.filter(state__in=Operation.OPEN)


def recent() -> QuerySet[Operation]:
    """The operations page: newest first."""
    return Operation.objects.select_related("machine", "endpoint", "asked_by").order_by("-pk")


def current_of(machine: Machine) -> Operation | None:
    """The operation under way on a machine: the first that is open."""
    return Operation.objects.filter(machine=machine, state__in=Operation.OPEN).order_by("pk").first()


def brake() -> Brake | None:
    return Brake.objects.select_related("by").first()


def due_keys(limit: int = 200) -> list[int]:
    """What could be looked at now, whatever brakes say."""
    return list(claims.due().values_list("pk", flat=True)[:limit])


def worker_alive() -> bool:
    """A sweep ran lately: beat, broker, worker and database all work."""
    return Heartbeat.objects.filter(name="sweep", at__gt=Now() - HEARTBEAT_FRESH).exists()
