"""Where a new machine goes: the host with most memory to give, of those that have all it needs."""

from __future__ import annotations

from dataclasses import dataclass

from hypervisors.contract import CreateMachine
from hypervisors.errors import HypervisorError, InvalidRequest, NameTaken, NoCapacity, NotFound
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import disk_name
from hypervisors.kvm.hosts import Hosts
from hypervisors.kvm.storage import MACHINES, Pool, Volume, machine_pools
from hypervisors.kvm.telling import POOL_REF, datastore_ref, named

REFUSALS = (NameTaken, InvalidRequest, NotFound, NoCapacity)
FOR_ALL = (NameTaken, InvalidRequest)
"""What one host refuses so, no other may take."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a host has for an order."""

    client: Client
    image: Volume
    pool: Pool
    network: str
    memory_mib: int
    begun: bool = False
    """An earlier attempt left a disk here: this is where it goes on."""


def choose(hosts: Hosts, order: CreateMachine) -> Offer:
    """All hosts have to answer, because any of them may hold what an earlier attempt left."""
    if order.pool_ref != POOL_REF:
        raise NotFound("This endpoint has no such pool.")
    answers = hosts.everyone(lambda client: _offer_or_refusal(client, order, alone=hosts.alone))
    offers = [answer for _client, answer in answers if isinstance(answer, Offer)]
    refusals = [answer for _client, answer in answers if isinstance(answer, HypervisorError)]
    begun = next((offer for offer in offers if offer.begun), None)
    if begun is not None:
        return begun
    for refusal in refusals:
        if isinstance(refusal, FOR_ALL) or not offers:
            raise _telling(refusals)
    return max(offers, key=lambda offer: offer.memory_mib)


def _telling(refusals: list[HypervisorError]) -> HypervisorError:
    """Of several, the one that is nearest to success."""
    kinds = [*FOR_ALL, NoCapacity, NotFound]
    return min(refusals, key=lambda one: kinds.index(type(one)))


def _offer_or_refusal(client: Client, order: CreateMachine, *, alone: bool) -> Offer | HypervisorError:
    try:
        return _offer(client, order, alone=alone)
    except REFUSALS as error:
        return error


def _offer(client: Client, order: CreateMachine, *, alone: bool) -> Offer:
    _check_free(client, order)
    pools = client.pools()
    image = find_image(client, pools, order.image_ref)
    if order.disk_mib < image.capacity_mib:
        raise InvalidRequest(f"The disk is smaller than its image, which needs {image.capacity_mib} MiB.")
    network = _network(client, order.network_ref)
    usable = machine_pools(pools)
    if not usable:
        raise NotFound(f"The host has no active storage pool called {MACHINES}.")
    for pool in usable:
        if client.volume(pool.name, disk_name(order.stamp)) is not None:
            return Offer(client, image, pool, network, 0, begun=True)
    pool = _pool(client, usable, order.datastore_ref, alone=alone)
    check_room(pool, image.allocation_mib, in_all=order.disk_mib)
    unused, unpromised = client.free_memory()
    if order.memory_mib > unused:
        raise NoCapacity(f"No host has {order.memory_mib} MiB of memory to give.")
    return Offer(client, image, pool, network, min(unused, unpromised))


def _check_free(client: Client, order: CreateMachine) -> None:
    """Names and UUIDs are unique on a host; found out before anything is made where possible."""
    uuid = str(order.stamp.uuid)
    if client.uuid_of(order.name) not in ("", uuid):
        raise NameTaken(f"Another machine is called {order.name}.")
    try:
        other = client.domain(uuid)
    except NotFound:
        return
    domain = domains.understood(other.xml)
    if domain is None or domain.lease.get("operation") != order.stamp.operation:
        raise InvalidRequest("Another machine has the UUID that was chosen for this one.")


def find_image(client: Client, pools: list[Pool], ref: str) -> Volume:
    """Only what lies in a pool of images can be one, by its reference or its path: never any other file of the host."""
    usable = [pool for pool in pools if pool.active and pool.of_images]
    for again in (False, True):
        if again:
            for pool in usable:
                client.refresh(pool.name)
        images = named((pool, volume) for pool in usable for volume in client.volumes(pool.name))
        for name, volume in images:
            if ref in (name, volume.ref):
                return volume
    raise NotFound("The image does not exist any more.")


def _network(client: Client, ref: str) -> str:
    """Without a wish, `default`, or the first that is active, or none."""
    if ref:
        return find_network(client, ref)
    names = [name for _uuid, name, is_active in client.networks() if is_active]
    return "default" if "default" in names else next(iter(names), "")


def find_network(client: Client, ref: str) -> str:
    active = [(uuid, name) for uuid, name, is_active in client.networks() if is_active]
    found = next((name for uuid, name in active if ref in (name, uuid)), "")
    if not found:
        raise NotFound("The network does not exist, or is not active.")
    return found


def _pool(client: Client, usable: list[Pool], ref: str, *, alone: bool) -> Pool:
    if not ref:
        return usable[0]
    return find_pool(client, usable, ref, alone=alone)


def find_pool(client: Client, usable: list[Pool], ref: str, *, alone: bool) -> Pool:
    for pool in usable:
        if ref in (pool.ref, datastore_ref(pool, client.identity, alone=alone)):
            return pool
    raise NotFound(f"The datastore does not exist, or is none that disks are made in ({MACHINES}).")


def check_room(pool: Pool, need_mib: int, *, in_all: int = 0) -> None:
    """Disks are thin: what they begin with must fit now, and what they may grow to, into the whole."""
    if pool.free_mib < need_mib or pool.capacity_mib < in_all:
        raise NoCapacity(f"The storage pool {pool.name} has no room for this.")
