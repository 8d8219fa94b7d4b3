"""Adding, growing and removing a machine's disks. Each function looks first, and may be called again."""

from __future__ import annotations

import time
from contextlib import suppress
from string import ascii_lowercase
from uuid import UUID

from hypervisors.contract import AddDisk, GrowDisk, Handle, Progress, RemoveDisk
from hypervisors.errors import (
    Busy,
    HypervisorError,
    InvalidRequest,
    NameTaken,
    NotFound,
    Unreachable,
    WrongState,
)
from hypervisors.kvm import domains, owning, telling
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import added_disk_name, drive_xml, volume_xml
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.placement import check_room, find_pool
from hypervisors.kvm.power import is_over
from hypervisors.kvm.storage import Pool, Volume, machine_pools

WAITING = Progress(done=False, percent=50, step="disk")
LET_GO_SECONDS = 15
"""How long a guest has to let go of a device. libvirt asks; the guest's own kernel has to do it."""


def add(hosts: Hosts, client: Client, uuid: str, order: AddDisk) -> Progress:
    found = owning.forms(client, uuid)
    have = next((disk for disk in found.disks.values() if disk.key == order.key), None)
    target = have.target if have else _free_target(found)
    path = have.path if have else _volume(hosts, client, uuid, found, order)
    if not path:
        return WAITING
    live = found.live is not None and not _has(found.live, path)
    config = found.defined is not None and not _has(found.defined, path)
    if live or config:
        try:
            client.attach(uuid, drive_xml(path, target), live=live, config=config)
        except Unreachable:
            raise
        except HypervisorError:  # another worker with the same order was first: the place is taken
            if path not in owning.forms(client, uuid).disks:
                raise
    return Progress(done=True, percent=100, step="disk", ref=path)


def _has(domain: domains.Domain, source: str) -> bool:
    return any(disk.source == source for disk in domain.disks)


def _free_target(found: owning.Forms) -> str:
    both = (found.live, found.defined)
    taken = {disk.target for domain in both if domain for disk in (*domain.disks, *domain.media)}
    letters = [*ascii_lowercase, *(a + b for a in ascii_lowercase for b in ascii_lowercase)]
    return next(target for letter in letters if (target := f"vd{letter}") not in taken)


def _volume(hosts: Hosts, client: Client, uuid: str, found: owning.Forms, order: AddDisk) -> str:
    """Path of the new disk, made now or by an earlier attempt; empty while another worker is making it."""
    name = added_disk_name(UUID(uuid), order.key)
    pool = _pool(hosts, client, found, order)
    try:
        made = _made_before(hosts, client, pool.name, name, order.size_mib)
        if made is None:
            check_room(pool, 1, in_all=order.size_mib)
            client.create_volume(pool.name, volume_xml(name=name, capacity_mib=order.size_mib))
            made = _of(client, pool.name, name)
    except NameTaken:
        client.refresh(pool.name)
        return ""
    except Busy:
        return ""
    return made.ref if made else ""


def _of(client: Client, pool: str, name: str) -> Volume | None:
    found = client.volume(pool, name)
    return found[0] if found else None


def _made_before(hosts: Hosts, client: Client, pool: str, name: str, size_mib: int) -> Volume | None:
    """One that is not as large as it should be was never finished: no machine may have it then."""
    if _of(client, pool, name) is None:
        return None
    client.refresh(pool)
    made = _of(client, pool, name)
    if made is None or made.capacity_mib == size_mib:
        return made
    if made.ref in owning.uses(hosts, client).machines:
        raise InvalidRequest("Another machine has the disk that belongs to this key.")
    owning.delete(client, pool, name)
    return None


def _pool(hosts: Hosts, client: Client, found: owning.Forms, order: AddDisk) -> Pool:
    usable = machine_pools(client.pools())
    if order.datastore_ref:
        return find_pool(client, usable, order.datastore_ref, alone=hosts.alone)
    first = found.disks.get(found.first)
    beside = [pool for pool in usable if first is not None and pool.holds(first)]
    if not usable:
        raise NotFound("The host has no active storage pool that disks are made in.")
    return (beside or usable)[0]


