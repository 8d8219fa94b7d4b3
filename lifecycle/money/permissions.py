"""Who may set prices, and whose costs somebody may see."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lifecycle.people.models import CostCentre, User
from lifecycle.people.permissions import Verb, runs_the_house
from lifecycle.people.roles import Right, has


def sees_all_money(user: User) -> bool:
    return has(user, Right.SEE_MONEY)


def _sees_costs(user: User, payer: User | CostCentre) -> bool:
    theirs = payer.owner_id if isinstance(payer, CostCentre) else payer.pk
    return theirs == user.pk or sees_all_money(user)


PUBLISH_PRICES: Verb[object] = Verb(
    _("publish rate cards"), runs_the_house, _("Only administrators publish rate cards.")
)
SEE_COSTS: Verb[User | CostCentre] = Verb(
    _("see what somebody, or a cost centre, pays"),
    _sees_costs,
    _("These costs are not yours to see."),
    changes=False,
)
