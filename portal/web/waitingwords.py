"""Why work waits, and what would let it go on, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.operations.models import Operation
from portal.web import realtime

Words = str | Promise

REASONS: dict[str, Words] = {
    "paused": _("Everything is paused. It goes on when the pause ends."),
    "observe": _("%(endpoint)s is only observed. It goes on when its mode is “manage”."),
    "endpoint": _("%(endpoint)s does not answer. It is tried again by itself."),
    "busy": _("%(endpoint)s has enough to do. It takes its turn."),
    "blast_radius": _("More removals within an hour than %(endpoint)s allows. It needs an administrator’s word."),
    "scan": _("Nothing is removed before a complete scan of %(endpoint)s within the last hour agrees."),
    "portal": _("What follows it went wrong on our side; the log says why. It is tried again by itself."),
}
BACK_OFF = timedelta(seconds=3)
"""A next try that is nearer needs no button."""


@dataclass(frozen=True)
class Work:
    """One operation as the page shows it."""

    operation: Operation

    @property
    def state(self) -> str:
        """What a brake holds looks different from what merely waits its turn."""
        held = self.operation.is_open and self.operation.waits_for in {"paused", "observe", "blast_radius"}
        return "held" if held else self.operation.state

    @property
    def reason(self) -> str:
        if not self.operation.is_open:
            return ""
        pattern = REASONS.get(self.operation.waits_for)
        if pattern is not None:
            return str(pattern) % {"endpoint": self.operation.endpoint.name}
        if self.operation.state == Operation.State.WAITING:
            return str(_("It is about to begin."))
        return ""

    @property
    def next_try_at(self) -> datetime | None:
        return realtime.shown(self.operation.next_try_at) if self.may_retry else None

    @property
    def may_retry(self) -> bool:
        """It rests between two tries; nobody is at it."""
        operation = self.operation
        resting = operation.waits_for in {"endpoint", "busy", "portal", "scan"}
        return operation.is_open and resting and operation.next_try_at > datetime.now(UTC) + BACK_OFF

    @property
    def may_clear(self) -> bool:
        return self.operation.is_open and self.operation.waits_for == "blast_radius"
