"""Taking machines away with their own disks, and nobody else's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pyVmomi import vim, vmodl

from hypervisors.contract import Power, RemoveMachine, Stamp
from hypervisors.errors import Busy, InvalidRequest, WrongState
from hypervisors.vmware import estate, machines
from hypervisors.vmware.client import Client
from hypervisors.vmware.rows import Row, reference
from hypervisors.vmware.shape import Change, folder_of, reconfigure
from hypervisors.vmware.verbs import Target, Verb

logger = logging.getLogger(__name__)

FILES = ("config.files.vmPathName",)
OF_OTHERS = ("config.hardware.device",)
STEPS = 4
"""Stopped, freed of what is not its own, destroyed, seen to be gone."""


def _not_yet(target: Target, order: RemoveMachine) -> None:
    """What is still there is not removed. Nothing happens unless the UUID matches."""
    if machines.uuid_of(target.row) != order.uuid:
        raise InvalidRequest("The machine behind this reference is another one; nothing was removed.")


def next_step(target: Target, _order: object = None) -> Any:
    """The next task on the way to its end."""
    if _others_lie_on(target):
        raise WrongState("Other machines' disks lie on this one's, as linked clones; nothing was touched.")
    if target.power is not Power.OFF:
        return target.vm.PowerOffVM_Task()
    if foreign := list(_foreign_disks(target)):
        for disk in foreign:
            logger.warning("Disk %s of a removed machine was left: it is not its own.", machines.disk_ref(disk))
        return reconfigure(target, *(Change(operation="remove", device=disk) for disk in foreign))
    return target.vm.Destroy_Task()


def _foreign_disks(target: Target) -> Iterator[Any]:
    """Destroying a machine deletes all that it mounts: what is shared or another's is let go before."""
    home = folder_of(str(target.row.get("config.files.vmPathName") or ""))
    for disk in machines.disks(target.row):
        shared = getattr(disk.backing, "sharing", None) == "sharingMultiWriter"
        elsewhere = not home or any(folder_of(path) != home for path in machines.chain(disk))
        if (shared or elsewhere) and _used_by_others(target, disk):
            yield disk


def _used_by_others(target: Target, disk: Any) -> bool:
    """Asked only for the few disks that do not lie with their machine."""
    return any(set(machines.chain(disk)) & set(machines.chain(one)) for one in _disks_beside(target, disk))


def _others_lie_on(target: Target) -> bool:
    """A linked clone needs a snapshot to lie on, so that few machines have to be asked about."""
    if not list(machines.snapshots(target.row.get("snapshot"))):
        return False
    return any(
        set(machines.chain(disk)) & set(machines.chain(one)[1:])
        for disk in machines.disks(target.row)
        for one in _disks_beside(target, disk)
    )


def _disks_beside(target: Target, disk: Any) -> Iterator[Any]:
    """All disks of other machines that have something on the same datastore."""
    datastore = getattr(disk.backing, "datastore", None)
    row = target.client.read_one(datastore, ["vm"]) if datastore is not None else None
    others = [reference(one) for one in (row.get("vm", ()) if row else ()) if reference(one) != target.row.ref]
    for other in target.client.read_chunks(vim.VirtualMachine, others, OF_OTHERS):
        yield from machines.disks(other)


def discard(client: Client, stamp: Stamp) -> None:
    """Goes on as long as each step is done at once; Busy when one takes its time."""
    for _ in range(STEPS):
        rows = estate.found(client, stamp)
        if not rows:
            return
        if len(rows) > 1 and any(_finished(row, stamp) for row in rows):
            raise WrongState("More than one machine carries this stamp, and one of them is finished.")
        for row in rows:
            _clear(client, row)
    if estate.found(client, stamp):
        raise Busy("What was begun is still being cleared away.")


def _finished(row: Row, stamp: Stamp) -> bool:
    return bool(row.get("name") != estate.temporary_name(stamp))


def _clear(client: Client, row: Row) -> None:
    vm = client.object(vim.VirtualMachine, row.ref)
    if _stop_tasks(client, vm):
        raise Busy("What was begun is being cancelled.")
    with suppress(vmodl.fault.ManagedObjectNotFound):
        found = client.read_one(vm, (*estate.full(client), *FILES))
        if found is None:
            return
        try:
            state = client.task(reference(next_step(Target(client, found))))
        except vim.fault.InvalidPowerState as error:
            raise Busy("What was begun is being cleared away by another worker.") from error
        if state is not None and state.running:
            raise Busy("What was begun is being cleared away.")
        if state is not None and state.error is not None:
            raise client.mapped(state.error)


def _stop_tasks(client: Client, vm: Any) -> bool:
    """Whether something was under way. What cannot be cancelled comes to its end by itself."""
    going = client.under_way(vm)
    for task in going:
        with suppress(vmodl.fault.NotSupported, vim.fault.InvalidState, vmodl.fault.ManagedObjectNotFound):
            task.CancelTask()
    return bool(going)


REMOVE = Verb("removing", _not_yet, next_step, paths=FILES, ours_only=True)
