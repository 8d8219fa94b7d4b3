"""Who held it before: this row, or another one of the same UUID, which may be the machine before it was moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from lifecycle.estate.models import Tenure
from lifecycle.sprawl.attribution.directory import Party
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    alike: defaultdict[UUID, list[int]] = defaultdict(list)
    for machine in machines:
        alike[machine.uuid].append(machine.pk)
    tenures = Tenure.objects.filter(machine__uuid__in=alike).order_by("machine", "-started_at", "-pk")
    last: set[int] = set()
    columns = ("machine", "machine__uuid", "machine__name", "holder", "team", "ended_at")
    for held, uuid, name, holder, team, ended_at in tenures.values_list(*columns):
        if held in last:
            continue
        last.add(held)
        party = Party("person", holder) if holder else Party("team", team)
        until = {"at": ended_at.isoformat(timespec="seconds")} if ended_at else {}
        for pk in alike[uuid]:
            yield Found(pk, "held" if pk == held else "held_alike", name, party, detail=until)
