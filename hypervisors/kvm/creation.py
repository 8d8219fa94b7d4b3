"""Making a machine, one small step at a time; each looks first at what is there, so that all may be repeated.

Disk on top of the image, seed, definition with our UUID and stamp, start, and the image is copied into the disk
meanwhile. The copy makes the machine independent: libvirt lets anyone delete an image that disks still lie on.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from hypervisors import seeds
from hypervisors.contract import CreateMachine, Power, Progress
from hypervisors.errors import Busy, HypervisorError, NameTaken, NotFound, WrongState
from hypervisors.kvm import domains, placement
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import Platform, disk_name, machine_xml, seed_name, seed_volume_xml, volume_xml
from hypervisors.kvm.estate import stamped
from hypervisors.kvm.hosts import Hosts, is_on
from hypervisors.kvm.looking import Seen
from hypervisors.kvm.mapping import POWER
from hypervisors.kvm.placement import Offer
from hypervisors.kvm.storage import Volume

DISK = "vda"
PULLING_FROM = 20
"""Percent that is reached when the copy begins."""


def advance(hosts: Hosts, order: CreateMachine, *, bandwidth: int, at: str = "") -> tuple[Progress, str]:
    """Takes the next steps until the host has work to do, and says how far that is, and where. `at` is where it was."""
    found = _made(hosts, order, at)
    if found is None:
        offer = placement.choose(hosts, order)
        client = offer.client
        path = _disk(hosts, offer, order)
        if not path:
            return Progress(done=False, step="placing"), ""
        _define(offer, order, path, _seed(offer, order))
        seen = client.domain(str(order.stamp.uuid))
    else:
        client, seen = found
    if POWER.get(seen.state) is Power.OFF:
        _start(client, order)
    return _pull(client, order, bandwidth), hosts.said[client]


def _made(hosts: Hosts, order: CreateMachine, at: str) -> tuple[Client, Seen] | None:
    """The machine, if an earlier step has defined it; looked for on all hosts before it is said that none has."""
    for client in hosts.clients:
        if hosts.said[client] == at and (seen := stamped(client, order.stamp)) is not None:
            return client, seen
    asked = hosts.ask(lambda client: stamped(client, order.stamp))
    there = [(client, seen) for client, seen in asked.answers if seen is not None]
    if not there:
        asked.whole()
        return None
    return min(there, key=lambda one: not is_on(one[1].state))


def _define(offer: Offer, order: CreateMachine, path: str, seed: str) -> None:
    client = offer.client
    arch = client.host().arch
    platform = Platform("kvm" if client.offers_kvm(arch) else "qemu", arch, offer.network)
    try:
        client.define(machine_xml(order, disk=path, platform=platform, created=datetime.now(UTC), seed=seed))
    except NameTaken as error:
        raise NameTaken(f"Another machine is called {order.name}.", native=error.native) from error


def _disk(hosts: Hosts, offer: Offer, order: CreateMachine) -> str:
    """Path of the machine's disk, made now or by an earlier attempt; empty while another worker is making it."""
    client, pool, name = offer.client, offer.pool.name, disk_name(order.stamp)
    try:
        made = _made_before(offer, order)
        if made is None:
            xml = volume_xml(name=name, capacity_mib=order.disk_mib, backing=offer.image.ref)
            client.create_volume(pool, xml)
            made = client.volume(pool, name)
            if not hosts.alone and _elsewhere(hosts, offer, order):
                client.delete_volume(pool, name)
                return ""
    except NameTaken:
        _look_again(client, pool)
        return ""
    except Busy:
        return ""
    return made[0].ref if made else ""


def _elsewhere(hosts: Hosts, offer: Offer, order: CreateMachine) -> bool:
    """Whether another worker with the same order was at it on another host: both look after they began, so one sees
    the other at least, and gives way."""
    name = disk_name(order.stamp)

    def has(client: Client) -> bool:
        pools = [pool.name for pool in client.pools() if pool.active and pool.of_machines]
        return any(client.volume(pool, name) for pool in pools) or stamped(client, order.stamp) is not None

    return any(found for client, found in hosts.everyone(has) if client is not offer.client)


def _look_again(client: Client, pool: str) -> None:
    """Shows libvirt what it does not know yet, unless it is writing there now."""
    with suppress(Busy):
        client.refresh(pool)


