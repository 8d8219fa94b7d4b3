"""What one host tells, put together as facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from hypervisors.contract import DatastoreFacts, DiskFacts, MachineFacts, NicFacts, Power, SnapshotFacts
from hypervisors.errors import HypervisorError, Unreachable
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.looking import Seen
from hypervisors.kvm.mapping import POWER
from hypervisors.kvm.reading import Host
from hypervisors.kvm.storage import IMAGE_SUFFIX, Pool, Volume
from hypervisors.words import line

T = TypeVar("T")

POOL_REF = "hosts"
"""All hosts of an endpoint are one pool, however many they are."""
MAC = re.compile(r"<mac address='([^']+)'")


@dataclass
class Look:
    """One host, as it was a moment ago. Parts that could not be read are gaps."""

    host: Host
    seen: Sequence[Seen] = ()
    pools: Sequence[Pool] = ()
    images: Sequence[tuple[str, Volume]] = ()
    """With the reference of each."""
    networks: Sequence[str] = ()
    leases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)

    def part(self, what: str, read: Callable[[], T]) -> T | None:
        """None for what could not be read. A host that does not answer at all ends the look."""
        try:
            return read()
        except Unreachable:
            raise
        except HypervisorError as error:
            self.gaps.append(f"{what} could not be read: {error.message}")
            return None


def machines_of(client: Client) -> Look:
    """What facts about machines are made of."""
    look = Look(client.host())
    look.seen = look.part("The list of machines", client.scan) or []
    look.pools = look.part("The storage pools", client.pools) or []
    look.leases = leases_of(client)
    return look


def whole(client: Client) -> Look:
    """All that an inventory tells."""
    look = machines_of(client)
    networks = look.part("The networks", client.networks)
    look.networks = [name for _uuid, name, _active in networks or []]
    volumes: list[tuple[Pool, Volume]] = []
    for pool in (pool for pool in look.pools if pool.of_images):
        said = line(pool.name)
        if not pool.active:
            look.gaps.append(f"Storage pool {said} is not active: its images are not known.")
            continue
        found = look.part(f"Storage pool {said}", partial(client.volumes, pool.name))
        volumes += [(pool, volume) for volume in found or []]
    look.images = named(volumes)
    return look


def named(volumes: Iterable[tuple[Pool, Volume]]) -> list[tuple[str, Volume]]:
    """Images with their references: the file's name, and the pool's before it where a name is taken."""
    found: dict[str, Volume] = {}
    for pool, volume in sorted(volumes, key=lambda one: one[0].name):
        if volume.name.endswith(IMAGE_SUFFIX):
            found[f"{pool.name}/{volume.name}" if volume.name in found else volume.name] = volume
    return list(found.items())


def leases_of(client: Client) -> Mapping[str, Sequence[str]]:
    """A nicety: a scan without addresses is still a complete one."""
    try:
        return client.addresses()
    except Unreachable:
        raise
    except HypervisorError:
        return {}


def datastore_ref(pool: Pool, host_ref: str, *, alone: bool) -> str:
    """One of the network is the same for all its hosts; copied definitions give others the same UUID, so the host's
    goes with it."""
    if pool.shared and pool.source:
        return pool.source[:255]
    return pool.ref if alone else f"{pool.ref}@{host_ref}"


def datastore(pool: Pool, host_ref: str, *, alone: bool) -> DatastoreFacts:
    return DatastoreFacts(
        ref=datastore_ref(pool, host_ref, alone=alone),
        name=line(pool.name),
        capacity_mib=pool.capacity_mib,
        free_mib=pool.free_mib,
        identity=pool.source if pool.shared else f"{host_ref}:{pool.path}",
        shared=pool.shared,
    )


@dataclass(frozen=True)
class Teller:
    """Turns domains of one host into facts."""

    client: Client
    look: Look
    alone: bool

    def facts(self, seen: Seen, ref: str) -> MachineFacts:
        """Raises ValueError for what cannot be understood."""
        domain = domains.read(seen.xml)
        sizes = self._sizes(seen, domain)
        host_ref = self.look.host.ref
        return MachineFacts(
            ref=ref,
            uuid=domain.uuid,
            name=line(domain.name),
            power=power_of(seen),
            vcpus=domain.vcpus,
            memory_mib=domain.memory_mib,
            disks=[self._disk(disk, sizes) for disk in domain.disks if disk.source],
            pool_ref=POOL_REF,
            host_ref=host_ref,
            addresses=self._addresses(domain),
            note=domains.note_of(domain),
            created_at=domain.created_at,
            managed_by=domain.managed_by,
            stamp_operation=line(domain.lease.get("operation", ""), 64),
            nics=[NicFacts(nic.mac, nic.mac, nic.network, nic.connected) for nic in domain.nics],
            snapshots=told_snapshots(seen.snapshots) if seen.snapshots else (),
        )

    def marked(self, seen: Seen) -> object:
        """All that the facts are made of, without understanding any of it."""
        leases = self.look.leases
        addresses = [leases.get(mac.lower()) for mac in MAC.findall(seen.xml)] if leases else ()
        digest = hashlib.blake2b(seen.xml.encode(), digest_size=16).digest()
        return (digest, seen.state, seen.sizes, seen.saved, seen.snapshots, addresses)

    def _addresses(self, domain: domains.Domain) -> list[str]:
        leases = self.look.leases
        return [line(address, 64) for nic in domain.nics for address in leases.get(nic.mac, ())] if leases else []

    def _sizes(self, seen: Seen, domain: domains.Domain) -> Mapping[str, int]:
        """As the machine's statistics tell, which need no further call; one by one for what they leave out."""
        lacking = [disk for disk in domain.disks if disk.source and disk.target not in seen.sizes]
        if not lacking:
            return seen.sizes
        said = f"Sizes of the disks of machine {seen.uuid}"
        found = self.look.part(said, lambda: self.client.sizes([(seen.uuid, disk) for disk in lacking])) or {}
        sizes = dict(seen.sizes)
        for disk in lacking:
            size = found.get(disk.source)
            if size is None:
                self.look.gaps.append(
                    f"The size of disk {line(disk.target, 20)} of machine {seen.uuid} could not be read."
                )
            sizes[disk.target] = size or 0
        return sizes

    def _disk(self, disk: domains.Disk, sizes: Mapping[str, int]) -> DiskFacts:
        pool = next((pool for pool in self.look.pools if pool.holds(disk)), None)
        return DiskFacts(
            ref=disk.source,
            name=line(disk.source.rpartition("/")[2]),
            size_mib=sizes.get(disk.target, 0),
            datastore_ref=datastore_ref(pool, self.look.host.ref, alone=self.alone) if pool else "",
            key=disk.key,
        )


