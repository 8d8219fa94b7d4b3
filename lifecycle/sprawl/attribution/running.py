"""A pass over all machines that want a holder: in chunks, and written only where something changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from lifecycle.estate.models import LEASED, Machine, Stage
from lifecycle.estate.models.machines import MachineQuerySet
from lifecycle.sprawl.attribution import cmdb, events, labels, neighbours, rules, tenures, texts
from lifecycle.sprawl.attribution.directory import Party
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground, facts_of
from lifecycle.sprawl.attribution.scoring import Candidate, candidates
from lifecycle.sprawl.models import HolderCandidate

CHUNK = 1000

Source = Callable[[Sequence[Facts], Ground], Iterator[Found]]
SOURCES: tuple[Source, ...] = (
    events.collect,
    texts.collect,
    labels.collect,
    neighbours.collect,
    tenures.collect,
    cmdb.collect,
    rules.collect,
)


@dataclass(slots=True)
class Passed:
    machines: int = 0
    written: int = 0
    removed: int = 0


def wanting(ground: Ground | None = None) -> MachineQuerySet:
    """Nobody holds them, or whoever does has left; and nothing else manages them."""
    people = (ground or Ground()).known.people
    gone = [pk for pk, person in people.items() if not person.here]
    found: MachineQuerySet = Machine.objects.filter(
        Q(stage=Stage.DISCOVERED, managed_by="", managed_rule="") | Q(stage__in=LEASED, holder__in=gone)
    )
    return found


def attribute(*, found_since: datetime | None = None) -> Passed:
    """Says anew whose machines might be: of all, or only of those that were found since."""
    ground, passed, after = Ground(), Passed(), 0
    machines = wanting(ground)
    if found_since is None:
        passed.removed = HolderCandidate.objects.exclude(machine__in=machines.order_by().values("pk")).delete()[0]
    else:
        machines = machines.filter(first_seen_at__gte=found_since)
    while chunk := facts_of(machines, after=after, most=CHUNK):
        passed.machines += len(chunk)
        _write(_scored(chunk, ground), [machine.pk for machine in chunk], passed)
        after = chunk[-1].pk
    return passed


def _scored(chunk: Sequence[Facts], ground: Ground) -> dict[tuple[int, Party], Candidate]:
    found: defaultdict[int, list[Found]] = defaultdict(list)
    for collect in SOURCES:
        for each in collect(chunk, ground):
            found[each.machine].append(each)
    return {(pk, one.party): one for pk, said in found.items() for one in candidates(said, ground.known)}


@transaction.atomic
def _write(wanted: dict[tuple[int, Party], Candidate], machines: list[int], passed: Passed) -> None:
    """Another pass at the same moment writes the same: what is there already is only set."""
    changed, gone, standing = [], [], set()
    for row in HolderCandidate.objects.filter(machine__in=machines).order_by():
        key = row.machine_id, Party("person", row.person_id) if row.person_id else Party("team", row.team_id or 0)
        standing.add(key)
        candidate = wanted.get(key)
        if candidate is None:
            gone.append(row.pk)
        elif (row.score, row.evidence) != (candidate.score, candidate.evidence):
            changed.append(key)
    new = [key for key in wanted if key not in standing]
    for kind in ("person", "team"):
        HolderCandidate.objects.bulk_create(
            [_row(key, wanted[key]) for key in (*changed, *new) if key[1].kind == kind],
            update_conflicts=True, unique_fields=["machine", kind], update_fields=["score", "evidence"],
        )  # fmt: skip
    if gone:
        passed.removed += HolderCandidate.objects.filter(pk__in=gone).delete()[0]
    passed.written += len(changed) + len(new)


def _row(key: tuple[int, Party], candidate: Candidate) -> HolderCandidate:
    machine, (kind, pk) = key
    return HolderCandidate(machine_id=machine, **{f"{kind}_id": pk}, score=candidate.score, evidence=candidate.evidence)
