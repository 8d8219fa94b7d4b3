"""What sources look at: machines as facts, and what is the same for all of them, read once for a whole pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from lifecycle.estate.models import LEASED, Machine, Nic
from lifecycle.sprawl.attribution.directory import Directory, Party
from lifecycle.sprawl.models import CmdbFile, EstateRule
from lifecycle.sprawl.rules.matching import Compiled, compiled

COLUMNS = (
    "pk", "endpoint_id", "uuid", "name", "note", "labels", "folder", "guest_name", "addresses", "created_by",
    "created_at", "powered_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """A machine as its row has it; whatever is text is hostile."""

    pk: int
    endpoint: int
    uuid: UUID
    name: str
    note: str
    labels: Any
    folder: str
    guest_name: str
    addresses: Any
    created_by: str
    created_at: datetime | None
    powered_by: str


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that speaks for somebody. Without a party it speaks against all that others speak for."""

    machine: int
    what: str
    value: str
    party: Party | None = None
    percent: int = 100
    """Of the points that the table gives."""
    but: Party | None = None
    """Against all but this one, and whoever belongs to them."""
    detail: dict[str, Any] = field(default_factory=dict)


Held = Counter[Party]
"""How many machines each holds in one place; machines of people count for their teams too."""


class Ground:
    def __init__(self) -> None:
        self.known = Directory.load()

    @cached_property
    def inventory(self) -> int | None:
        return CmdbFile.objects.filter(state=CmdbFile.State.IN_FORCE).values_list("pk", flat=True).first()

    @cached_property
    def hints(self) -> list[Compiled]:
        """Rules in force that name somebody: those that give a holder say as much until they are applied."""
        effects = (EstateRule.Effect.HINT, EstateRule.Effect.ADOPT)
        return compiled(EstateRule.objects.filter(enabled=True, effect__in=effects).order_by("pk"))

    @cached_property
    def folders(self) -> dict[tuple[int, str], tuple[int, Held]]:
        """(endpoint, folder) -> how many machines in it are held, and by whom."""
        held = Machine.objects.filter(stage__in=LEASED).exclude(folder="").order_by()
        return self._neighbours(held.values_list("endpoint", "folder", "holder", "team").annotate(n=Count("pk")))

    @cached_property
    def networks(self) -> dict[tuple[int], tuple[int, Held]]:
        held = Nic.objects.filter(machine__stage__in=LEASED, network__isnull=False).order_by()
        columns = held.values_list("network", "machine__holder", "machine__team")
        return self._neighbours(columns.annotate(n=Count("machine", distinct=True)))

    def _neighbours(self, rows: QuerySet[Any, Any]) -> dict[Any, tuple[int, Held]]:
        totals: Counter[Any] = Counter()
        held: defaultdict[Any, Held] = defaultdict(Counter)
        for *place, holder, team, n in rows.iterator():
            key = tuple(place)
            totals[key] += n
            for party in self._holding(holder, team):
                held[key][party] += n
        return {key: (totals[key], held[key]) for key in totals}

    def _holding(self, holder: int | None, team: int | None) -> Iterator[Party]:
        person = self.known.people.get(holder) if holder else None
        if holder and person:
            yield Party("person", holder)
        if of := team or (person.team if person else None):
            yield Party("team", of)


def facts_of(machines: QuerySet[Machine], *, after: int, most: int) -> Sequence[Facts]:
    """The next chunk, by id."""
    rows = machines.filter(pk__gt=after).order_by("pk").values_list(*COLUMNS)[:most]
    return [Facts(*row) for row in rows]
