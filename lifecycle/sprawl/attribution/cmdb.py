"""What the inventory that was kept by hand says: by UUID, else by name, else by address. Contradictions say nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from django.db.models import Q

from lifecycle.sprawl.attribution.directory import Party
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground
from lifecycle.sprawl.models import CmdbRow

Owners = dict[Hashable, set[str]]


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    if ground.inventory is None:
        return
    by_uuid, by_name, by_address = _lines(machines, ground.inventory)
    for machine in machines:
        ways: list[tuple[str, set[str]]] = [
            ("cmdb_uuid", by_uuid.get(machine.uuid, set())),
            ("cmdb_name", by_name.get(machine.name.casefold(), set())),
            ("cmdb_address", {owner for each in _addresses(machine) for owner in by_address.get(each, ())}),
        ]
        what, owners = next((way for way in ways if way[1]), ("no_cmdb", set()))
        yield from _said(machine, what, owners, ground)


def _said(machine: Facts, what: str, owners: set[str], ground: Ground) -> Iterator[Found]:
    if not owners:
        yield Found(machine.pk, "no_cmdb", "")
        return
    parties: dict[Party | None, str] = {ground.known.owner(owner): owner for owner in sorted(owners)}
    if len(parties) > 1:
        return
    for party, owner in parties.items():
        if party is not None:
            yield Found(machine.pk, what, owner, party)
        yield Found(machine.pk, "cmdb_other", owner, party=None, but=party)


def _lines(machines: Sequence[Facts], inventory: int) -> tuple[Owners, Owners, Owners]:
    uuids, keys = {machine.uuid for machine in machines}, {machine.name.casefold() for machine in machines}
    addresses = {each for machine in machines for each in _addresses(machine)}
    wanted = Q(uuid__in=uuids) | Q(key__in=keys - {""}) | Q(address__in=addresses)
    rows = CmdbRow.objects.filter(wanted, file=inventory).exclude(outcome=CmdbRow.Outcome.REFUSED)
    by_uuid: Any = defaultdict(set)
    by_name: Any = defaultdict(set)
    by_address: Any = defaultdict(set)
    for uuid, key, address, owner in rows.order_by("pk").values_list("uuid", "key", "address", "owner"):
        for where, value in ((by_uuid, uuid), (by_name, key), (by_address, address)):
            if value:
                where[value].add(owner)
    return by_uuid, by_name, by_address


def _addresses(machine: Facts) -> list[str]:
    return [str(each) for each in machine.addresses] if isinstance(machine.addresses, list) else []
