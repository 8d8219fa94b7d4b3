"""Disk files in words: what can be asked for, why one is not proven, and how its state looks."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import DiskFile
from portal.templatetags.states import Look

Words = str | Promise

STATES: Mapping[str, Words] = {
    "proven": _("Proven to be nobody’s"),
    "waiting": _("Renamed, waiting"),
    "doubtful": _("Not proven"),
    "ended": _("No longer there"),
}

REASONS: Mapping[str, Words] = {
    "gone_storage": _("its storage is not told of any more"),
    "unknown_storage": _("hosts that are not here may use its storage, which has no identity"),
    "shared": _("hosts that are not here may use its storage"),
    "away": _("an endpoint that mounts its storage does not answer"),
    "no_scan": _("an endpoint that mounts its storage was never scanned completely"),
    "partial_scan": _("the last scan of an endpoint that mounts its storage was not complete"),
    "old_scan": _("the last complete scan of an endpoint that mounts its storage is too long ago"),
    "no_look": _("nobody has looked through an endpoint that mounts its storage"),
    "partial_look": _("the last look through an endpoint that mounts its storage was not complete"),
    "old_look": _("the last look through an endpoint that mounts its storage is too long ago"),
    "unseen": _("another endpoint that mounts its storage does not call it unused"),
    "looks": _("not enough looks in a row found it"),
    "days": _("it has not been unused for long enough"),
    "changed": _("it was changed not long ago"),
    "renamed": _("another Leasehold renamed it"),
}
"""The codes of `lifecycle/sprawl/files/proof.py` for many files at once."""

State, End = DiskFile.State, DiskFile.End

LOOKS: Mapping[str, Look] = {
    State.RETIRING: Look(_("Being renamed"), "info", "pencil"),
    State.RETIRED: Look(_("Renamed, waits"), "quar", "hourglass"),
    State.RESTORING: Look(_("Getting its name back"), "info", "undo-2"),
    State.REMOVING: Look(_("Being removed"), "stop", "trash-2"),
    State.REMOVED: Look(_("Removed"), "gone", "trash-2"),
}
PROVEN = Look(_("Nobody’s"), "bad", "scan-search")
DOUBTFUL = Look(_("Not proven"), "gone", "circle-question-mark")
ENDS: Mapping[str, Look] = {
    End.USED: Look(_("Used again"), "ok", "circle-check"),
    End.MISSING: Look(_("Not there any more"), "gone", "circle-x"),
    End.REMOVED: Look(_("Removed"), "gone", "trash-2"),
}


def look_of(file: DiskFile) -> Look:
    if not file.is_there:
        return ENDS.get(file.end, ENDS[End.MISSING])
    if file.state == State.FOUND:
        return DOUBTFUL if file.doubt else PROVEN
    return LOOKS[file.state]
