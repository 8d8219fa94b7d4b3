"""Snapshots inside the disks' own files: with memory when the machine runs, of the disks alone when it is off.

They take the time that memory takes to be written. libvirt has no handle for that: the machine itself shows whether
work is under way, and the snapshot whether it is done.
"""

from __future__ import annotations

from collections.abc import Iterable

from hypervisors.contract import Handle, Progress, RemoveSnapshot, RevertSnapshot, TakeSnapshot
from hypervisors.errors import InvalidRequest, NameTaken, NotFound, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.definitions import is_seed, snapshot_xml
from hypervisors.kvm.shape import known
from hypervisors.kvm.telling import Snapshot, understood
from hypervisors.words import check_name

TAKING = Progress(done=False, percent=50, step="snapshot")
TAKEN = Progress(done=True, percent=100, step="snapshot")
REVERTED = Progress(done=True, percent=100, step="reverting")


def check(order: TakeSnapshot) -> None:
    check_name(order.name)
    if order.name.startswith("."):
        raise InvalidRequest("The name of a snapshot cannot begin with a dot.")


def take(client: Client, uuid: str, order: TakeSnapshot) -> Progress:
    if client.at_work(uuid):
        return TAKING
    found = _named(client, uuid, order.name)
    if found is None:
        try:
            if not client.take_snapshot(uuid, snapshot_xml(order.name)):
                return TAKING
        except (NameTaken, WrongState):  # another worker with the same order was first
            if _named(client, uuid, order.name) is None:
                raise
        found = _named(client, uuid, order.name)
    return Progress(done=True, percent=100, step="snapshot", ref=found.ref) if found else TAKING


def _named(client: Client, uuid: str, name: str) -> Snapshot | None:
    return next((one for one in _all(client, uuid) if one.name == name), None)


def _all(client: Client, uuid: str) -> list[Snapshot]:
    try:
        return understood(client.snapshots(uuid))
    except ValueError:
        raise WrongState("What the host tells of this machine's snapshots cannot be understood.") from None


def revert(client: Client, uuid: str, order: RevertSnapshot, handle: Handle) -> Progress:
    """The machine keeps what is written on it: its snapshot is told of them first, so that no moment of
    the work shows another."""
    if client.at_work(uuid):
        return Progress(done=False, percent=50, step="reverting", handle={**handle, "launched": "yes"})
    if handle.get("launched"):
        return REVERTED
    found = next((one for one in _all(client, uuid) if one.ref == order.snapshot_ref), None)
    if found is None:
        raise NotFound("The machine has no such snapshot.")
    _refuse_outer(found)
    _refuse_others(client, uuid, found)
    xml, current = client.snapshot(uuid, found.name)
    client.redefine_snapshot(uuid, _brought_up(client, uuid, xml), current=current)
    done = client.revert_snapshot(uuid, found.name)
    return Progress(done=done, percent=100 if done else 50, step="reverting", handle={**handle, "launched": "yes"})


def _refuse_outer(found: Snapshot) -> None:
    if found.outer:
        raise WrongState("This snapshot was made by other means, in files of its own; the host cannot use it here.")


def _refuse_others(client: Client, uuid: str, found: Snapshot) -> None:
    """Reverting would lose a disk that came later, and start without one that went; and libvirt finds no machine by
    the name that its snapshot has."""
    then, now = domains.understood(found.domain), known(client, uuid)
    if then is not None and then.name != now.name:
        raise WrongState(f"The machine was called {then.name} when the snapshot was taken; it must be so again.")
    if then is None or _own(then.disks) != _own(now.disks):
        raise WrongState("Disks were added or removed since the snapshot was taken; take that back first.")


def _own(disks: Iterable[domains.Disk]) -> set[str]:
    return {disk.source for disk in disks}


def _brought_up(client: Client, uuid: str, xml: str) -> str:
    """The snapshot's XML with the machine's present annotations, and without seeds."""
    now = domains.parse(client.forms(uuid)[0])
    root = domains.parse(xml)
    for tag in ("domain", "inactiveDomain"):
        for then in root.iterfind(tag):
            for word in ("title", "description", "metadata"):
                domains.replace(then, now, word)
            for medium in then.iterfind("devices/disk[@device='cdrom']"):
                source = medium.find("source")
                if source is not None and is_seed(source.get("file", "").rpartition("/")[2]):
                    medium.remove(source)
    return domains.written(root)


def remove(client: Client, uuid: str, order: RemoveSnapshot) -> Progress:
    if client.at_work(uuid):
        return TAKING
    found = next((one for one in _all(client, uuid) if one.ref == order.snapshot_ref), None)
    if found is None:
        return TAKEN
    _refuse_outer(found)
    try:
        return TAKEN if client.remove_snapshot(uuid, found.name) else TAKING
    except NotFound:
        return TAKEN
