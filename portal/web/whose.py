"""Whose a machine might be, as pages show it: candidates, their score in words, and what speaks for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lifecycle.estate.models import Machine
from lifecycle.sprawl.attribution.sources import level_of
from lifecycle.sprawl.models import Finding, HolderCandidate
from portal.web.whosewords import Said, left_of, said

ELSE = "else"
"""In the address: none of them, but somebody who is named by hand."""


@dataclass(frozen=True)
class Shown:
    row: HolderCandidate

    @property
    def key(self) -> str:
        """Names it in addresses."""
        return f"person-{self.row.person_id}" if self.row.person_id else f"team-{self.row.team_id}"

    @property
    def name(self) -> str:
        return str(self.row.person or self.row.team)

    @property
    def value(self) -> str:
        """What the form takes for them."""
        return self.row.person.username if self.row.person else self.name

    @property
    def belongs(self) -> str:
        return str(self.row.person.team or "") if self.row.person else ""

    @property
    def is_team(self) -> bool:
        return self.row.team_id is not None

    @property
    def score(self) -> int:
        return self.row.score

    @property
    def level(self) -> str:
        return level_of(self.row.score)

    @property
    def left(self) -> str:
        """Whoever has left and reported to them, where all that speaks for them was said of that one."""
        return left_of(self.row.evidence)

    @property
    def evidence(self) -> list[Said]:
        return said(self.row.evidence)


@dataclass(frozen=True)
class Whose:
    candidates: list[Shown] = field(default_factory=list)
    chosen: Shown | None = None
    """Whom the form below would give it to; None where somebody is named by hand."""


def whose(machine: Machine, *, chosen: str = "", value: str = "") -> Whose:
    """One query. The likeliest is chosen, unless the address names another or the form was sent with another."""
    rows = machine.candidates.select_related("person__team", "team")
    found = [Shown(row) for row in rows]
    if value:
        return Whose(found, next((each for each in found if each.value == value), None))
    if chosen == ELSE:
        return Whose(found)
    return Whose(found, next((each for each in found if each.key == chosen), found[0] if found else None))


def likeliest(findings: Iterable[Finding]) -> dict[int, Shown]:
    """By machine. One query, for a page of them."""
    machines = [finding.machine_id for finding in findings if finding.machine_id]
    rows = HolderCandidate.objects.filter(machine__in=machines).select_related("person", "team")
    found: dict[int, Shown] = {}
    for row in rows.order_by("-score", "id"):
        found.setdefault(row.machine_id, Shown(row))
    return found