def power_of(seen: Seen) -> Power:
    found = POWER.get(seen.state, Power.UNKNOWN)
    return Power.SUSPENDED if found is Power.OFF and seen.saved else found


@dataclass(frozen=True, slots=True)
class Snapshot:
    ref: str
    name: str
    created: int
    parent: str
    with_memory: bool
    domain: str
    """XML of the machine as it was."""
    outer: bool = False
    """In files of its own, beside the disks."""


def snapshot(xml: str) -> Snapshot:
    """A name may be given again, so the moment goes with it. Raises ValueError."""
    root = domains.parse(xml)
    name, created = root.findtext("name", ""), int(root.findtext("creationTime", "0"))
    memory = root.find("memory")
    domain = root.find("domain")
    return Snapshot(
        ref=f"{created}/{name}",
        name=name,
        created=created,
        parent=root.findtext("parent/name", ""),
        with_memory=memory is not None and memory.get("snapshot", "no") != "no",
        domain="" if domain is None else domains.written(domain),
        outer=any(
            node.get("snapshot") == "external" for node in (*root.iterfind("disks/disk"), *root.iterfind("memory"))
        ),
    )


def understood(snapshots: Iterable[str]) -> list[Snapshot]:
    """Oldest first; of those of one second, each after the one that it was taken on."""
    found = {one.name: one for one in map(snapshot, snapshots)}

    def generation(one: Snapshot) -> int:
        steps = 0
        while one.parent in found and steps < len(found):
            one, steps = found[one.parent], steps + 1
        return steps

    return sorted(found.values(), key=lambda one: (one.created, generation(one)))


def told_snapshots(snapshots: Iterable[str]) -> list[SnapshotFacts]:
    found = understood(snapshots)
    refs = {one.name: one.ref for one in found}
    return [
        SnapshotFacts(
            ref=one.ref,
            name=line(one.name),
            created_at=datetime.fromtimestamp(one.created, UTC),
            parent_ref=refs.get(one.parent, ""),
            with_memory=one.with_memory,
        )
        for one in found
    ]
