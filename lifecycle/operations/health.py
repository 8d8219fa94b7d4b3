"""How the engine does: what every endpoint has under way and what waits for it, and who is there to work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.db.models.functions import Now

from lifecycle.clock import MOST_SKEW
from lifecycle.estate.models import Endpoint
from lifecycle.operations.models import Heartbeat, Operation
from lifecycle.operations.queries import HEARTBEAT_FRESH, WORKER, WORKER_FRESH, open_operations

State = Operation.State


@dataclass(frozen=True)
class EndpointHealth:
    endpoint: Endpoint
    rests: bool
    """Nothing is asked of it until `endpoint.rests_until`."""
    running: int
    """Of at most `endpoint.parallel`."""
    waiting: int


@dataclass(frozen=True)
class Sign:
    """A sign of life."""

    name: str
    """`sweep`, or the host of a worker."""
    is_worker: bool
    at: datetime
    ahead: float
    """Seconds that its clock is ahead of the database's."""
    alive: bool

    @property
    def fits(self) -> bool:
        """A worker whose clock is off takes no work."""
        return abs(self.ahead) <= MOST_SKEW


def endpoints() -> list[EndpointHealth]:
    """By name, by the database's clock."""
    open_work = open_operations().order_by().values("endpoint")
    counted = open_work.annotate(
        running=Count("pk", filter=Q(state=State.RUNNING)), waiting=Count("pk", filter=Q(state=State.WAITING))
    )
    work = {row["endpoint"]: row for row in counted}
    idle = {"running": 0, "waiting": 0}
    return [
        EndpointHealth(
            endpoint,
            rests=endpoint.rests_until is not None and endpoint.rests_until > endpoint.here,
            running=work.get(endpoint.pk, idle)["running"],
            waiting=work.get(endpoint.pk, idle)["waiting"],
        )
        for endpoint in Endpoint.objects.annotate(here=Now()).order_by("name")
    ]


def signs() -> list[Sign]:
    """Of all who gave one within a day; the sweep and the latest first."""
    rows = Heartbeat.objects.annotate(here=Now()).order_by("-at")
    found = [_sign(row, row.here) for row in rows]
    return sorted(found, key=lambda sign: sign.is_worker)


def _sign(row: Heartbeat, here: datetime) -> Sign:
    is_worker = row.name.startswith(WORKER)
    fresh = WORKER_FRESH if is_worker else HEARTBEAT_FRESH
    return Sign(row.name.removeprefix(WORKER), is_worker, row.at, row.ahead, alive=row.at > here - fresh)
