"""What is under way, in words: the step, or what it waits for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lifecycle import clock
from lifecycle.estate.models import Endpoint
from lifecycle.operations.models import Operation
from portal.web.realtime import shown

Kind, Verdict = Operation.Kind, Operation.Verdict

STEPS: dict[str, str | Promise] = {
    "placing": gettext_lazy("Choosing a place"),
    "copying": gettext_lazy("Copying the disk"),
    "defining": gettext_lazy("Setting up the machine"),
    "starting": gettext_lazy("First start"),
    "stopping": gettext_lazy("Shutting down"),
    "removing": gettext_lazy("Removing the machine and its disks"),
    "annotating": gettext_lazy("Writing the holder onto the machine"),
    "seeding": gettext_lazy("What it is told at its first start"),
    "suspending": gettext_lazy("Suspending"),
    "resizing": gettext_lazy("Changing its size"),
    "disk": gettext_lazy("Changing its disks"),
    "network": gettext_lazy("Changing its network"),
    "snapshot": gettext_lazy("Working on a snapshot"),
    "reverting": gettext_lazy("Going back to a snapshot"),
    "renaming": gettext_lazy("Renaming"),
}
BUILDING = ("placing", "copying", "defining", "starting")
"""The steps of a new machine, in the order in which a page lists them."""

DOING: dict[str, str | Promise] = {
    Kind.CREATE: gettext_lazy("Building"),
    Kind.POWER_ON: gettext_lazy("Starting"),
    Kind.SHUTDOWN: gettext_lazy("Shutting down"),
    Kind.POWER_OFF: gettext_lazy("Pulling the plug"),
    Kind.RESTART: gettext_lazy("Restarting"),
    Kind.ANNOTATE: gettext_lazy("Writing the holder onto the machine"),
    Kind.RENAME: gettext_lazy("Renaming"),
    Kind.RESIZE: gettext_lazy("Giving it another size"),
    Kind.DETACH_SEED: gettext_lazy("Taking away what it was told for its first start"),
    Kind.REMOVE: gettext_lazy("Removing the machine and its disks"),
}

WAITS: dict[str, str | Promise] = {
    "paused": gettext_lazy("The administrators have paused all work. This waits and goes on by itself."),
    "observe": gettext_lazy("%(endpoint)s is only watched; nothing is changed on it. This waits until that ends."),
    "endpoint": gettext_lazy("%(endpoint)s does not answer since %(since)s. This waits and goes on by itself."),
    "full": gettext_lazy("%(endpoint)s is busy with other work. This takes its turn."),
    "busy": gettext_lazy("%(endpoint)s could not take this on just now. It is tried again by itself."),
    "blast_radius": gettext_lazy("Many machines are being removed on %(endpoint)s. An administrator looks first."),
    "scan": gettext_lazy("%(endpoint)s is looked through once more before anything is removed."),
    "portal": gettext_lazy("A fault of ours holds this up. It is in our log, and is tried again."),
}
UNKNOWN_SINCE = gettext_lazy("%(endpoint)s does not answer at the moment. This waits and goes on by itself.")


@dataclass(frozen=True)
class Substep:
    words: str | Promise
    state: str
    """done, current or todo"""


@dataclass(frozen=True)
class Work:
    """One operation as a page tells of it."""

    operation: Operation

    @property
    def title(self) -> str:
        return str(DOING.get(self.operation.kind, self.operation.get_kind_display()))

    @property
    def taken_back(self) -> bool:
        """Somebody does not want it any more, and what was begun goes first."""
        return self.operation.is_open and self.operation.verdict == Verdict.CANCEL

    @property
    def ends(self) -> bool:
        """It will not be done any more, but has not ended yet."""
        given_up = self.operation.verdict == Verdict.FAILED
        return self.operation.is_open and (self.taken_back or given_up or bool(self.operation.error_code))

    @property
    def step(self) -> str:
        """The step while it runs; it is the machine's first start only while it is built."""
        if self.taken_back:
            return _("Being taken back") if self.operation.kind == Kind.CREATE else _("Being cancelled")
        if self.ends:
            return _("Clearing up")
        if self.operation.kind == Kind.CREATE and self._at is not None:
            number = self._at + 1
            words = _("Step %(number)s of %(all)s: %(step)s")
            step = str(STEPS[BUILDING[self._at]])
            return words % {"number": number, "all": len(BUILDING), "step": step[:1].lower() + step[1:]}
        return self.title

    @property
    def waits(self) -> str:
        """Why it does not go on; nothing while it does."""
        operation = self.operation
        if not operation.waits_for:
            return ""
        since = silent_since(operation.endpoint)
        words = WAITS.get(operation.waits_for, operation.waits_for)
        if operation.waits_for == "endpoint" and since is None:
            words = UNKNOWN_SINCE
        return str(words) % {"endpoint": operation.endpoint, "since": hour(since) if since else ""}

    @property
    def tries(self) -> str:
        """Said when the first try was not enough."""
        operation = self.operation
        if not operation.is_open or operation.attempt < 2 or self.ends:
            return ""
        return _("Tried %(count)s times so far.") % {"count": operation.attempt}

    @property
    def substeps(self) -> list[Substep]:
        here = self._at or 0
        states = ["done"] * here + ["current"] + ["todo"] * len(BUILDING)
        return [Substep(STEPS[step], state) for step, state in zip(BUILDING, states, strict=False)]

    @property
    def _at(self) -> int | None:
        """Which of the steps of a new machine; the seed is part of setting it up, where it has one."""
        step = "defining" if self.operation.step == "seeding" else self.operation.step
        return BUILDING.index(step) if step in BUILDING else None

    @property
    def mark(self) -> str:
        """Changes when a reader should hear of it."""
        operation = self.operation
        ending = f"{operation.verdict}{operation.error_code}"
        return f"{operation.pk}-{operation.state}-{operation.step}-{operation.waits_for}-{ending}"


def silent_since(endpoint: Endpoint) -> dt.datetime | None:
    """When an endpoint fell silent, by the portal's clock."""
    return shown(endpoint.failing_since)


def hour(moment: dt.datetime) -> str:
    """10:31 today, else with its day."""
    local, here = timezone.localtime(moment), timezone.localtime(clock.now())
    return date_format(local, "H:i" if local.date() == here.date() else _("j M, H:i"))
