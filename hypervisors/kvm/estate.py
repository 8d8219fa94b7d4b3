"""What is there: an inventory in a handful of bulk calls, and single machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from hypervisors.kvm.mapping import POWER, line
from hypervisors.kvm.reading import Pool, Seen

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


def inventory(client: Client) -> Inventory:
    """One scan of the whole host."""
    scan = _Scan()
    host = client.host()
    seen, unread = scan.part("The list of machines", client.scan) or ([], [])
    scan.gaps += unread
    leases = _addresses(client)
    datastores = scan.part("The storage pools", client.pools) or []
    networks = scan.part("The networks", client.networks) or []
    images = [image for pool in datastores if is_image_pool(pool.name) for image in _images(client, scan, pool)]
    machines = []
    for one in seen:
        scan.gaps += one.gaps
        if one.domain is not None:
            machines.append(_facts(one, one.domain, host_ref=host.ref, pools=datastores, leases=leases))
    return Inventory(
        complete=not scan.gaps,
        pools=[PoolFacts(host.ref, line(host.name))],
        hosts=[HostFacts(host.ref, line(host.name), host.ref, host.cpus, host.memory_mib)],
        datastores=[DatastoreFacts(pool.ref, line(pool.name), pool.capacity_mib, pool.free_mib) for pool in datastores],
        networks=[NetworkFacts(ref, line(name)) for ref, name, _active in networks],
        images=images,
        machines=machines,
        gaps=scan.gaps,
    )


def machine(client: Client, ref: str) -> MachineFacts:
    """Raises NotFound."""
    seen = client.domain(ref)
    if seen.domain is None:
        raise HypervisorError("What the host tells of this machine cannot be understood.")
    return _facts(seen, seen.domain, host_ref=client.host().ref, pools=client.pools(), leases=_addresses(client))


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


def _images(client: Client, scan: _Scan, pool: Pool) -> list[ImageFacts]:
    if not pool.active:
        scan.gaps.append(f"Storage pool {line(pool.name)} is not active: its images are not known.")
        return []
    volumes = scan.part(f"Storage pool {line(pool.name)}", lambda: client.volumes(pool.name)) or []
    return [
        ImageFacts(volume.ref, line(volume.name.removesuffix(IMAGE_SUFFIX)), volume.capacity_mib)
        for volume in volumes
        if volume.name.endswith(IMAGE_SUFFIX)
    ]


def _facts(
    seen: Seen, domain: domains.Domain, *, host_ref: str, pools: Sequence[Pool], leases: Mapping[str, Sequence[str]]
) -> MachineFacts:
    return MachineFacts(
        ref=str(domain.uuid),
        uuid=domain.uuid,
        name=line(domain.name),
        power=POWER.get(seen.state, Power.UNKNOWN),
        vcpus=domain.vcpus,
        memory_mib=domain.memory_mib,
        disks=[_disk(disk, seen.capacities, pools) for disk in domain.disks if disk.source],
        pool_ref=host_ref,
        host_ref=host_ref,
        addresses=[line(address, 64) for mac in domain.macs for address in leases.get(mac, ())],
        note=domains.note_of(domain),
        created_at=domain.created_at,
        managed_by=domain.managed_by,
        stamp_operation=line(domain.lease.get("operation", ""), 64),
    )


def _disk(disk: domains.Disk, capacities: Mapping[str, int], pools: Sequence[Pool]) -> DiskFacts:
    return DiskFacts(
        ref=disk.source,
        name=line(disk.source.rpartition("/")[2]),
        size_mib=capacities.get(disk.source, 0),
        datastore_ref=next((pool.ref for pool in pools if pool.holds(disk)), ""),
    )
