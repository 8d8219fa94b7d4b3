"""What is there: an inventory in a handful of bulk calls, and single machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypervisors.contract import (
    DatastoreFacts,
    DiskFacts,
    HostFacts,
    ImageFacts,
    Inventory,
    MachineFacts,
    NetworkFacts,
    PoolFacts,
    Power,
    Stamp,
)
from hypervisors.errors import HypervisorError, NotFound, Unreachable
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.mapping import POWER
from hypervisors.kvm.reading import Pool, Seen, Volume
from hypervisors.words import line

T = TypeVar("T")

IMAGES = "images"
"""Pools whose name begins so hold templates."""
MACHINES = "machines"
"""The pool that our machines' disks are made in, and the only one that anything is deleted from."""
IMAGE_SUFFIX = ".qcow2"


@dataclass
class _Scan:
    """A scan under way: parts that cannot be read become gaps; a host that does not answer ends it."""

    gaps: list[str] = field(default_factory=list)

    def part(self, what: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Unreachable:
            raise
        except HypervisorError as error:
            self.gaps.append(f"{what} could not be read: {error.message}")
            return None


@dataclass(frozen=True)
class _Known:
    """What is known of the host when a machine's facts are put together."""

    host_ref: str
    pools: Sequence[Pool]
    sizes: Mapping[str, int | None]
    leases: Mapping[str, Sequence[str]]


def inventory(client: Client) -> Inventory:
    """One scan of the whole host."""
    scan = _Scan()
    host = client.host()
    seen = scan.part("The list of machines", client.scan) or []
    pools = scan.part("The storage pools", client.pools) or []
    volumes = {pool.name: _volumes(client, scan, pool) for pool in pools}
    networks = scan.part("The networks", client.networks) or []
    machines = {one.uuid: one.domain for one in seen if one.domain is not None}
    scan.gaps += [f"Machine {one.uuid} could not be read." for one in seen if one.domain is None]
    known = _Known(host.ref, pools, _sizes(client, scan, machines, volumes), _addresses(client))
    return Inventory(
        complete=not scan.gaps,
        pools=[PoolFacts(host.ref, line(host.name))],
        hosts=[HostFacts(host.ref, line(host.name), host.ref, host.cpus, host.memory_mib)],
        datastores=[DatastoreFacts(pool.ref, line(pool.name), pool.capacity_mib, pool.free_mib) for pool in pools],
        networks=[NetworkFacts(ref, line(name)) for ref, name, _active in networks],
        images=[image for pool in pools if is_image_pool(pool.name) for image in _images(volumes[pool.name])],
        machines=[_facts(one.domain, one.state, known) for one in seen if one.domain is not None],
        gaps=scan.gaps,
    )


def machine(client: Client, ref: str) -> MachineFacts:
    """Raises NotFound."""
    seen = client.domain(ref)
    if seen.domain is None:
        raise HypervisorError("What the host tells of this machine cannot be understood.")
    sizes = client.sizes([(ref, disk) for disk in seen.domain.disks if disk.source])
    known = _Known(client.host().ref, client.pools(), sizes, _addresses(client))
    return _facts(seen.domain, seen.state, known)


def stamped(client: Client, stamp: Stamp) -> Seen | None:
    """The machine that carries this stamp, operation and UUID both."""
    try:
        seen = client.domain(str(stamp.uuid))
    except NotFound:
        return None
    return seen if seen.domain and seen.domain.lease.get("operation") == stamp.operation else None


def is_image_pool(name: str) -> bool:
    return name.startswith(IMAGES)


def _addresses(client: Client) -> Mapping[str, Sequence[str]]:
    """A nicety: a scan without addresses is still a complete one."""
    try:
        return client.addresses()
    except Unreachable:
        raise
    except HypervisorError:
        return {}


def _volumes(client: Client, scan: _Scan, pool: Pool) -> Sequence[Volume]:
    if pool.active:
        return scan.part(f"Storage pool {line(pool.name)}", lambda: client.volumes(pool.name)) or []
    if is_image_pool(pool.name):
        scan.gaps.append(f"Storage pool {line(pool.name)} is not active: its images are not known.")
    return []


def _images(volumes: Iterable[Volume]) -> list[ImageFacts]:
    return [
        ImageFacts(volume.ref, line(volume.name.removesuffix(IMAGE_SUFFIX)), volume.capacity_mib)
        for volume in volumes
        if volume.name.endswith(IMAGE_SUFFIX)
    ]


def _sizes(
    client: Client, scan: _Scan, machines: Mapping[str, domains.Domain], volumes: Mapping[str, Sequence[Volume]]
) -> Mapping[str, int | None]:
    """Sizes of all disks: from the volumes, which asks no machine anything; one by one for disks in no pool."""
    known: dict[str, int | None] = {}
    for pool, inside in volumes.items():
        known |= {name: volume.capacity_mib for volume in inside for name in (volume.ref, f"{pool}/{volume.name}")}
    disks = [(uuid, disk) for uuid, domain in machines.items() for disk in domain.disks if disk.source]
    others = scan.part("Sizes of disks", lambda: client.sizes([one for one in disks if one[1].source not in known]))
    known |= others or {}
    scan.gaps += [
        f"The size of disk {line(disk.target, 20)} of machine {uuid} could not be read."
        for uuid, disk in disks
        if known.get(disk.source) is None
    ]
    return known


def _facts(domain: domains.Domain, state: int, known: _Known) -> MachineFacts:
    return MachineFacts(
        ref=str(domain.uuid),
        uuid=domain.uuid,
        name=line(domain.name),
        power=POWER.get(state, Power.UNKNOWN),
        vcpus=domain.vcpus,
        memory_mib=domain.memory_mib,
        disks=[_disk(disk, known) for disk in domain.disks if disk.source],
        pool_ref=known.host_ref,
        host_ref=known.host_ref,
        addresses=[line(address, 64) for mac in domain.macs for address in known.leases.get(mac, ())],
        note=domains.note_of(domain),
        created_at=domain.created_at,
        managed_by=domain.managed_by,
        stamp_operation=line(domain.lease.get("operation", ""), 64),
    )


def _disk(disk: domains.Disk, known: _Known) -> DiskFacts:
    return DiskFacts(
        ref=disk.source,
        name=line(disk.source.rpartition("/")[2]),
        size_mib=known.sizes.get(disk.source) or 0,
        datastore_ref=next((pool.ref for pool in known.pools if pool.holds(disk)), ""),
    )
