"""From what was found to candidates.

Points of different slots add up, of one slot the weightiest counts. What speaks for somebody who has left speaks for
whoever they reported to, by three quarters. What speaks against is subtracted. The sum is between 0 and 100, and below
"certain" unless two origins agree of which one is firm: what stands on a hypervisor is a hint, whoever wrote it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lifecycle.estate.cleaning import cut
from lifecycle.sprawl.attribution.directory import Directory, Party
from lifecycle.sprawl.attribution.ground import Found
from lifecycle.sprawl.attribution.sources import (
    CERTAIN,
    DOUBTFUL,
    LEAST,
    MOST_CANDIDATES,
    OF_LEAVERS,
    WEIGHTS,
    Origin,
    Weight,
)

LONGEST = 160


@dataclass(frozen=True, slots=True)
class Candidate:
    party: Party
    score: int
    evidence: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Said:
    weight: Weight
    points: int
    found: Found
    left: str


def candidates(found: Iterable[Found], known: Directory) -> list[Candidate]:
    """Of one machine, the likeliest first."""
    said: defaultdict[Party, dict[str, _Said]] = defaultdict(dict)
    against: list[Found] = []
    for each in found:
        if each.party is None:
            against.append(each)
        elif there := known.stand_in(each.party):
            party, left = there
            weight = WEIGHTS[each.what]
            points = weight.points * each.percent * (OF_LEAVERS if left else 100) // 10_000
            best = said[party].get(weight.slot)
            if best is None or points > best.points:
                said[party][weight.slot] = _Said(weight, points, each, left)
    made = [_candidate(party, list(slots.values()), against, known) for party, slots in said.items()]
    wanted = [each for each in made if each.score >= LEAST]
    return sorted(wanted, key=lambda each: (-each.score, each.party))[:MOST_CANDIDATES]


def _candidate(party: Party, said: list[_Said], against: list[Found], known: Directory) -> Candidate:
    said = said + [
        _Said(WEIGHTS[each.what], WEIGHTS[each.what].points, each, "")
        for each in against
        if not any(one.weight.slot == "cmdb" for one in said) and not _belongs(party, each.but, known)
    ]
    score = max(0, min(100, sum(one.points for one in said)))
    if score >= CERTAIN and not _proven(said):
        score = DOUBTFUL
    said.sort(key=lambda one: (-one.points, one.found.what))
    return Candidate(party, score, [_told(one) for one in said])


def _proven(said: list[_Said]) -> bool:
    """Two witnesses, and one of them cannot be written on the machine or within it."""
    origins: set[Origin] = {one.weight.origin for one in said if one.points > 0}
    return len(origins) > 1 and any(one.weight.firm for one in said if one.points > 0)


def _belongs(party: Party, other: Party | None, known: Directory) -> bool:
    """The same, or a person and their team."""
    if other is None or party == other:
        return other is not None
    person, team = (party, other) if party.kind == "person" else (other, party)
    member = known.people.get(person.pk) if person.kind == "person" and team.kind == "team" else None
    return member is not None and member.team == team.pk


def _told(one: _Said) -> dict[str, Any]:
    value = cut(" ".join(one.found.value[:1000].split()), LONGEST)
    told = {"what": one.found.what, "value": value, "points": one.points, **one.found.detail}
    return told | ({"left": cut(one.left, LONGEST)} if one.left else {})
