"""Whose a file is: nothing is deleted or changed in size that another machine has, or another disk lies on."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

from hypervisors.contract import Power
from hypervisors.errors import Busy, NotFound
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.power import state
from hypervisors.kvm.storage import Pool


@dataclass(frozen=True, slots=True)
class Uses:
    """By path, as all hosts tell it: the same path on another host may be the same file."""

    machines: frozenset[str]
    """What machines name, at any depth."""
    layers: Sequence[tuple[str, str]]
    """Disks, and what they lie on."""

    def lie_on(self, names: Set[str], *, but: Set[str] = frozenset()) -> bool:
        """Whether other disks than `but` lie on what has one of these names."""
        return any(below in names for above, below in self.layers if above not in but)


def uses(hosts: Hosts, client: Client, *, but: str = "") -> Uses:
    """All hosts have to answer. `but` is the machine on this host whose own use does not count."""

    def look(one: Client) -> tuple[set[str], list[tuple[str, str]]]:
        named: set[str] = set()
        for uuid, xml in one.all_xml():
            if one is not client or uuid != but:
                named |= domains.sources(xml)
        return named, one.layers()

    answers = [answer for _client, answer in hosts.everyone(look)]
    return Uses(
        frozenset().union(*(named for named, _layers in answers)),
        [layer for _named, layers in answers for layer in layers],
    )


def own_pools(client: Client) -> list[Pool]:
    """A pool that is not active now would hide what is to be deleted. Raises Busy."""
    pools = [pool for pool in client.pools() if pool.of_machines]
    for pool in pools:
        if not pool.active:
            raise Busy(f"The storage pool {pool.name} is not active.")
    return pools


def place_of(client: Client, disk: domains.Disk) -> tuple[str, str] | None:
    """Pool and name of the volume that a disk is."""
    return (disk.pool, disk.volume) if disk.volume else client.locate(disk.path)


def names_of(client: Client, disk: domains.Disk, place: tuple[str, str]) -> set[str]:
    """All that other machines may know a disk by."""
    found = client.volume(*place)
    return {disk.source, disk.path, "/".join(place), found[0].ref if found else ""} - {""}


def delete(client: Client, pool: str, name: str) -> None:
    with suppress(NotFound):
        client.delete_volume(pool, name)


@dataclass(frozen=True, slots=True)
class Forms:
    """A machine as it runs, and as it is defined; each may be missing."""

    live: domains.Domain | None
    defined: domains.Domain | None

    @property
    def disks(self) -> dict[str, domains.Disk]:
        """By reference. That of the running form has the alias."""
        both = [*(self.defined.disks if self.defined else ()), *(self.live.disks if self.live else ())]
        return {disk.source: disk for disk in both if disk.source}

    @property
    def first(self) -> str:
        """Reference of the first disk."""
        return next(iter(self.disks), "")


def forms(client: Client, uuid: str) -> Forms:
    """Raises NotFound."""
    running = state(client, uuid) is not Power.OFF
    live, defined = client.forms(uuid)
    told = domains.understood(live)
    if told is None:
        raise Busy("What the host tells of this machine cannot be understood.")
    return Forms(told if running else None, domains.understood(defined) if defined else None)
