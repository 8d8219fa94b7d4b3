"""What becomes of each row, in a form that can be stored and compared."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from lifecycle.csvfiles import Given
from lifecycle.people.models import PeopleImport


class Outcome(enum.StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Undone(enum.StrEnum):
    RESTORED = "restored"
    DELETED = "deleted"
    LOCKED = "locked"
    """Had done something in the meantime: kept for the record, and may not sign in."""
    KEPT = "kept"


@dataclass
class Row:
    """A person of the list. `after` has what the list changes, `before` the same columns as they were."""

    number: int
    username: str
    cells: dict[str, str]
    outcome: Outcome = Outcome.UNCHANGED
    problems: list[str] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    person: int | None = None
    wrong: str = ""
    undone: str = ""
    undo_problems: list[str] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return self.outcome in (Outcome.ADDED, Outcome.CHANGED)

    @property
    def given(self) -> Given:
        return Given(self.number, self.cells, self.wrong)

    @property
    def verdict(self) -> tuple[object, ...]:
        """What must still be so when the list is applied."""
        return self.username, self.outcome, self.problems, self.before, self.after, self.person

    def refuse(self, sentence: str) -> None:
        self.outcome = Outcome.REFUSED
        self.problems.append(sentence)


@dataclass
class New:
    """A team or cost centre that the list names and the house does not have yet."""

    name: str
    cost_centre: str = ""
    """Of a team: who pays for what it will hold."""
    made: bool = False
    undone: str = ""


@dataclass
class Plan:
    rows: list[Row]
    teams: list[New] = field(default_factory=list)
    centres: list[New] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> list[object]:
        news = [(new.name, new.cost_centre) for new in [*self.teams, *self.centres]]
        return [news, *(row.verdict for row in self.rows)]

    def count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)

    def stored(self) -> list[dict[str, Any]]:
        kinds = {"person": self.rows, "team": self.teams, "cost_centre": self.centres}
        found = [{"kind": kind, **vars(each)} for kind, rows in kinds.items() for each in rows]  # type: ignore[attr-defined]
        return [*found, *({"kind": "column", "name": name} for name in self.unknown)]


def plan_of(found: PeopleImport) -> Plan:
    """As it was stored."""
    kept: dict[str, list[dict[str, Any]]] = {"person": [], "team": [], "cost_centre": [], "column": []}
    for row in found.rows:
        kept[row["kind"]].append({name: value for name, value in row.items() if name != "kind"})
    return Plan(
        [Row(**row | {"outcome": Outcome(row["outcome"])}) for row in kept["person"]],
        [New(**row) for row in kept["team"]],
        [New(**row) for row in kept["cost_centre"]],
        [row["name"] for row in kept["column"]],
    )
