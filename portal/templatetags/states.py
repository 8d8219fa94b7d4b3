"""State -> what a person sees: word, colour role, icon. The only place where a state gets a look."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Look(NamedTuple):
    word: str | Promise
    colour: str
    icon: str


STAGES = {
    "discovered": Look(_("Nobody's"), "gone", "scan-search"),
    "ordered": Look(_("Ordered"), "gone", "circle-dashed"),
    "building": Look(_("Building"), "info", "hammer"),
    "active": Look(_("Active"), "ok", "circle-check"),
    "expiring": Look(_("Expiring"), "warn", "clock"),
    "expired": Look(_("Expired"), "stop", "power"),
    "quarantined": Look(_("Quarantined"), "quar", "circle-pause"),
    "archived": Look(_("Archived"), "arch", "archive"),
    "removing": Look(_("Being removed"), "gone", "trash-2"),
    "removed": Look(_("Removed"), "gone", "trash-2"),
    "failed": Look(_("Failed"), "bad", "circle-x"),
}

POWERS = {
    "on": Look(_("Running"), "ok", "circle-play"),
    "off": Look(_("Off"), "gone", "circle-stop"),
    "suspended": Look(_("Suspended"), "info", "pause"),
    "unknown": Look(_("Unknown"), "gone", "circle-question-mark"),
}

REQUESTS = {
    "waiting": Look(_("Waiting"), "warn", "clock"),
    "approved": Look(_("Approved"), "ok", "check"),
    "building": Look(_("Building"), "info", "hammer"),
    "done": Look(_("Done"), "ok", "circle-check"),
    "refused": Look(_("Refused"), "gone", "x"),
    "failed": Look(_("Failed"), "bad", "circle-x"),
    "cancelled": Look(_("Cancelled"), "gone", "ban"),
    "lapsed": Look(_("Lapsed"), "gone", "hourglass"),
}

OPERATIONS = {
    "waiting": Look(_("Waiting"), "warn", "clock"),
    "running": Look(_("Running"), "info", "activity"),
    "succeeded": Look(_("Done"), "ok", "circle-check"),
    "failed": Look(_("Failed"), "bad", "circle-x"),
    "cancelled": Look(_("Cancelled"), "gone", "ban"),
    "held": Look(_("Held"), "quar", "lock"),
}

FINDINGS = {
    "urgent": Look(_("Urgent"), "bad", "triangle-alert"),
    "soon": Look(_("Soon"), "warn", "clock"),
    "minor": Look(_("Minor"), "gone", "minus"),
    "idle": Look(_("Idle"), "warn", "moon"),
}


def look(table: dict[str, Look], state: str) -> Look:
    """A state nobody drew yet still shows its own word: a page is worth more than a missing colour."""
    return table.get(str(state)) or Look(str(state).capitalize(), "gone", "circle-dashed")
