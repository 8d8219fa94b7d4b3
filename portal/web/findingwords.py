"""What kinds of findings are called, how they look, how urgent they are, and what they mean in a sentence."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.proposals import PROPOSALS
from portal import findings

Words = str | Promise


class Look(NamedTuple):
    word: Words
    icon: str
    sentence: Words


KINDS: dict[str, Look] = {
    Kind.ORPHAN: Look(
        _("Orphan, nobody holds it"),
        "user-round-search",
        _("It runs on a hypervisor, and nobody holds it."),
    ),
    Kind.GHOST: Look(
        _("Ghost, recorded but gone"),
        "ghost",
        _("It is recorded and charged as if it were there, but its hypervisor does not have it any more."),
    ),
    Kind.HOLDER_GONE: Look(_("Holder gone"), "user-round-x", _("Whoever holds it has left, and nobody took it over.")),
    Kind.OWNERLESS: Look(
        _("Without a holder"),
        "user-round-minus",
        _("It has a lease, but neither a person nor a team that answers for it."),
    ),
    Kind.RUNS_QUARANTINED: Look(
        _("Running though quarantined"),
        "circle-pause",
        _("Its lease has ended and it was stopped, but somebody started it behind the portal’s back."),
    ),
    Kind.PAST_END: Look(_("Past its end"), "calendar-x", _("Its last day has passed, and it still runs.")),
    Kind.NO_END: Look(_("No end date"), "calendar-off", _("Nobody has said until when it is needed.")),
    Kind.POWERED_OFF: Look(_("Off for long"), "power", _("It has been off for long, and its disks cost all the same.")),
    Kind.IDLE: Look(_("Idle"), "moon", _("It runs and does next to nothing.")),
    Kind.OVERSIZED: Look(_("Oversized"), "minimize-2", _("It has far more than it ever uses.")),
    Kind.SNAPSHOTS: Look(
        _("Old snapshots"), "camera", _("Its snapshots are old or many: they grow, and slow it down.")
    ),
    Kind.DISK_FILE: Look(_("Orphan disk"), "hard-drive", _("A disk file that no machine uses.")),
    Kind.IMAGE: Look(_("Unused image"), "disc", _("No machine was made from it for long.")),
    Kind.DUPLICATE: Look(
        _("Duplicate"), "copy", _("Another machine has the same identity: clones that were not made distinct.")
    ),
}

URGENCIES: dict[str, str] = {kind: proposal.urgency.name.lower() for kind, proposal in PROPOSALS.items()}
"""Kind -> a key of states.FINDINGS."""
CONFIDENCES: dict[int, str] = {level: word for word, level in findings.CONFIDENCES.items()}
AGES: dict[str, Words] = {
    "week": _("Less than a week"),
    "month": _("A week to 30 days"),
    "quarter": _("30 to 90 days"),
    "year": _("90 days to a year"),
    "older": _("More than a year"),
}
EXEMPT: dict[str, Words] = {"with": _("Exempt ones too"), "only": _("Exempt ones only")}
ORDERS: dict[str, Words] = {"cost": _("Per month"), "savings": _("Gives back"), "since": _("Since")}
