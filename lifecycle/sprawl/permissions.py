"""Who may do what about machines that nobody holds, beyond giving them a holder."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Machine
from lifecycle.estate.permissions import holds
from lifecycle.people.models import User
from lifecycle.people.permissions import Verb, Words, anybody, runs_the_house
from lifecycle.sprawl.models import Claim


def _is_theirs(user: User, claim: Claim) -> bool:
    return claim.by_id == user.pk


def _is_not_theirs(user: User, claim: Claim) -> bool:
    return runs_the_house(user) and claim.by_id != user.pk


def _why_not_decide(user: User, claim: Claim) -> Words:
    if runs_the_house(user):
        return _("Nobody decides their own claim.")
    return _("Only administrators decide claims.")


def _exempts(user: User, subject: object) -> bool:
    return runs_the_house(user) and not (isinstance(subject, Machine) and holds(user, subject))


def _why_not_exempt(user: User, subject: object) -> Words:
    if runs_the_house(user):
        return _("Nobody exempts what they hold themselves. Ask another administrator.")
    return _("Only administrators say what is no finding.")


RECLAIM_FILES: Verb[object] = Verb(
    _("rename disk files that nothing uses, have them back, say when they are removed, and vouch for storage"),
    runs_the_house,
    _("Only administrators decide about disk files."),
)
FILL_BOARD: Verb[object] = Verb(
    _("put found machines on the board that everybody sees, and take them off it"),
    runs_the_house,
    _("Only administrators say what stands on the board."),
)
CLAIM: Verb[object] = Verb(_("claim a machine on the board"), anybody, "")
WITHDRAW_CLAIM: Verb[Claim] = Verb(_("withdraw a claim"), _is_theirs, _("This is somebody else's claim."))
DECIDE_CLAIM: Verb[Claim] = Verb(_("accept and refuse claims"), _is_not_theirs, _why_not_decide)
MAKE_RULES: Verb[object] = Verb(
    _("make rules about found machines, and apply them"), runs_the_house, _("Only administrators make rules.")
)
KEEP_INVENTORY: Verb[object] = Verb(
    _("read in an inventory of who owns what"), runs_the_house, _("Only administrators read in inventories.")
)
SET_THRESHOLDS: Verb[object] = Verb(
    _("say from when on something is a finding"),
    runs_the_house,
    _("Only administrators say from when on something is a finding."),
)
EXEMPT: Verb[object] = Verb(
    _("exempt something from findings, and end that"),
    _exempts,
    _why_not_exempt,
)
