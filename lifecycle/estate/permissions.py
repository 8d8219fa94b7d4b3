"""Who may do what with machines and endpoints."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.models import Level, Machine
from lifecycle.estate.models.machines import grants_to
from lifecycle.people.models import Team, User
from lifecycle.people.permissions import Verb, runs_the_house


def holds(user: User, machine: Machine) -> bool:
    """It is theirs, or their team's."""
    return machine.holder_id == user.pk or (machine.team_id is not None and machine.team_id == user.team_id)


def _operates(user: User, machine: Machine) -> bool:
    return holds(user, machine) or runs_the_house(user) or _shared(user, machine, Level.OPERATE, Level.MANAGE)


def _manages(user: User, machine: Machine) -> bool:
    return holds(user, machine) or runs_the_house(user) or _shared(user, machine, Level.MANAGE)


def _shared(user: User, machine: Machine, *levels: Level) -> bool:
    return any(
        grants.filter(content_object=machine, permission__codename__in=levels).exists() for grants in grants_to(user)
    )


def may_share_until(user: User, machine: Machine, until: date | None) -> bool:
    """Whoever has it by a share cannot hand on more time than they have."""
    if holds(user, machine) or runs_the_house(user):
        return True
    manages = [grants.filter(content_object=machine, permission__codename=Level.MANAGE) for grants in grants_to(user)]
    ends = [end for grants in manages for end in grants.values_list("until", flat=True)]
    return any(end is None or (until is not None and until <= end) for end in ends)


def _gives_up(user: User, shared: tuple[Machine, User | Team]) -> bool:
    machine, recipient = shared
    return recipient == user or _manages(user, machine)


def _whose(user: User, machine: Machine) -> str:
    if not machine.holder_name:
        return _("Nobody holds this machine; only administrators may do this.")
    return _("Only the holder may do this, %(holder)s, and whoever it is shared with for that.") % {
        "holder": machine.holder_name
    }


OPERATE: Verb[Machine] = Verb(lazy("start, stop and restart a machine"), _operates, _whose)
MANAGE: Verb[Machine] = Verb(lazy("extend, give back, restore and share a machine"), _manages, _whose)
WITHDRAW_SHARE: Verb[tuple[Machine, User | Team]] = Verb(
    lazy("end a share, or give up one's own"),
    _gives_up,
    lambda user, shared: _whose(user, shared[0]),
)
SETTLE_DRIFT: Verb[object] = Verb(
    lazy("accept what was changed behind the portal's back, or put it back"),
    runs_the_house,
    lazy("Only administrators decide about what was changed on the hypervisor."),
)
MANAGE_ENDPOINTS: Verb[object] = Verb(
    lazy("add, change, check and scan endpoints, and say whether they are managed"),
    runs_the_house,
    lazy("Only administrators manage endpoints."),
)
