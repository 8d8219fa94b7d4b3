"""What a list of people would do, row by row, without doing it. The order of rows means nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from lifecycle.audit.actions import Actor
from lifecycle.csvfiles import Given
from lifecycle.errors import Invalid
from lifecycle.people.imports import cells
from lifecycle.people.imports.lines import refuse_lines
from lifecycle.people.imports.newcomers import find_new
from lifecycle.people.imports.rows import Outcome, Plan, Row
from lifecycle.people.imports.world import World, word_of, words_of
from lifecycle.people.models import User
from lifecycle.people.permissions import CHOOSE_SUPERVISOR, may

STAYS_WHEN_EMPTY = ("role", "zone")
NEWCOMER = {name: str(text) for name, text in words_of(User()).items()}
TEXTS = ("first_name", "last_name", "email")


def plan(
    given: Iterable[Given],
    world: World,
    *,
    by: Actor,
    teams: Collection[str] | None = None,
    centres: Collection[str] | None = None,
) -> Plan:
    """`teams` and `centres` are the new ones that may be made; None means all of them."""
    rows = [
        Row(each.number, User.normalize_username(each.cells.get("username", "")), each.cells, wrong=each.wrong)
        for each in given
    ]
    _refuse_doubles(rows)
    names = {row.username for row in rows}
    for row in rows:
        if row.outcome != Outcome.REFUSED:
            _read(row, world, names, by=by)
    found, refused = Plan(rows), -1
    # What one row needs may be what another was refused for.
    while refused != (refused := found.count(Outcome.REFUSED)):
        find_new(found, world, teams=teams, centres=centres)
        refuse_lines(rows, world)
    return found


def _refuse_doubles(rows: list[Row]) -> None:
    counts = Counter(row.username.casefold() for row in rows)
    for row in rows:
        if counts[row.username.casefold()] > 1 and row.username:
            row.refuse(_("%(name)s stands in the file more than once.") % {"name": row.username})


def _read(row: Row, world: World, names: Collection[str], *, by: Actor) -> None:
    person = world.people.get(row.username)
    row.person = person.pk if person else None
    problems = [row.wrong] if row.wrong else _who_is_wrong(row, world)
    now = words_of(person) if person else {}
    wanted = dict(now or NEWCOMER)
    for column, text in row.cells.items():
        if column == "username" or (not text and column in STAYS_WHEN_EMPTY):
            continue
        try:
            wanted[column] = cells.meaning(column, text, world, names)
        except Invalid as error:
            problems.append(error.message)
    row.after = {column: text for column, text in wanted.items() if now.get(column) != text}
    row.before = {column: now[column] for column in row.after if now}
    row.outcome = Outcome.ADDED if person is None else Outcome.CHANGED if row.after else Outcome.UNCHANGED
    problems += _texts_that_are_wrong(row)
    if person and "supervisor" in row.after and not may(by, CHOOSE_SUPERVISOR, person):
        problems.append(_("Nobody chooses their own supervisor."))
    for sentence in problems:
        row.refuse(sentence)


def _who_is_wrong(row: Row, world: World) -> list[str]:
    if not row.username:
        return [_("It has no user name.")]
    known = world.names.get(row.username.casefold())
    if known and known != row.username:
        return [_("There is %(known)s: user names that differ only in capitals are refused.") % {"known": known}]
    return []


def _texts_that_are_wrong(row: Row) -> list[str]:
    """The columns' own rules, asked without the database; of what is there already only what changes."""
    checked = {"username": row.username} if row.person is None else {}
    checked |= {column: row.after[column] for column in TEXTS if column in row.after}
    person = User(**checked)
    unchecked = {field.name for field in User._meta.fields} - checked.keys()
    try:
        person.clean_fields(exclude=unchecked if row.username else unchecked | {"username"})
    except ValidationError as error:
        return [f"{word_of(name)}: {' '.join(sentences)}" for name, sentences in error.message_dict.items()]
    return []
