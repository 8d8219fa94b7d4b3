"""Among whose machines it stands: in the same folder, on the same network. From half of them on, it says something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from lifecycle.estate.models import Nic
from lifecycle.sprawl.attribution.ground import Facts, Found, Ground, Held

FEWEST = 2
"""Machines of one holder; a single neighbour is chance."""
LEAST_PERCENT = 50


def collect(machines: Sequence[Facts], ground: Ground) -> Iterator[Found]:
    for machine in machines:
        if near := ground.folders.get((machine.endpoint, machine.folder)):
            yield from _shares(machine.pk, "folder_neighbours", machine.folder, *near)
    for pk, networks in _networks(machines).items():
        for network, name in networks:
            if near := ground.networks.get((network,)):
                yield from _shares(pk, "network_neighbours", name, *near)


def _networks(machines: Sequence[Facts]) -> dict[int, list[tuple[int, str]]]:
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    nics = Nic.objects.filter(machine__in=[machine.pk for machine in machines], network__isnull=False)
    for pk, network, name in nics.order_by("pk").values_list("machine", "network", "network__name"):
        found[pk].append((network, name))
    return found


def _shares(machine: int, what: str, where: str, total: int, held: Held) -> Iterator[Found]:
    for party, n in held.items():
        percent = 100 * n // total
        if n >= FEWEST and percent >= LEAST_PERCENT:
            yield Found(machine, what, where, party, percent, detail={"n": n, "of": total})
