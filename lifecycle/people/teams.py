"""Teams and cost centres: made, changed, and removed while nothing hangs on them."""

from __future__ import annotations

from typing import Any, TypedDict, TypeVar, Unpack

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict, InvalidMany
from lifecycle.people.actions import problems_of, shown
from lifecycle.people.models import CostCentre, Team, User
from lifecycle.people.permissions import MANAGE_PEOPLE, require

Row = TypeVar("Row", Team, CostCentre)


class TeamFields(TypedDict, total=False):
    name: str
    cost_centre: CostCentre | None


class CostCentreFields(TypedDict, total=False):
    code: str
    name: str
    owner: User | None


@transaction.atomic
def create_team(*, by: Actor, **fields: Unpack[TeamFields]) -> Team:
    require(by, MANAGE_PEOPLE)
    return _create(Team(**fields), "team.added", fields, by=by)


@transaction.atomic
def change_team(team: Team, *, by: Actor, **changes: Unpack[TeamFields]) -> Team:
    """Machines that the team holds stay on the cost centre they were ordered for."""
    require(by, MANAGE_PEOPLE)
    team = Team.objects.select_for_update(of=("self",)).select_related("cost_centre").get(pk=team.pk)
    return _change(team, "team.changed", changes, by=by)


@transaction.atomic
def delete_team(team: Team, *, by: Actor) -> None:
    require(by, MANAGE_PEOPLE)
    team = Team.objects.select_for_update().get(pk=team.pk)
    if team.members.exists():
        raise Conflict(_("%(team)s has members. Move them to another team first.") % {"team": team})
    group = team.group
    _delete(team, "team.removed", by=by)
    if group is not None:
        group.delete()


@transaction.atomic
def create_cost_centre(*, by: Actor, **fields: Unpack[CostCentreFields]) -> CostCentre:
    require(by, MANAGE_PEOPLE)
    return _create(CostCentre(**fields), "cost_centre.added", fields, by=by)


@transaction.atomic
def change_cost_centre(centre: CostCentre, *, by: Actor, **changes: Unpack[CostCentreFields]) -> CostCentre:
    """Its owner sees what it pays, from now on and before."""
    require(by, MANAGE_PEOPLE)
    centre = CostCentre.objects.select_for_update(of=("self",)).select_related("owner").get(pk=centre.pk)
    return _change(centre, "cost_centre.changed", changes, by=by)


@transaction.atomic
def delete_cost_centre(centre: CostCentre, *, by: Actor) -> None:
    require(by, MANAGE_PEOPLE)
    _delete(CostCentre.objects.select_for_update().get(pk=centre.pk), "cost_centre.removed", by=by)


def _create(row: Row, verb: str, fields: Any, *, by: Actor) -> Row:
    if problems := problems_of(row):
        raise InvalidMany(problems)
    row.save()
    record(verb, row, by=by, **shown(fields))
    return row


def _change(row: Row, verb: str, changes: Any, *, by: Actor) -> Row:
    before = {name: getattr(row, name) for name in sorted(changes)}
    changed = [name for name, value in before.items() if value != changes[name]]
    if not changed:
        return row
    for name in changed:
        setattr(row, name, changes[name])
    if problems := problems_of(row, only=changed):
        raise InvalidMany(problems)
    row.save(update_fields=changed)
    was, now = shown({name: before[name] for name in changed}), shown({name: changes[name] for name in changed})
    record(verb, row, by=by, changed=changed, before=was, after=now)
    return row


def _delete(row: Team | CostCentre, verb: str, *, by: Actor) -> None:
    """What ever held a machine, was asked for or charged stays: its history names it."""
    record(verb, row, by=by)
    try:
        row.delete()
    except ProtectedError as error:
        kinds = sorted({str(each._meta.verbose_name_plural) for each in error.protected_objects})
        words = {"name": row, "kinds": ", ".join(kinds)}
        raise Conflict(_("%(name)s cannot be removed: %(kinds)s hang on it.") % words) from error
