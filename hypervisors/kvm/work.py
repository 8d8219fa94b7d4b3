"""Which function carries out which order on a machine that is there."""

from __future__ import annotations

import time

from hypervisors.checks import check_disk
from hypervisors.contract import (
    AddDisk,
    AddNic,
    Annotate,
    DetachSeed,
    GrowDisk,
    Handle,
    Order,
    PowerOff,
    PowerOn,
    Progress,
    RemoveDisk,
    RemoveMachine,
    RemoveNic,
    RemoveSnapshot,
    Rename,
    Reset,
    Resize,
    Restart,
    Resume,
    RevertSnapshot,
    Shutdown,
    Suspend,
    TakeSnapshot,
)
from hypervisors.kvm import disks, nics, power, seeding, shape, snapshots
from hypervisors.kvm.client import Client
from hypervisors.kvm.hosts import Hosts
from hypervisors.words import check_name

Switch = PowerOn | PowerOff | Restart | Reset | Suspend | Resume
Change = Resize | Rename | Annotate | GrowDisk | DetachSeed
Slow = AddDisk | RemoveDisk | AddNic | RemoveNic | TakeSnapshot | RevertSnapshot | RemoveSnapshot
OnMachine = Switch | Shutdown | Change | Slow

STEP_OF: dict[type[Order], str] = {
    DetachSeed: "seeding",
    PowerOn: "starting",
    PowerOff: "stopping",
    Shutdown: "stopping",
    Restart: "starting",
    Reset: "starting",
    Suspend: "suspending",
    Resume: "starting",
    Resize: "resizing",
    AddDisk: "disk",
    GrowDisk: "disk",
    RemoveDisk: "disk",
    AddNic: "network",
    RemoveNic: "network",
    TakeSnapshot: "snapshot",
    RevertSnapshot: "reverting",
    RemoveSnapshot: "snapshot",
    Rename: "renaming",
    Annotate: "annotating",
    RemoveMachine: "removing",
}
GONE_IS_DONE = (RemoveDisk, RemoveNic, RemoveSnapshot)
OFF_WHEN_GONE = (PowerOff, Shutdown)
"""Transient machines are gone once they stop: not when the order comes, but when it is looked after."""


def done(order: OnMachine) -> Progress:
    return Progress(done=True, percent=100, step=STEP_OF[type(order)])


def check(order: OnMachine) -> None:
    """What can be refused without asking any host."""
    match order:
        case Resize():
            shape.check_size(order)
        case Rename():
            check_name(order.name)
        case AddDisk():
            check_disk(order)
        case AddNic():
            nics.check(order)
        case TakeSnapshot():
            snapshots.check(order)


def is_done_when_gone(hosts: Hosts, order: OnMachine, *, first: bool) -> bool:
    if isinstance(order, DetachSeed):
        hosts.everyone(lambda client: seeding.delete_seed(client, order.stamp))
        return True
    return isinstance(order, GONE_IS_DONE) or (not first and isinstance(order, OFF_WHEN_GONE))


def carry_out(hosts: Hosts, client: Client, uuid: str, order: OnMachine, handle: Handle, *, first: bool) -> Progress:
    """The next step of an order; `first` when it was only just given."""
    if isinstance(order, Shutdown):
        return _shut_down(client, uuid, order, handle, first=first)
    if isinstance(order, Switch):
        _switch(client, uuid, order, first=first)
        return done(order)
    if isinstance(order, Change):
        _change(hosts, client, uuid, order)
        return done(order)
    return _slow(hosts, client, uuid, order, handle)


def _slow(hosts: Hosts, client: Client, uuid: str, order: Slow, handle: Handle) -> Progress:
    match order:
        case AddDisk():
            return disks.add(hosts, client, uuid, order)
        case RemoveDisk():
            return disks.remove(hosts, client, uuid, order, handle)
        case AddNic():
            return nics.add(client, uuid, order)
        case RemoveNic():
            return nics.remove(client, uuid, order, handle)
        case TakeSnapshot():
            return snapshots.take(client, uuid, order)
        case RevertSnapshot():
            return snapshots.revert(client, uuid, order, handle)
        case RemoveSnapshot():
            return snapshots.remove(client, uuid, order)


def _shut_down(client: Client, uuid: str, order: Shutdown, handle: Handle, *, first: bool) -> Progress:
    if not first:
        return power.stopping(client, order, uuid, asked_at=handle.get("asked_at", ""))
    power.ask_to_stop(client, uuid)
    return Progress(done=False, step="stopping", handle={**handle, "asked_at": str(int(time.time()))})


def _switch(client: Client, uuid: str, order: Switch, *, first: bool) -> None:
    match order:
        case PowerOn():
            power.on(client, uuid)
        case PowerOff():
            power.off(client, uuid)
        case Suspend():
            power.suspend(client, uuid)
        case Resume():
            power.resume(client, uuid)
        case Restart() | Reset() if not first:
            power.must_run(client, uuid)
        case Restart():
            power.restart(client, uuid)
        case Reset():
            power.reset(client, uuid)


def _change(hosts: Hosts, client: Client, uuid: str, order: Change) -> None:
    match order:
        case Resize():
            shape.resize(client, uuid, order)
        case Rename():
            shape.rename(hosts, client, uuid, order)
        case Annotate():
            shape.annotate(client, uuid, order)
        case GrowDisk():
            disks.grow(hosts, client, uuid, order)
        case DetachSeed():
            seeding.detach(client, uuid, order)
