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
from hypervisors.kvm.mapping import OPERATION, POWER, check_name
from hypervisors.kvm.reading import Seen, Volume

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
        _define(client, order)
        seen = stamped(client, order.stamp)
        if seen is None:
            raise Busy("The new machine cannot be seen yet.")
    if POWER.get(seen.state) is Power.OFF:
        _start(client, order)
        seen = client.domain(str(order.stamp.uuid))
    return _pull(client, order, seen, bandwidth)


def _define(client: Client, order: CreateMachine) -> None:
    holder = client.uuid_of(order.name)
    if holder and holder != str(order.stamp.uuid):
        raise NameTaken(f"Another machine on this host is called {order.name}.")
    try:
        other = client.domain(str(order.stamp.uuid))
    except NotFound:
        other = None
    if other is not None and other.domain is not None and other.domain.lease.get("operation") != order.stamp.operation:
        raise InvalidRequest("Another machine on this host has the UUID that was chosen for this one.")
    path = _disk(client, order)
    try:
        client.define(domains.write(order, disk=path, platform=_platform(client), created=datetime.now(UTC)))
    except NameTaken as error:
        raise NameTaken(f"Another machine on this host is called {order.name}.", native=error.native) from error


def _platform(client: Client) -> domains.Platform:
    """Runs on the processor where libvirt found that it can; on the network `default`, or the first active one."""
    arch = client.host().arch
    active = [name for _ref, name, is_active in client.networks() if is_active]
    network = "default" if "default" in active else next(iter(active), "")
    return domains.Platform("kvm" if client.offers_kvm(arch) else "qemu", arch, network)


def _disk(client: Client, order: CreateMachine) -> str:
    """Path of the machine's disk, which an earlier attempt may have made."""
    image = _image(client, order.image_ref)
    if order.disk_mib < image.capacity_mib:
        raise InvalidRequest(f"The disk is smaller than its image, which needs {image.capacity_mib} MiB.")
    name = volume_name(order.stamp)
    found = client.volume(MACHINES, name)
    if found is not None and (found[0].capacity_mib, found[1]) != (order.disk_mib, image.ref):
        client.delete_volume(MACHINES, name)  # half-written when the host stopped: no machine is defined on it yet
        found = None
    if found is None:
        _check_room(client, image)
        try:
            xml = domains.volume_xml(name=name, capacity_mib=order.disk_mib, backing=image.ref)
            client.create_volume(MACHINES, xml)
        except NameTaken:
            client.refresh(MACHINES)  # a file that libvirt had not seen, or another worker with the same order
        found = client.volume(MACHINES, name)
    if found is None:
        raise Busy("The machine's disk cannot be seen yet.")
    return found[0].ref


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


def _check_room(client: Client, image: Volume) -> None:
    pool = next((pool for pool in client.pools() if pool.name == MACHINES), None)
    if pool is None or not pool.active:
        raise NotFound(f"The host has no active storage pool called {MACHINES}.")
    if pool.free_mib < image.allocation_mib:
        raise NoCapacity(f"The storage pool {MACHINES} has no room for a copy of the image.")


def _start(client: Client, order: CreateMachine) -> None:
    """Not yet let go: nothing has booted until the disk is whole. A host that stops meanwhile costs no data."""
    uuid = str(order.stamp.uuid)
    with suppress(WrongState):  # another worker with the same order was first: what counts is read afterwards
        client.start(uuid, paused=True)


def _pull(client: Client, order: CreateMachine, seen: Seen, bandwidth: int) -> Progress:
    uuid = str(order.stamp.uuid)
    disk = next((disk for disk in seen.domain.disks if disk.target == DISK), None) if seen.domain else None
    if disk is None:
        raise WrongState("The new machine has lost its disk.")
    try:
        percent = client.pull_percent(uuid, DISK)
        if percent is None and disk.chain:
            _begin_pull(client, uuid, bandwidth)
            percent = 0
        if percent is None and POWER.get(seen.state) is Power.SUSPENDED:
            client.resume(uuid)
    except WrongState as error:
        raise Busy("The new machine does not stay on.", native=error.native) from error
    if percent is None:
        return Progress(done=True, percent=100, step="copying", ref=uuid)
    return Progress(done=False, percent=PULLING_FROM + percent * (99 - PULLING_FROM) // 100, step="copying")


def _begin_pull(client: Client, uuid: str, bandwidth: int) -> None:
    try:
        client.pull(uuid, DISK, bandwidth)
    except HypervisorError:
        if client.pull_percent(uuid, DISK) is None:
            raise