def grow(hosts: Hosts, client: Client, uuid: str, order: GrowDisk) -> None:
    found = owning.forms(client, uuid)
    disk = found.disks.get(order.disk_ref)
    if disk is None:
        raise NotFound("The machine has no such disk.")
    if disk.shared:
        raise InvalidRequest("The disk is shared, or for reading only.")
    size = _size(client, uuid, disk)
    if order.size_mib < size:
        raise InvalidRequest(f"The disk has {size} MiB already; it cannot be made smaller.")
    if order.size_mib == size:
        return
    pool = next((pool for pool in client.pools() if pool.holds(disk)), None)
    if pool is not None:
        check_room(pool, 0, in_all=order.size_mib)
    if owning.uses(hosts, client, but=uuid).lie_on({disk.path, disk.source}):
        raise WrongState("Other disks lie on this one; it must stay as it is.")
    if found.live is not None and _has(found.live, disk.source):
        client.grow_running(uuid, disk.target, order.size_mib)
        return
    place = owning.place_of(client, disk)
    if place is None:
        raise WrongState("The disk lies outside of storage pools, and grows only while the machine runs.")
    client.grow_volume(*place, order.size_mib)


def _size(client: Client, uuid: str, disk: domains.Disk) -> int:
    seen = client.domain(uuid, sizes=True)
    size = seen.sizes.get(disk.target)
    return size if size is not None else client.sizes([(uuid, disk)]).get(disk.source) or 0


def remove(hosts: Hosts, client: Client, uuid: str, order: RemoveDisk, handle: Handle) -> Progress:
    """From the running machine, then the file, then from the definition: whoever comes later finds what is left."""
    found = owning.forms(client, uuid)
    disk = found.disks.get(order.disk_ref)
    if disk is None:
        return Progress(done=True, percent=100, step="disk")
    place = _own_place(hosts, client, uuid, found, disk)
    if found.live is not None and _has(found.live, disk.source):
        return let_go(client, uuid, disk.alias, handle, step="disk")
    owning.delete(client, *place)
    if found.defined is not None and _has(found.defined, disk.source):
        client.detach_defined(uuid, drive_xml(disk.path, disk.target, disk.bus))
    return Progress(done=True, percent=100, step="disk")


def _own_place(hosts: Hosts, client: Client, uuid: str, found: owning.Forms, disk: domains.Disk) -> tuple[str, str]:
    """Where a disk lies that may go: the machine's own, and nobody else's."""
    if disk.source == found.first:
        raise InvalidRequest("The first disk is the machine itself.")
    pool = next((pool for pool in owning.own_pools(client) if pool.holds(disk)), None)
    if disk.shared or pool is None:
        raise InvalidRequest("The disk is not the machine's own; it is taken off by hand.")
    place = owning.place_of(client, disk) or (pool.name, disk.path.rpartition("/")[2])
    used = owning.uses(hosts, client, but=uuid)
    names = owning.names_of(client, disk, place)
    if names & used.machines or used.lie_on(names):
        raise WrongState("Another machine has this disk, or a disk that lies on it.")
    for snapshot in telling.understood(client.snapshots(uuid)):
        if disk.path in domains.sources(snapshot.domain):
            raise WrongState("A snapshot of the machine needs this disk; remove the snapshot first.")
    return place


def let_go(client: Client, uuid: str, alias: str, handle: Handle, *, step: str) -> Progress:
    """Asks the guest once, and then looks; when nobody knows when it was asked, it is asked again."""
    asked_at = handle.get("asked_at", "")
    if asked_at.isdecimal():
        if is_over(asked_at, LET_GO_SECONDS):
            raise WrongState("The guest does not let go of it; stop the machine, or try again.")
        return Progress(done=False, percent=50, step=step)
    with suppress(Busy):  # it was asked before
        client.ask_to_let_go(uuid, alias)
    return Progress(done=False, percent=50, step=step, handle={**handle, "asked_at": str(int(time.time()))})
