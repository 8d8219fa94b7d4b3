"""What becomes of work, for whoever runs the house: why it waits, what somebody decided, what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.operations.actions import CANCELLABLE
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.requests.models import Request
from portal.web import realtime
from portal.web.progress import STEPS

Words = str | Promise
Kind, Purpose, State, Verdict = Operation.Kind, Operation.Purpose, Operation.State, Operation.Verdict

REASONS: dict[str, Words] = {
    "paused": lazy("Everything is paused. It goes on when the pause ends."),
    "observe": lazy("%(endpoint)s is only observed. It goes on when its mode is “manage”."),
    "endpoint": lazy("%(endpoint)s does not answer. It is tried again by itself."),
    "full": lazy("%(endpoint)s has as much under way as it may. It takes its turn."),
    "busy": lazy("%(endpoint)s could not take it on just now. It is tried again by itself."),
    "blast_radius": lazy("More removals within an hour than %(endpoint)s allows. It needs an administrator’s word."),
    "scan": lazy("Nothing is removed before a complete scan of %(endpoint)s within the last hour agrees."),
    "portal": lazy("What follows it went wrong on our side; the log says why. It is tried again by itself."),
}
DECIDED: dict[str, Words] = {
    Verdict.CANCEL: lazy("%(who)s cancelled it: “%(reason)s”. A worker carries that out as soon as it can."),
    Verdict.DONE: lazy("%(who)s says that it is done: “%(reason)s”. %(endpoint)s is asked whether it is."),
    Verdict.FAILED: lazy("%(who)s gave it up: “%(reason)s”. It ends in a moment."),
}
WITHOUT_IT: dict[tuple[str, str], Words] = {
    (Kind.CREATE, Purpose.ORDER): lazy("The order ends, and nothing is charged. Whoever asked is told."),
    (Kind.SHUTDOWN, Purpose.EXPIRY): lazy("The machine runs on. Its lease goes on for a day; then it is stopped."),
    (Kind.REMOVE, Purpose.EXPIRY): lazy("The machine stays stopped for another day; then its removal is tried again."),
    (Kind.POWER_ON, Purpose.RESTORE): lazy("The machine stays off; its holder can start it. Whoever asked is told."),
    (Kind.DETACH_SEED, Purpose.SEED): lazy(
        "What the machine was told for its first start stays where it is, secrets and all. It is tried again later."
    ),
    (Kind.ANNOTATE, Purpose.STAMP): lazy("What stands on the machine itself stays as it was."),
    (Kind.RETIRE_FILE, Purpose.RECLAIM): lazy("The disk file keeps its name. Whoever asked is told."),
    (Kind.RESTORE_FILE, Purpose.RECLAIM): lazy("The disk file waits on under its new name. Whoever asked is told."),
    (Kind.REMOVE_FILE, Purpose.RECLAIM): lazy(
        "The disk file stays under its new name, and is not removed until somebody sets another day. Whoever had it"
        " renamed is told."
    ),
}
"""What follows when it is not done; in all other cases OTHERWISE."""
OTHERWISE = lazy("The machine stays as it is. Whoever asked is told.")
SHOWN_WITH = ("machine__request__requester",)
"""What rows are fetched with, beside what the room itself tells of them."""
BACK_OFF = timedelta(seconds=3)
"""A next try that is nearer needs no button."""


@dataclass(frozen=True)
class Work:
    """One operation as the pages of the house show it."""

    operation: Operation

    @property
    def state(self) -> str:
        """What a brake holds looks different from what merely waits its turn."""
        held = self.operation.is_open and self.operation.waits_for in {"paused", "observe", "blast_radius"}
        return "held" if held else self.operation.state

    @property
    def reason(self) -> str:
        operation = self.operation
        if not operation.is_open:
            return ""
        if (pattern := REASONS.get(operation.waits_for)) is not None:
            return str(pattern) % {"endpoint": operation.endpoint.name}
        if operation.state == State.WAITING and not operation.verdict:
            return _("It is about to begin.")
        return ""

    @property
    def step(self) -> str:
        return str(STEPS.get(self.operation.step, self.operation.step))

    @property
    def request(self) -> Request | None:
        """Of what builds a machine."""
        return getattr(self.operation.on_machine, "request", None) if self.operation.kind == Kind.CREATE else None

    @property
    def asker(self) -> User | None:
        """Whose wish it is: an order is written down by whoever approves it."""
        return self.request.requester if self.request else self.operation.asked_by

    @property
    def decided(self) -> str:
        """What a person decided that no worker has carried out yet."""
        operation = self.operation
        if not (operation.is_open and operation.verdict):
            return ""
        who = operation.verdict_by or _("Somebody")
        words = {"who": who, "reason": operation.verdict_reason, "endpoint": operation.endpoint.name}
        return str(DECIDED[operation.verdict]) % words

    @property
    def clears_up(self) -> bool:
        """It will not be done any more; what it had begun goes first."""
        return self.operation.is_open and bool(self.operation.error_code)

    @property
    def contradicted(self) -> str:
        """What the hypervisor said when somebody had said that it is done."""
        operation = self.operation
        return operation.error if operation.is_open and not operation.verdict and not operation.error_code else ""

    @property
    def problem(self) -> str:
        """What went wrong, of work that is ending or has ended without having been done."""
        operation = self.operation
        if operation.state == State.SUCCEEDED or (operation.is_open and not operation.error_code):
            return ""
        return "" if self.decided and operation.error == operation.verdict_reason else operation.error

    @property
    def next_try_at(self) -> datetime | None:
        return realtime.shown(self.operation.next_try_at) if self.may_retry else None

    @property
    def deadline_at(self) -> datetime | None:
        return realtime.shown(self.operation.deadline_at)

    @property
    def worker(self) -> str:
        """Host and process of whoever is at it."""
        return self.operation.claimed_by.rpartition(":")[0] if self.operation.is_open else ""

    @property
    def without_it(self) -> str:
        return str(WITHOUT_IT.get((self.operation.kind, self.operation.purpose), OTHERWISE))

    @property
    def may_retry(self) -> bool:
        """It rests between two tries; nobody is at it."""
        operation = self.operation
        resting = operation.waits_for in {"endpoint", "busy", "portal", "scan"}
        return operation.is_open and resting and operation.next_try_at > datetime.now(UTC) + BACK_OFF

    @property
    def may_clear(self) -> bool:
        return self.operation.is_open and self.operation.waits_for == "blast_radius"

    @property
    def may_cancel(self) -> bool:
        operation = self.operation
        stoppable = operation.state == State.WAITING or (operation.is_open and operation.kind in CANCELLABLE)
        return stoppable and not operation.verdict and not operation.error_code

    @property
    def may_resolve(self) -> bool:
        return self.operation.state == State.RUNNING and self.operation.verdict != Verdict.FAILED

    @property
    def may_be_done(self) -> bool:
        """Somebody may say so; of what is being cleared away nobody wants to hear it."""
        return self.may_resolve and not self.operation.verdict and not self.operation.error_code

    @property
    def mark(self) -> str:
        """Changes when a reader should hear of it."""
        operation = self.operation
        return f"{operation.state}-{operation.step}-{operation.waits_for}-{operation.verdict}-{operation.error_code}"

    @property
    def news(self) -> str:
        """What a reader hears when that changed."""
        return self.decided or self.reason or self.problem or str(self.operation.get_state_display())
