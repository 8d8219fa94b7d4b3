"""Whether a list of people, all of it together, leaves lines of command and somebody to run the house."""

from __future__ import annotations

from django.utils.translation import gettext as _

from lifecycle.people.actions import LAST_ADMIN
from lifecycle.people.imports.rows import Outcome, Row
from lifecycle.people.imports.world import World
from lifecycle.people.lines import circles_in
from lifecycle.people.models import User


def refuse_lines(rows: list[Row], world: World) -> None:
    """Refusing one row may take the supervisor of another: asked again until nothing new is refused."""
    _refuse_last_admin(rows, world)
    while _refuse_missing(rows, world) or _refuse_circles(rows, world):
        pass


def _refuse_missing(rows: list[Row], world: World) -> bool:
    there = {"", *world.people, *(row.username for row in rows if row.outcome == Outcome.ADDED)}
    lost = [row for row in rows if row.writes and row.after.get("supervisor", "") not in there]
    for row in lost:
        row.refuse(_("Their supervisor %(name)s is in the file, but refused.") % {"name": row.after["supervisor"]})
    return bool(lost)


def _refuse_circles(rows: list[Row], world: World) -> bool:
    above = {name: person.supervisor.username for name, person in world.people.items() if person.supervisor}
    changing = {row.username: row for row in rows if row.writes and "supervisor" in row.after}
    above |= {name: row.after["supervisor"] for name, row in changing.items()}
    refused = False
    for circle in circles_in({name: boss or None for name, boss in above.items()}):
        shown = [*circle[:6], *(["…"] if len(circle) > 6 else []), circle[0]]
        for name in set(circle) & changing.keys():
            changing[name].refuse(_("That would be a circle: %(circle)s.") % {"circle": " → ".join(shown)})
            refused = True
    return refused


def _refuse_last_admin(rows: list[Row], world: World) -> None:
    admins = {name for name, person in world.people.items() if _runs(person.role, person.left_on) and person.is_active}
    lost = [
        row
        for row in rows
        if row.writes and row.username in admins and not _runs(row.after.get("role", "admin"), row.after.get("left_on"))
    ]
    gained = any(
        row.writes and row.after.get("role") == User.Role.ADMIN and not row.after.get("left_on") for row in rows
    )
    if lost and not gained and admins == {row.username for row in lost}:
        for row in lost:
            row.refuse(str(LAST_ADMIN))


def _runs(role: str, left_on: object) -> bool:
    return role == User.Role.ADMIN and not left_on
