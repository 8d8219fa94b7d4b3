"""Applying a list that was tried: all that it promised in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import Actor, record
from lifecycle.errors import Conflict
from lifecycle.people.imports.planning import plan
from lifecycle.people.imports.rows import Outcome, Plan, plan_of
from lifecycle.people.imports.world import World
from lifecycle.people.imports.writing import write
from lifecycle.people.models import PeopleImport
from lifecycle.people.permissions import MANAGE_PEOPLE, require
from lifecycle.people.teams import create_cost_centre, create_team


@transaction.atomic
def apply_import(
    kept: PeopleImport, *, by: Actor, teams: Collection[str] = (), cost_centres: Collection[str] = ()
) -> PeopleImport:
    """Writes what the dry run showed; of new teams and cost centres only those that are named here are made.

    Rows that were refused are left out. Raises Conflict when anything is no longer as the dry run saw it.
    """
    require(by, MANAGE_PEOPLE)
    kept = PeopleImport.objects.select_for_update(of=("self",)).get(pk=kept.pk)
    if kept.state != PeopleImport.State.TRIED:
        raise Conflict(_("This list was %(state)s already.") % {"state": kept.get_state_display()})
    tried, world = plan_of(kept), World.load(lock=True)
    given = [row.given for row in tried.rows]
    found = plan(given, world, by=by)
    if found.verdict != tried.verdict:
        raise Conflict(_("People have changed since the dry run. Look again at what the list would do now."))
    if {new.name for new in found.teams} - {*teams} or {new.name for new in found.centres} - {*cost_centres}:
        found = plan(given, world, by=by, teams=teams, centres=cost_centres)
    found.unknown = tried.unknown
    _make_new(found, world, by=by)
    write([row for row in found.rows if row.writes], world, by=by, list=kept.pk)
    kept.rows, kept.state, kept.applied_at = found.stored(), PeopleImport.State.APPLIED, clock.now()
    kept.save(update_fields=["rows", "state", "applied_at"])
    counts: dict[str, Any] = {str(outcome): found.count(outcome) for outcome in Outcome}
    record("people.imported", kept, by=by, **counts)
    return kept


def _make_new(found: Plan, world: World, *, by: Actor) -> None:
    for centre in found.centres:
        world.centres[centre.name] = create_cost_centre(code=centre.name, name=centre.name, by=by)
        centre.made = True
    for team in found.teams:
        world.teams[team.name] = create_team(name=team.name, cost_centre=world.centres[team.cost_centre], by=by)
        team.made = True
