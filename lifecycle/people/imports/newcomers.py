"""Teams and cost centres that a list names and the house does not have: made only when somebody ticks them."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext as _

from lifecycle.people.imports.rows import New, Plan, Row
from lifecycle.people.imports.world import World


def find_new(
    found: Plan, world: World, *, teams: Collection[str] | None = None, centres: Collection[str] | None = None
) -> None:
    """Lists them, and refuses rows that need one that is not to be made."""
    for row in found.rows:
        if row.writes and (code := row.after.get("cost_centre", "")) and _missing(code, world.centres, centres):
            row.refuse(_("The cost centre %(code)s is new, and not to be made.") % {"code": code})
    payers = _payers(found.rows, world)
    for row in found.rows:
        if row.writes and (name := row.after.get("team", "")) and name not in world.teams:
            _check_team(row, name, payers.get(name, ""), teams=teams)
    needed = [row.after for row in found.rows if row.writes]
    used = {after.get("team", "") for after in needed} - world.teams.keys() - {""}
    codes = {after.get("cost_centre", "") for after in needed} | {payers[name] for name in used}
    found.teams = [New(name, payers[name]) for name in sorted(used)]
    found.centres = [New(code) for code in sorted(codes - world.centres.keys() - {""})]


def _missing(name: str, known: Collection[str], made: Collection[str] | None) -> bool:
    return name not in known and made is not None and name not in made


def _payers(rows: list[Row], world: World) -> dict[str, str]:
    """New team -> its cost centre: the first that a row of it names."""
    payers: dict[str, str] = {}
    for row in rows:
        name, code = row.after.get("team", ""), row.cells.get("cost_centre", "")
        if row.writes and name and name not in world.teams and code:
            payers.setdefault(name, code)
    return payers


def _check_team(row: Row, name: str, payer: str, *, teams: Collection[str] | None) -> None:
    if teams is not None and name not in teams:
        row.refuse(_("The team %(team)s is new, and not to be made.") % {"team": name})
    elif not payer:
        row.refuse(_("The team %(team)s is new, and no row says its cost centre.") % {"team": name})
