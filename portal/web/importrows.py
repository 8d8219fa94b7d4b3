"""Rows of a list of people as words: what becomes of each, and what became of it when the list was undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.cleaning import cut
from lifecycle.people.imports.rows import Outcome, Plan, Row, Undone
from lifecycle.people.imports.world import word_of
from lifecycle.people.models import PeopleImport, User

SIZE = 100
LONGEST = 120

Words = str | Promise
Look = tuple[Words, str, str]
"""Word, colour and icon of a badge."""

TRIED: dict[Outcome, Look] = {
    Outcome.ADDED: (lazy("Will be added"), "ok", "plus"),
    Outcome.CHANGED: (lazy("Will be changed"), "info", "pencil"),
    Outcome.UNCHANGED: (lazy("Unchanged"), "gone", "check"),
    Outcome.REFUSED: (lazy("Refused"), "bad", "circle-x"),
}
APPLIED: dict[Outcome, Look] = TRIED | {
    Outcome.ADDED: (lazy("Added"), "ok", "plus"),
    Outcome.CHANGED: (lazy("Changed"), "info", "pencil"),
    Outcome.REFUSED: (lazy("Left out"), "bad", "circle-x"),
}
UNDONE: dict[str, Look] = {
    Undone.RESTORED: (lazy("Restored"), "ok", "undo-2"),
    Undone.DELETED: (lazy("Removed again"), "ok", "trash-2"),
    Undone.LOCKED: (lazy("Locked"), "warn", "lock"),
    Undone.KEPT: (lazy("Left as it is"), "warn", "triangle-alert"),
}
NAMES: dict[Outcome, Words] = {
    Outcome.ADDED: lazy("Added"),
    Outcome.CHANGED: lazy("Changed"),
    Outcome.REFUSED: lazy("Refused"),
    Outcome.UNCHANGED: lazy("Unchanged"),
}
SHOWN_OF_NEW = ("email", "team", "cost_centre", "supervisor", "role", "left_on")


@dataclass(frozen=True)
class Change:
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Told:
    row: Row
    look: Look

    @property
    def name(self) -> str:
        cells = self.row.cells
        return cut(f"{cells.get('first_name', '')} {cells.get('last_name', '')}".strip(), LONGEST)

    @property
    def username(self) -> str:
        return cut(self.row.username, LONGEST)

    @property
    def sentences(self) -> list[str]:
        return [cut(sentence, 300) for sentence in self.row.undo_problems or self.row.problems]

    @property
    def changes(self) -> list[Change]:
        if self.row.outcome != Outcome.CHANGED:
            return []
        return [Change(word_of(column), _said(column, self.row.before[column]), _said(column, text))
                for column, text in self.row.after.items()]  # fmt: skip

    @property
    def facts(self) -> str:
        """What a new person is, in one line."""
        if self.row.outcome != Outcome.ADDED:
            return ""
        after = self.row.after
        return ", ".join(f"{word_of(name)} {_said(name, after[name])}" for name in SHOWN_OF_NEW if after.get(name))


def context(kept: PeopleImport, plan: Plan, *, outcome: str = "", begin: str = "") -> dict[str, Any]:
    """One page of rows in the order of the file."""
    wanted = Outcome(outcome) if outcome in list(Outcome) else None
    rows = [row for row in plan.rows if row.outcome == wanted or (not wanted and row.outcome != Outcome.UNCHANGED)]
    first = min(int(begin), len(rows)) if begin.isascii() and begin.isdigit() and len(begin) < 8 else 0
    looks = TRIED if kept.state == PeopleImport.State.TRIED else APPLIED
    return {
        "kept": kept,
        "plan": plan,
        "rows": [Told(row, UNDONE.get(row.undone) or looks[row.outcome]) for row in rows[first : first + SIZE]],
        "counts": [(each, NAMES[each], plan.count(each)) for each in NAMES],
        "outcome": wanted or "",
        "first": first + 1,
        "last": min(first + SIZE, len(rows)),
        "total": len(rows),
        "previous": max(0, first - SIZE) if first else None,
        "next": first + SIZE if first + SIZE < len(rows) else None,
        "writes": plan.count(Outcome.ADDED) + plan.count(Outcome.CHANGED),
        "kept_back": [row for row in plan.rows if row.undone in (Undone.KEPT, Undone.LOCKED)],
    }


def _said(column: str, text: str) -> str:
    if column == "role" and text in User.Role.values:
        return str(User.Role(text).label)
    return cut(text, LONGEST) or _("nothing")
