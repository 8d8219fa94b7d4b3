"""Everything the page of one request shows, gathered once."""

from __future__ import annotations

import datetime as dt

from django.utils.functional import cached_property

from lifecycle import clock
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import LOOK_INTO_HOUSE, may
from lifecycle.requests.models import Request, Step
from lifecycle.requests.permissions import DECIDE, WITHDRAW
from portal.web.progress import Work, hour, silent_since
from portal.web.seedwords import FirstStart

State = Request.State
AGAIN = (State.REFUSED, State.FAILED, State.CANCELLED, State.LAPSED)


class RequestPage:
    def __init__(self, asked: Request, by: User) -> None:
        self.request = asked
        self.by = by
        self.now: dt.datetime = clock.now()

    @cached_property
    def steps(self) -> list[Step]:
        return list(self.request.steps.select_related("approver", "decided_by"))

    @cached_property
    def told(self) -> FirstStart:
        return FirstStart(self.request)

    @cached_property
    def work(self) -> Work | None:
        """The work that builds the machine."""
        if self.request.machine_id is None:
            return None
        made = Operation.objects.filter(machine=self.request.machine_id, kind=Operation.Kind.CREATE)
        operation = made.select_related("endpoint", "verdict_by").order_by("-pk").first()
        return Work(operation) if operation else None

    @property
    def is_open(self) -> bool:
        return self.request.state in Request.OPEN

    @property
    def is_mine(self) -> bool:
        return self.request.requester_id == self.by.pk

    @property
    def can_withdraw(self) -> bool:
        return self.request.state == State.WAITING and may(self.by, WITHDRAW, self.request)

    @property
    def can_take_back(self) -> bool:
        """While it is built, and nobody has said otherwise already."""
        work = self.work
        builds = self.request.state == State.BUILDING and work is not None and work.operation.is_open
        return builds and not work.ends and may(self.by, WITHDRAW, self.request)  # type: ignore[union-attr]

    @property
    def by_requester(self) -> bool:
        """Whoever asked took it back themselves."""
        return bool(self.work) and self.work.operation.verdict_by_id == self.request.requester_id  # type: ignore[union-attr]

    @property
    def can_copy(self) -> bool:
        """What one asked for oneself, or one's team."""
        ours = self.request.team_id is not None and self.request.team_id == self.by.team_id
        return self.is_mine or ours

    @property
    def can_ask_again(self) -> bool:
        """Nothing came of it."""
        return self.request.state in AGAIN

    @property
    def sees_operations(self) -> bool:
        return may(self.by, LOOK_INTO_HOUSE)

    @property
    def decides(self) -> bool:
        """The reader is who it waits for."""
        waits = any(step.state == Step.State.WAITING and step.approver_id == self.by.pk for step in self.steps)
        return waits and may(self.by, DECIDE, self.request)

    @property
    def silent_since(self) -> str:
        """Said before the decision too: the endpoint where it will be built does not answer."""
        since = silent_since(self.request.blueprint.pool.endpoint) if self.is_open else None
        return hour(since) if since else ""

    @property
    def mark(self) -> str:
        """Changes when a reader should hear of it."""
        return f"{self.request.state}-{self.work.mark if self.work else ''}"