def _made_before(offer: Offer, order: CreateMachine) -> tuple[Volume, str] | None:
    """A disk of an earlier attempt, if it is whole. Raises Busy while one is being written.

    A half-written disk shows no image behind it, and so does one whose machine has it all: only the first may go.
    """
    client, pool, name = offer.client, offer.pool.name, disk_name(order.stamp)
    if client.volume(pool, name) is None:
        return None
    client.refresh(pool)
    found = client.volume(pool, name)
    if found is None or (found[0].capacity_mib, found[1]) == (order.disk_mib, offer.image.ref):
        return found
    if stamped(client, order.stamp) is not None:
        raise Busy("Another worker has just made this machine.")
    client.delete_volume(pool, name)
    return None


def _seed(offer: Offer, order: CreateMachine) -> str:
    """Path of what the guest reads at its first start; written anew each time, until the machine is defined."""
    if order.seed is None:
        return ""
    client, pool, name = offer.client, offer.pool.name, seed_name(order.stamp.operation)
    image = seeds.nocloud(order.seed, order.stamp.uuid)
    found = client.volume(pool, name)
    if found is None:
        with suppress(NameTaken):  # a file that libvirt does not know yet, or another worker's
            client.create_volume(pool, seed_volume_xml(name=name, size=len(image)))
        found = client.volume(pool, name)
        if found is None:
            client.refresh(pool)
            found = client.volume(pool, name)
    if found is None:
        raise Busy("The seed is not where it was put.")
    client.upload(pool, name, image)
    return found[0].ref


def _start(client: Client, order: CreateMachine) -> None:
    """Not yet let go: nothing has booted until the disk is whole. A host that stops meanwhile costs no data."""
    uuid = str(order.stamp.uuid)
    with suppress(WrongState):  # another worker with the same order was first: what counts is read afterwards
        client.start(uuid, paused=True)


def _pull(client: Client, order: CreateMachine, bandwidth: int) -> Progress:
    uuid = str(order.stamp.uuid)
    try:
        percent = client.pull_percent(uuid, DISK)
        seen = client.domain(uuid)  # after the job: the chain is shortened before the job is forgotten
        if percent is None and _lies_on_image(seen):
            _begin_pull(client, order, bandwidth)
            percent = 0
        if percent is None and POWER.get(seen.state) is Power.SUSPENDED:
            _check_seed(seen, order)
            _refresh_behind(client, seen)
            client.resume(uuid)
    except WrongState as error:
        raise Busy("The new machine does not stay on.", native=error.native) from error
    if percent is None:
        return Progress(done=True, percent=100, step="copying", ref=uuid)
    return Progress(done=False, percent=PULLING_FROM + percent * (99 - PULLING_FROM) // 100, step="copying")


def _lies_on_image(seen: Seen) -> bool:
    disk = next((disk for disk in _disks(seen) if disk.target == DISK), None)
    if disk is None:
        raise HypervisorError("The new machine has lost its disk.")
    return bool(disk.chain)


def _begin_pull(client: Client, order: CreateMachine, bandwidth: int) -> None:
    """Looks for room first: a copy that found none ends without a trace, and would be begun again for ever."""
    uuid = str(order.stamp.uuid)
    pools = client.pools()
    pool = next((pool for pool in pools if any(pool.holds(disk) for disk in _disks(client.domain(uuid)))), None)
    if pool is not None:
        _look_again(client, pool.name)
        own = client.volume(pool.name, disk_name(order.stamp))
        with suppress(NotFound):
            image = placement.find_image(client, pools, order.image_ref)
            placement.check_room(pool, image.allocation_mib - (own[0].allocation_mib if own else 0))
    try:
        client.pull(uuid, DISK, bandwidth)
    except HypervisorError as error:
        if client.pull_percent(uuid, DISK) is None and _lies_on_image(client.domain(uuid)):
            if "active block job" in error.native:
                raise Busy("Another worker has just begun to copy this disk.", native=error.native) from error
            raise


def _disks(seen: Seen) -> tuple[domains.Disk, ...]:
    domain = domains.understood(seen.xml)
    return domain.disks if domain else ()


def _refresh_behind(client: Client, seen: Seen) -> None:
    """libvirt goes on to tell of a disk that it lies on its image, until it looks anew."""
    for pool in client.pools():
        if pool.active and any(pool.holds(disk) for disk in _disks(seen)):
            _look_again(client, pool.name)


def _check_seed(seen: Seen, order: CreateMachine) -> None:
    """Before it boots: a machine starts without a medium that is gone, and would be one that nobody can sign in to."""
    domain = domains.understood(seen.xml)
    if order.seed is not None and not (domain and any(medium.source for medium in domain.media)):
        raise HypervisorError("The seed of the new machine has gone missing.")
