"""Making a machine, one small step at a time; each looks first at what is there, so that all may be repeated.

Disk on top of the image, definition with our UUID and stamp, start, and the image is copied into the disk meanwhile.
The copy makes the machine independent: libvirt lets anyone delete an image that disks still lie on.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from hypervisors.contract import CreateMachine, Power, Progress, Stamp
from hypervisors.errors import Busy, HypervisorError, InvalidRequest, NameTaken, NoCapacity, NotFound, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.estate import IMAGE_SUFFIX, MACHINES, is_image_pool, stamped
from hypervisors.kvm.mapping import OPERATION, POWER
from hypervisors.kvm.reading import Seen, Volume
from hypervisors.words import check_name

DISK = "vda"
PULLING_FROM = 20
"""Percent that is reached when the copy begins."""


def check(order: CreateMachine) -> None:
    """What can be refused without asking the host."""
    check_name(order.name)
    if not OPERATION.fullmatch(order.stamp.operation):
        raise InvalidRequest("The operation's identifier holds characters that it cannot have.")
    for what, size in (("vCPUs", order.vcpus), ("memory", order.memory_mib), ("disk", order.disk_mib)):
        if size < 1:
            raise InvalidRequest(f"The machine needs more than no {what}.")


def volume_name(stamp: Stamp) -> str:
    return f"lh-{stamp.operation}.qcow2"


def advance(client: Client, order: CreateMachine, *, bandwidth: int) -> Progress:
    """Takes the next steps until the host has work to do, and says how far that is."""
    seen = stamped(client, order.stamp)
    if seen is None:
        path = _disk(client, order)
        if not path:
            return Progress(done=False, step="placing")
        _define(client, order, path)
        seen = client.domain(str(order.stamp.uuid))
    if POWER.get(seen.state) is Power.OFF:
        _start(client, order)
    return _pull(client, order, bandwidth)


def _define(client: Client, order: CreateMachine, path: str) -> None:
    try:
        client.define(domains.write(order, disk=path, platform=_platform(client), created=datetime.now(UTC)))
    except NameTaken as error:
        raise NameTaken(f"Another machine on this host is called {order.name}.", native=error.native) from error


def _check_free(client: Client, order: CreateMachine) -> None:
    """Names and UUIDs are unique on a host; found out before anything is made where possible."""
    uuid = str(order.stamp.uuid)
    if client.uuid_of(order.name) not in ("", uuid):
        raise NameTaken(f"Another machine on this host is called {order.name}.")
    with suppress(NotFound):
        other = client.domain(uuid).domain
        if other is None or other.lease.get("operation") != order.stamp.operation:
            raise InvalidRequest("Another machine on this host has the UUID that was chosen for this one.")


def _platform(client: Client) -> domains.Platform:
    """Runs on the processor where libvirt found that it can; on the network `default`, or the first active one."""
    arch = client.host().arch
    active = [name for _ref, name, is_active in client.networks() if is_active]
    network = "default" if "default" in active else next(iter(active), "")
    return domains.Platform("kvm" if client.offers_kvm(arch) else "qemu", arch, network)


def _disk(client: Client, order: CreateMachine) -> str:
    """Path of the machine's disk, made now or by an earlier attempt; empty while another worker is making it."""
    _check_free(client, order)
    image = _image(client, order.image_ref)
    if order.disk_mib < image.capacity_mib:
        raise InvalidRequest(f"The disk is smaller than its image, which needs {image.capacity_mib} MiB.")
    name = volume_name(order.stamp)
    try:
        made = _made_before(client, order, image)
        if made is None:
            _check_room(client, image.allocation_mib)
            client.create_volume(
                MACHINES, domains.volume_xml(name=name, capacity_mib=order.disk_mib, backing=image.ref)
            )
            made = client.volume(MACHINES, name)
    except NameTaken:
        _look_again(client)
        return ""
    except Busy:
        return ""
    return made[0].ref if made else ""


def _look_again(client: Client) -> None:
    """Shows libvirt what it does not know yet, unless it is writing there now."""
    with suppress(Busy):
        client.refresh(MACHINES)


def _made_before(client: Client, order: CreateMachine, image: Volume) -> tuple[Volume, str] | None:
    """A disk of an earlier attempt, if it is whole. Raises Busy while one is being written.

    A half-written disk shows no image behind it, and so does one whose machine has it all: only the first may go.
    """
    name = volume_name(order.stamp)
    if client.volume(MACHINES, name) is None:
        return None
    client.refresh(MACHINES)
    found = client.volume(MACHINES, name)
    if found is None or (found[0].capacity_mib, found[1]) == (order.disk_mib, image.ref):
        return found
    if stamped(client, order.stamp) is not None:
        raise Busy("Another worker has just made this machine.")
    client.delete_volume(MACHINES, name)
    return None


def _image(client: Client, ref: str) -> Volume:
    """Only what lies in a pool of images can be one: never any other file of the host."""
    pools = [pool.name for pool in client.pools() if pool.active and is_image_pool(pool.name)]
    for again in (False, True):
        for pool in pools:
            if again:
                client.refresh(pool)
            for volume in client.volumes(pool):
                if volume.ref == ref and volume.name.endswith(IMAGE_SUFFIX):
                    return volume
    raise NotFound("The image does not exist on this host any more.")


def _check_room(client: Client, need_mib: int) -> None:
    pool = next((pool for pool in client.pools() if pool.name == MACHINES), None)
    if pool is None or not pool.active:
        raise NotFound(f"The host has no active storage pool called {MACHINES}.")
    if pool.free_mib < need_mib:
        raise NoCapacity(f"The storage pool {MACHINES} has no room for a copy of the image.")


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
            client.resume(uuid)
    except WrongState as error:
        raise Busy("The new machine does not stay on.", native=error.native) from error
    if percent is None:
        return Progress(done=True, percent=100, step="copying", ref=uuid)
    return Progress(done=False, percent=PULLING_FROM + percent * (99 - PULLING_FROM) // 100, step="copying")


def _lies_on_image(seen: Seen) -> bool:
    disk = next((disk for disk in seen.domain.disks if disk.target == DISK), None) if seen.domain else None
    if disk is None:
        raise HypervisorError("The new machine has lost its disk.")
    return bool(disk.chain)


def _begin_pull(client: Client, order: CreateMachine, bandwidth: int) -> None:
    """Looks for room first: a copy that found none ends without a trace, and would be begun again for ever."""
    uuid = str(order.stamp.uuid)
    _look_again(client)
    own = client.volume(MACHINES, volume_name(order.stamp))
    with suppress(NotFound):
        image = _image(client, order.image_ref)
        _check_room(client, image.allocation_mib - (own[0].allocation_mib if own else 0))
    try:
        client.pull(uuid, DISK, bandwidth)
    except HypervisorError:
        if client.pull_percent(uuid, DISK) is None:
            raise
