"""What the operations page shows of the work: what its address asks for, open work first, then what has ended."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Endpoint
from lifecycle.operations import queries
from lifecycle.operations.models import Operation
from portal import paging
from portal.web.enginehealth import EngineHealth
from portal.web.waitingwords import SHOWN_WITH, Work

MOST_OPEN = 200
"""As many open ones as the page shows; it says so when there are more."""
STATES: dict[str, str | Promise] = {
    "open": _("Open"),
    "running": _("Running"),
    "waiting": _("Waiting"),
    "failed": _("Failed"),
    "ended": _("Ended"),
}
OVER = ("failed", "ended")
KINDS = Operation.Kind.choices


class WorkList:
    """What the address asks for and nobody knows does not narrow it."""

    def __init__(self, asked: Mapping[str, str]) -> None:
        self.health = EngineHealth()
        self.state = asked.get("state", "") if asked.get("state") in STATES else ""
        self.kind = asked.get("kind", "") if asked.get("kind") in Operation.Kind.values else ""
        self.endpoint = next((each for each in self.endpoints if str(each.pk) == asked.get("endpoint")), None)
        self.position = asked.get("page", "")

    states, kinds = STATES, KINDS

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        return [row.health.endpoint for row in self.health.endpoints]

    @property
    def state_words(self) -> str | Promise:
        return STATES.get(self.state, "")

    @property
    def filtered(self) -> bool:
        return bool(self.state or self.kind or self.endpoint)

    @property
    def first(self) -> bool:
        return not self.position

    @property
    def shows_open(self) -> bool:
        return self.first and self.state not in OVER

    @property
    def shows_ended(self) -> bool:
        return self.state in {"", *OVER}

    @cached_property
    def _open(self) -> list[Operation]:
        return list(self._matching("open").order_by("pk")[: MOST_OPEN + 1]) if self.shows_open else []

    @cached_property
    def page(self) -> paging.Page:
        if not self.shows_ended:
            return paging.Page(rows=[])
        return paging.page(self._matching("ended"), key=("-id",), position=self.position, count=False)

    def _matching(self, otherwise: str) -> QuerySet[Operation]:
        found = queries.matching(state=self.state or otherwise, endpoint=self.endpoint, kind=self.kind)
        return found.select_related(*SHOWN_WITH)

    @property
    def open(self) -> list[Work]:
        return [Work(operation) for operation in self._open[:MOST_OPEN]]

    @property
    def more_open(self) -> bool:
        return len(self._open) > MOST_OPEN

    @property
    def ended(self) -> list[Work]:
        return [Work(operation) for operation in self.page.rows]
