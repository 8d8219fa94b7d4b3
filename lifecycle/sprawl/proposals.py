"""What we propose to do about each kind of finding, and how much it hurries. People decide."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.sprawl.models import Kind


class Urgency(models.IntegerChoices):
    URGENT = 3, _("Urgent")
    SOON = 2, _("Soon")
    MINOR = 1, _("Minor")


@dataclass(frozen=True, slots=True)
class Proposal:
    action: str
    """The key that a finding keeps."""
    words: str | Promise
    urgency: Urgency


PROPOSALS: dict[str, Proposal] = {
    Kind.ORPHAN: Proposal("assign", _("Give it a holder, or ask whose it is"), Urgency.URGENT),
    Kind.GHOST: Proposal("look", _("Find out where it went, then end its entry"), Urgency.MINOR),
    Kind.HOLDER_GONE: Proposal("assign", _("Give it another holder"), Urgency.URGENT),
    Kind.OWNERLESS: Proposal("assign", _("Give it a holder"), Urgency.SOON),
    Kind.RUNS_QUARANTINED: Proposal("stop", _("Stop it, or restore its lease"), Urgency.URGENT),
    Kind.PAST_END: Proposal("end", _("Extend its lease, or stop it"), Urgency.URGENT),
    Kind.NO_END: Proposal("set_end", _("Set an end date"), Urgency.MINOR),
    Kind.POWERED_OFF: Proposal("ask", _("Ask whether it is still needed"), Urgency.SOON),
    Kind.IDLE: Proposal("ask", _("Ask whether it is still needed, or stop it"), Urgency.SOON),
    Kind.OVERSIZED: Proposal("resize", _("Make it smaller"), Urgency.MINOR),
    Kind.SNAPSHOTS: Proposal("remove_snapshots", _("Remove its old snapshots"), Urgency.SOON),
    Kind.DISK_FILE: Proposal("remove_file", _("Rename it, wait, then remove it"), Urgency.MINOR),
    Kind.IMAGE: Proposal("remove_image", _("Remove it on the hypervisor"), Urgency.MINOR),
    Kind.DUPLICATE: Proposal("look", _("Look into it"), Urgency.SOON),
}
"""Kind -> proposal; every kind has one."""
