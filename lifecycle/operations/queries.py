"""Reading work: what is open, what failed, how healthy the engine is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from lifecycle.clock import MOST_SKEW
from lifecycle.estate.models import Endpoint, Machine, Stage
from lifecycle.operations import claims
from lifecycle.operations.models import Brake, Heartbeat, Operation

HEARTBEAT_FRESH = timedelta(seconds=30)
WORKER_FRESH = timedelta(seconds=60)
"""A worker says that it lives when it takes work, and may be at a slow hypervisor for a while."""
WORKER_SEEN = timedelta(seconds=10)
"""How long the sweep lets pass without a sign of any worker before it asks for one."""
SWEEP, WORKER = "sweep", "worker "
"""Names of heartbeats. Of those who work on hypervisors the name of their host follows."""


UNDER_WAY = (Stage.BUILDING, Stage.EXPIRED, Stage.REMOVING)
"""Stages that a machine leaves when work on it ends."""

STATES: dict[str, tuple[str, ...]] = {
    "open": Operation.OPEN,
    "running": (Operation.State.RUNNING,),
    "waiting": (Operation.State.WAITING,),
    "failed": (Operation.State.FAILED,),
    "ended": (Operation.State.SUCCEEDED, Operation.State.FAILED, Operation.State.CANCELLED),
}
"""What can be asked for by one word."""


def open_operations() -> QuerySet[Operation]:
    return Operation.objects.filter(state__in=claims.OPEN)


def recent() -> QuerySet[Operation]:
    """Newest first, with all that is told of them."""
    return Operation.objects.select_related("machine", "disk_file", "endpoint", "asked_by", "verdict_by").order_by(
        "-pk"
    )


def matching(*, state: str = "", endpoint: Endpoint | None = None, kind: str = "") -> QuerySet[Operation]:
    """What fits, newest first. `state` is one of STATES; what is left empty does not narrow it."""
    found = recent()
    if state:
        found = found.filter(state__in=STATES[state])
    if endpoint is not None:
        found = found.filter(endpoint=endpoint)
    return found.filter(kind=kind) if kind else found


def busy_machines(machines: Collection[int]) -> set[int]:
    """Those of them that work is open on."""
    rows = Operation.objects.filter(machine__in=machines, state__in=claims.OPEN).order_by()
    return set(rows.values_list("machine_id", flat=True))


def current_of(machine: Machine) -> Operation | None:
    """The operation under way on a machine: the first that is open."""
    return Operation.objects.filter(machine=machine, state__in=Operation.OPEN).order_by("pk").first()


def abandoned() -> QuerySet[Machine]:
    """Machines on their way to another stage, and no work is open that would take them there. There should be none."""
    work = Operation.objects.filter(machine=OuterRef("pk"), state__in=claims.OPEN)
    return Machine.objects.filter(~Exists(work), stage__in=UNDER_WAY).order_by("pk")


def brake() -> Brake | None:
    return Brake.objects.first()


def due_keys(limit: int = 200) -> list[int]:
    """What could be looked at now, whatever brakes say."""
    return list(claims.due().values_list("pk", flat=True)[:limit])


def sweep_alive() -> bool:
    """A sweep ran lately: beat, broker, worker and database all work."""
    return Heartbeat.objects.filter(name=SWEEP, at__gt=Now() - HEARTBEAT_FRESH).exists()


def worker_fit() -> bool:
    """Somebody lately took work on hypervisors, or was asked whether they would, and their clock agrees."""
    return _workers(WORKER_FRESH).filter(ahead__range=(-MOST_SKEW, MOST_SKEW)).exists()


def worker_seen() -> bool:
    return _workers(WORKER_SEEN).exists()


def _workers(within: timedelta) -> QuerySet[Heartbeat]:
    return Heartbeat.objects.filter(name__startswith=WORKER, at__gt=Now() - within)


def put_backs_under_way(machines: Iterable[int]) -> set[int]:
    """Those machines of which something that drifted is being put back."""
    open_ones = Operation.objects.filter(
        machine__in=list(machines), purpose=Operation.Purpose.DRIFT, state__in=Operation.OPEN
    )
    return set(open_ones.order_by().values_list("machine", flat=True))
