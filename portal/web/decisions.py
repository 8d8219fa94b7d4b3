"""What is known about a request when somebody decides on it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Max
from django.utils.functional import cached_property

from lifecycle import clock
from lifecycle.errors import DomainError
from lifecycle.estate.models import LEASED, Machine
from lifecycle.people.models import User
from lifecycle.requests.actions import may_decide
from lifecycle.requests.models import Request, Step
from portal.web.progress import hour, silent_since
from portal.web.rows import Row, rows_of
from portal.web.seedwords import FirstStart

MOST = 20


@dataclass(frozen=True)
class Earlier:
    """How this person decided on that one's requests so far."""

    approved: int
    refused: int
    last: dt.datetime | None

    @property
    def all(self) -> int:
        return self.approved + self.refused


class Decision:
    def __init__(self, asked: Request, by: User) -> None:
        self.request = asked
        self.by = by
        self.now: dt.datetime = clock.now()

    @cached_property
    def refusal(self) -> str:
        """Why this reader cannot decide; nothing when they can."""
        try:
            may_decide(self.request, by=self.by)
        except DomainError as error:
            return error.message
        return ""

    @cached_property
    def told(self) -> FirstStart:
        return FirstStart(self.request)

    @cached_property
    def steps(self) -> list[Step]:
        return list(self.request.steps.select_related("approver", "decided_by"))

    @cached_property
    def holds(self) -> list[Row]:
        """What the requester holds already, as far as the reader may see it; the dearest say most, so all count."""
        machines = Machine.objects.visible_to(self.by).filter(holder=self.request.requester_id, stage__in=LEASED)
        return rows_of(machines.select_related("lease", "request")[:MOST], now=self.now)

    @property
    def held_cents(self) -> int:
        return sum(row.cents or 0 for row in self.holds)

    @property
    def idle_cents(self) -> int:
        return sum(row.cents or 0 for row in self.holds if row.machine.idle_since)

    @cached_property
    def earlier(self) -> Earlier:
        mine = Step.objects.filter(decided_by=self.by, request__requester=self.request.requester_id)
        rows = mine.order_by().values_list("state").annotate(Count("pk"), Max("decided_at"))
        found = {state: (count, last) for state, count, last in rows}
        approved, refused = (found.get(state, (0, None)) for state in (Step.State.APPROVED, Step.State.REFUSED))
        return Earlier(approved[0], refused[0], max(filter(None, (approved[1], refused[1])), default=None))

    @property
    def silent_since(self) -> str:
        since = silent_since(self.request.blueprint.pool.endpoint)
        return hour(since) if since else ""
