"""Taking a machine away: stop it, delete its own disks, and forget it last, so that a second attempt finds the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from hypervisors.contract import Stamp
from hypervisors.errors import Busy, InvalidRequest, NotFound, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.creation import volume_name
from hypervisors.kvm.estate import MACHINES, stamped
from hypervisors.kvm.reading import Pool

logger = logging.getLogger(__name__)


def remove(client: Client, ref: str, uuid: UUID) -> list[str]:
    """Disks that were left because they are not the machine's own. Nothing happens unless the UUID matches."""
    if ref != str(uuid):
        raise InvalidRequest("The machine behind this reference is another one; nothing was removed.")
    _own_pool(client)
    try:
        disks = _settled_disks(client, ref)
    except NotFound:
        return []
    _stop(client, ref)
    left = _delete_own(client, ref, disks)
    _forget(client, ref)
    for source in left:
        logger.warning("Disk %s of removed machine %s was left: it is not its own.", source, ref)
    return left


def discard(client: Client, stamp: Stamp) -> None:
    """What a failed creation left: its machine by operation and UUID, its disk by the name that follows from them."""
    uuid = str(stamp.uuid)
    pool = _own_pool(client)
    made = stamped(client, stamp) is not None
    if made:
        _stop(client, uuid)
    found = client.volume(MACHINES, volume_name(stamp)) if pool is not None else None
    if found is None and pool is not None:
        client.refresh(pool.name)  # a file that was half-made when the host stopped is not known to it yet
        found = client.volume(MACHINES, volume_name(stamp))
    if found is not None:
        path = found[0].ref
        if path not in _in_use(client, but=uuid if made else ""):
            _delete(client, MACHINES, found[0].name)
    if made:
        _forget(client, uuid)


def _settled_disks(client: Client, uuid: str) -> list[domains.Disk]:
    """All disks of a machine, once its definition names them all: a definition outlives what runs."""
    live, defined = client.forms(uuid)
    running = domains.read(live).disks
    known = {disk.source for disk in domains.read(defined).disks} if defined else set()
    if not {disk.source for disk in running} <= known:
        client.define(live)
    return [*running, *(disk for disk in (domains.read(defined).disks if defined else ()) if disk not in running)]


def _stop(client: Client, uuid: str) -> None:
    with suppress(WrongState, NotFound):  # it does not run
        client.destroy(uuid)


def _forget(client: Client, uuid: str) -> None:
    with suppress(NotFound):
        client.undefine(uuid)


def _own_pool(client: Client) -> Pool | None:
    """A pool that is not active now would hide disks that are the machine's own."""
    pool = next((pool for pool in client.pools() if pool.name == MACHINES), None)
    if pool is not None and not pool.active:
        raise Busy(f"The storage pool {MACHINES} is not active.")
    return pool


def _delete_own(client: Client, uuid: str, disks: Iterable[domains.Disk]) -> list[str]:
    """Deletes the disks in our pool that nothing else uses; returns the others."""
    pool = _own_pool(client)
    used = _in_use(client, but=uuid)
    left = []
    for disk in {disk.source: disk for disk in disks if disk.source}.values():
        place = (disk.pool, disk.volume) if disk.volume else client.locate(disk.path)
        if place is None and pool is not None and pool.holds(disk):
            client.refresh(pool.name)  # put there by hand, or deleted by an earlier attempt
            place = client.locate(disk.path)
            if place is None:
                continue
        if disk.shared or place is None or place[0] != MACHINES or _names(client, disk, place) & used:
            left.append(disk.source)
        else:
            _delete(client, *place)
    return left


def _names(client: Client, disk: domains.Disk, place: tuple[str, str]) -> set[str]:
    """All that other machines may know this disk by."""
    found = client.volume(*place)
    return {disk.source, disk.path, "/".join(place), found[0].ref if found else ""} - {""}


def _in_use(client: Client, *, but: str) -> set[str]:
    """What other machines have, as a disk or behind one, and what other disks lie on."""
    used = client.backing_files()
    for uuid, xml in client.all_xml():
        if uuid != but:
            used |= domains.sources(xml)
    return used


def _delete(client: Client, pool: str, name: str) -> None:
    with suppress(NotFound):
        client.delete_volume(pool, name)
