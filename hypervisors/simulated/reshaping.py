"""Orders on what a machine is made of: size, disks, NICs, snapshots, name, seed. Each looks first, then acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from hypervisors import words
from hypervisors.contract import (
    AddDisk,
    AddNic,
    DetachSeed,
    GrowDisk,
    Handle,
    Progress,
    RemoveDisk,
    RemoveNic,
    RemoveSnapshot,
    Rename,
    Resize,
    RevertSnapshot,
    TakeSnapshot,
    mac_of,
)
from hypervisors.simulated import machines
from hypervisors.simulated.changing import follow, protect
from hypervisors.simulated.client import Client, Seen
from hypervisors.simulated.faults import NativeFault

Reshaping = (
    Resize | AddDisk | GrowDisk | RemoveDisk | AddNic | RemoveNic | TakeSnapshot | RevertSnapshot | RemoveSnapshot
)
AtOnce = Rename | DetachSeed

KEY = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True)
class Work:
    """How an order is carried out."""

    step: str
    reached: Callable[[Seen], str | None]
    """Reference of what the order makes, or an empty text, when the machine is as it wants it; None when it is not."""
    start: Callable[[], str]
    """Returns the task."""


def _key(key: str) -> str:
    if not KEY.fullmatch(key):
        raise NativeFault("invalid_key", f"{key[:80]!r} is no key.")
    return key


def _work(client: Client, order: Reshaping) -> Work:
    ref = order.ref
    match order:
        case Resize(_, vcpus, memory_mib):
            machines.check_size(vcpus=vcpus, memory_mib=memory_mib)
            has = lambda seen: (seen.row["vcpus"], seen.row["memory_mib"]) == (vcpus, memory_mib)
            return Work("resizing", _when(has), lambda: client.resize(ref, vcpus=vcpus, memory_mib=memory_mib))
        case TakeSnapshot(_, name):
            _check_snapshot_name(name)
            return Work("snapshot", lambda seen: _named(seen, name), lambda: client.snapshot(ref, name))
        case RevertSnapshot(_, snapshot):
            return Work("reverting", _when(lambda seen: _is_at(seen, snapshot)), lambda: client.revert(ref, snapshot))
        case RemoveSnapshot(_, snapshot):
            gone = lambda seen: all(one["ref"] != snapshot for one in seen.snapshots)
            return Work("snapshot", _when(gone), lambda: client.remove_snapshot(ref, snapshot))
        case AddNic(_, key, network):
            mac = mac_of(_key(key))
            with_mac = lambda seen: next((nic["ref"] for nic in seen.nics if nic["mac"] == mac), None)
            return Work("network", with_mac, lambda: client.add_nic(ref, mac=mac, network_ref=network))
        case RemoveNic(_, nic):
            without = lambda seen: all(one["ref"] != nic for one in seen.nics)
            return Work("network", _when(without), lambda: client.remove_nic(ref, nic))
        case _:
            return _work_on_disk(client, order)


def _work_on_disk(client: Client, order: AddDisk | GrowDisk | RemoveDisk) -> Work:
    ref, size = order.ref, 0 if isinstance(order, RemoveDisk) else order.size_mib
    match order:
        case AddDisk(_, key, _, store):
            if size < 1:
                raise NativeFault("invalid_size", "A disk needs at least 1 MiB.")
            with_key = lambda seen: next((disk["ref"] for disk in seen.disks if disk["key"] == _key(key)), None)
            start = lambda: client.add_disk(ref, key=_key(key), size_mib=size, datastore_ref=store)
            return Work("disk", with_key, start)
        case GrowDisk(_, disk, _):
            large = lambda seen: _is_as_large(seen, disk, size)
            return Work("disk", _when(large), lambda: client.grow_disk(ref, disk_ref=disk, size_mib=size))
        case RemoveDisk(_, disk):
            return Work("disk", _when(lambda seen: _is_without(seen, disk)), lambda: client.remove_disk(ref, disk))


def _when(holds: Callable[[Seen], bool]) -> Callable[[Seen], str | None]:
    return lambda seen: "" if holds(seen) else None


def _named(seen: Seen, name: str) -> str | None:
    return next((one["ref"] for one in seen.snapshots if one["name"] == name), None)


def _is_at(seen: Seen, snapshot: str) -> bool:
    """Reverted to it, and nothing has happened since."""
    if all(one["ref"] != snapshot for one in seen.snapshots):
        raise NativeFault("not_found", f"The machine has no snapshot {snapshot}.")
    return bool(seen.row["just_reverted"]) and seen.row["current_snapshot"] == snapshot


def _is_as_large(seen: Seen, disk_ref: str, size_mib: int) -> bool:
    disk = next((disk for disk in seen.disks if disk["ref"] == disk_ref), None)
    if disk is None:
        raise NativeFault("not_found", f"The machine has no disk {disk_ref}.")
    if size_mib < disk["size_mib"]:
        raise NativeFault("shrinking", f"The disk has {disk['size_mib']} MiB already.")
    return bool(disk["size_mib"] == size_mib)


def _is_without(seen: Seen, disk_ref: str) -> bool:
    if seen.disks and seen.disks[0]["ref"] == disk_ref:
        raise NativeFault("first_disk", f"{disk_ref} is the first disk.")
    return all(disk["ref"] != disk_ref for disk in seen.disks)


def _check_snapshot_name(name: str) -> None:
    if not name.strip() or words.line(name) != name:
        raise NativeFault("invalid_name", "A snapshot's name is one line of at most 255 characters.")


def submit(client: Client, order: Reshaping) -> Handle:
    work, seen = _work(client, order), _seen(client, order)
    if seen is None or work.reached(seen) is not None:
        return {}
    protect(seen.row)
    return {"task": work.start()}


def poll(client: Client, order: Reshaping, handle: Handle) -> Progress:
    work = _work(client, order)
    task = client.task(handle.get("task", ""), target=order.ref)
    if task is not None and task["state"] != "success":
        return follow(client, task, work.step)
    seen = _seen(client, order)
    made = "" if seen is None else work.reached(seen)
    if made is not None or task is not None:
        # Done; what was made may have been taken away again since.
        return Progress(True, 100, work.step, made or "")
    if seen is not None:
        protect(seen.row)
    work.start()
    return Progress(False, 0, work.step)


def _seen(client: Client, order: Reshaping) -> Seen | None:
    """None when the machine is gone, and with it what the order would remove."""
    try:
        return client.machine(order.ref)
    except NativeFault as fault:
        if fault.code != "not_found" or not isinstance(order, RemoveDisk | RemoveNic | RemoveSnapshot):
            raise
        return None


def at_once(client: Client, order: AtOnce) -> Progress:
    """What takes the data centre no time."""
    if isinstance(order, Rename):
        words.check_name(order.name)
        row = client.machine(order.ref).row
        protect(row)
        if row["name"] != order.name:
            client.rename(order.ref, order.name)
        return Progress(True, 100, "renaming")
    try:
        if client.machine(order.ref).row["seed"]:
            client.put_seed(order.ref, "")
    except NativeFault as fault:
        if fault.code != "not_found":
            raise
    return Progress(True, 100, "seeding")
