"""Who is there, and who decides on whom."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from lifecycle import clock
from lifecycle.people.models import CostCentre, Team, User
from lifecycle.people.roles import Right, has


def has_left(user: User, *, now: datetime | None = None) -> bool:
    """Past their last day, by their own calendar, or locked out."""
    if not user.is_active:
        return True
    return user.left_on is not None and (now or clock.now()).astimezone(user.tz).date() > user.left_on


def leavers(*, now: datetime) -> list[int]:
    """The ids of all who have left. One query."""
    perhaps = User.objects.filter(Q(is_active=False) | Q(left_on__isnull=False)).order_by()
    return [user.pk for user in perhaps.only("is_active", "left_on", "zone") if has_left(user, now=now)]


def approver_for(user: User) -> User | None:
    """The nearest supervisor up the line who is there and may decide; nobody for themselves, also not in a circle."""
    seen = {user.pk}
    above = user.supervisor
    while above is not None and above.pk not in seen:
        if not has_left(above) and has(above, Right.ACT):
            return above
        seen.add(above.pk)
        above = above.supervisor
    return None


def payer_for(person: User | None, team: Team | None = None) -> CostCentre | None:
    """Which cost centre pays for what this person, or their team, holds."""
    if team:
        return team.cost_centre
    return (person.cost_centre or (person.team.cost_centre if person.team else None)) if person else None


def admins() -> QuerySet[User]:
    """Administrators who may sign in."""
    return User.objects.filter(role=User.Role.ADMIN, is_active=True)


def other_admins(person: User) -> bool:
    """Whether somebody else could run the house. Locks the administrators, so that two cannot both be the last."""
    others = User.objects.select_for_update().filter(role=User.Role.ADMIN, is_active=True, left_on=None)
    return bool(list(others.exclude(pk=person.pk).order_by("pk").values_list("pk", flat=True)))


def people_called(text: str) -> list[User]:
    """At most two of this user name, mail address or full name; a user name names one person, whatever others do."""
    people = User.objects.select_related("team__cost_centre", "cost_centre")
    if exact := people.filter(username=text).first():
        return [exact]
    full = Concat("first_name", Value(" "), "last_name")
    return list(people.alias(full=full).filter(Q(full__iexact=text) | Q(email__iexact=text))[:2])
