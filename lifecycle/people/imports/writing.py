"""Writing many people at once: as many statements for thousands as for one."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.hashers import make_password

from lifecycle.audit.actions import Actor, record_each
from lifecycle.people.imports.rows import Outcome, Row
from lifecycle.people.imports.world import World, is_past
from lifecycle.people.leaving import end_access
from lifecycle.people.models import User

BATCH = 500


def write(rows: list[Row], world: World, *, by: Actor, **detail: Any) -> None:
    """Rows that add or change, into tables that are as `world` says; the teams and cost centres are there by now."""
    people = dict(world.people)
    added = {row.username: _blank(row, world) for row in rows if row.outcome == Outcome.ADDED}
    # Without supervisors at first: they may be among those who are only now added.
    User.objects.bulk_create(added.values(), batch_size=BATCH)
    people |= added
    for row in rows:
        person = people[row.username]
        row.person = person.pk
        _set(person, row.after, people, world)
    changed = [people[row.username] for row in rows]
    # One statement for a batch, by key: every row is there.
    User.objects.bulk_create(
        changed, batch_size=BATCH, update_conflicts=True, unique_fields=["id"], update_fields=_columns(rows)
    )
    end_access([person.pk for person in changed if not person.is_active])
    _record(rows, people, by=by, **detail)


def _columns(rows: list[Row]) -> list[str]:
    columns = {column for row in rows for column in row.after}
    return sorted(columns | ({"is_active"} if "left_on" in columns else set())) or ["is_active"]


def _blank(row: Row, world: World) -> User:
    person = User(username=row.username, password=make_password(None))
    _set(person, {column: text for column, text in row.after.items() if column != "supervisor"}, {}, world)
    return person


def _set(person: User, after: dict[str, str], people: dict[str, User], world: World) -> None:
    for column, text in after.items():
        match column:
            case "supervisor":
                person.supervisor = people[text] if text else None
            case "team":
                person.team = world.teams[text] if text else None
            case "cost_centre":
                person.cost_centre = world.centres[text] if text else None
            case "left_on":
                person.left_on = date.fromisoformat(text) if text else None
            case _:
                setattr(person, column, text)
    if "left_on" in after:
        person.is_active = not is_past(after["left_on"], person)


def _record(rows: list[Row], people: dict[str, User], *, by: Actor, **detail: Any) -> None:
    """As the single actions write it: who decides has an entry of its own."""
    added = [row for row in rows if row.outcome == Outcome.ADDED]
    record_each("person.added", [(people[row.username], {**row.after, **detail}) for row in added], by=by)
    changed = [row for row in rows if row.outcome == Outcome.CHANGED]
    supervised = [row for row in changed if "supervisor" in row.after]
    words = [{"before": row.before["supervisor"], "after": row.after["supervisor"], **detail} for row in supervised]
    pairs = zip((people[row.username] for row in supervised), words, strict=True)
    record_each("person.supervisor_changed", list(pairs), by=by)
    others = [
        (people[row.username], _other_changes(row, detail)) for row in changed if row.after.keys() - {"supervisor"}
    ]
    record_each("person.changed", others, by=by)


def _other_changes(row: Row, detail: dict[str, Any]) -> dict[str, Any]:
    names = sorted(row.after.keys() - {"supervisor"})
    before, after = ({name: side[name] for name in names} for side in (row.before, row.after))
    return {"changed": names, "before": before, "after": after, **detail}
