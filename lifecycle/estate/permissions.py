"""Who may do what with machines and endpoints."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.models import Level, Machine
from lifecycle.estate.models.machines import grants_to
from lifecycle.people.models import User
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


def _whose(user: User, machine: Machine) -> str:
    if not machine.holder_name:
        return _("Nobody holds this machine; only administrators may do this.")
    return _("Only the holder may do this, %(holder)s, and whoever it is shared with for that.") % {
        "holder": machine.holder_name
    }


OPERATE: Verb[Machine] = Verb(lazy("start, stop and restart a machine"), _operates, _whose)
MANAGE: Verb[Machine] = Verb(lazy("extend, give back, restore and share a machine"), _manages, _whose)
MANAGE_ENDPOINTS: Verb[object] = Verb(
    lazy("add, change and scan endpoints, and say whether they are managed"),
    runs_the_house,
    lazy("Only administrators manage endpoints."),
)
