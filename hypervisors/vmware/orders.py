"""How an order is carried out: the literal table of verbs, and the way from one look at the machine to the next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pyVmomi import vim, vmodl

from hypervisors import contract
from hypervisors.contract import CreateMachine, FileOrder, Handle, MachineOrder, Order, PowerOff, Progress, Shutdown
from hypervisors.errors import NotFound
from hypervisors.vmware import creation, estate, filing, notes, power, removal, shape, snapshots
from hypervisors.vmware.client import Client
from hypervisors.vmware.rows import TaskState, reference
from hypervisors.vmware.verbs import Target, Verb, refuse_foreign

ENDING = (
    contract.RemoveMachine,
    contract.RemoveDisk,
    contract.RemoveNic,
    contract.RemoveSnapshot,
    contract.DetachSeed,
)
"""What is to go away is gone with its machine."""

OUTRUN = (vim.fault.InvalidPowerState, vim.fault.DuplicateName, vmodl.fault.ManagedObjectNotFound)
"""How a server refuses what another worker has done a moment before."""

VERBS: Mapping[type[MachineOrder], Verb] = {
    contract.PowerOn: power.POWER_ON,
    contract.PowerOff: power.POWER_OFF,
    contract.Shutdown: power.SHUTDOWN,
    contract.Restart: power.RESTART,
    contract.Reset: power.RESET,
    contract.Suspend: power.SUSPEND,
    contract.Resume: power.RESUME,
    contract.Resize: shape.RESIZE,
    contract.AddDisk: shape.ADD_DISK,
    contract.GrowDisk: shape.GROW_DISK,
    contract.RemoveDisk: shape.REMOVE_DISK,
    contract.AddNic: shape.ADD_NIC,
    contract.RemoveNic: shape.REMOVE_NIC,
    contract.Rename: shape.RENAME,
    contract.TakeSnapshot: snapshots.TAKE,
    contract.RevertSnapshot: snapshots.REVERT,
    contract.RemoveSnapshot: snapshots.REMOVE,
    contract.Annotate: notes.ANNOTATE,
    contract.DetachSeed: notes.DETACH_SEED,
    contract.RemoveMachine: removal.REMOVE,
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the machine led to: it is done, or a task was begun."""

    done: bool
    ref: str = ""
    task: str = ""
    """Empty too for what the server keeps no account of."""


def submit(client: Client, order: Order) -> Handle:
    if isinstance(order, CreateMachine):
        creation.check(order)
        step = creation.advance(client, order)
        return {"task": step.task, "step": step.name}
    if isinstance(order, FileOrder):
        return filing.submit(client, order)
    look = _look(client, order)
    asked = {"asked_at": str(int(time.time()))} if isinstance(order, Shutdown) else {}
    return {"task": look.task, "state": "done" if look.done else "begun", **asked}


def poll(client: Client, order: Order, handle: Handle) -> Progress:
    state = client.task(handle["task"]) if handle.get("task") else None
    if isinstance(order, CreateMachine):
        return _poll_creation(client, order, handle, state)
    if isinstance(order, FileOrder):
        return filing.poll(client, order, handle)
    verb = VERBS[type(order)]
    if state is not None and state.running:
        return Progress(done=False, percent=min(state.percent, 99), step=verb.step)
    if state is not None and state.error is not None:
        return _failed(client, order, state.error)
    if verb.surplus is not None and state is not None and state.result:
        undoing = verb.surplus(_target(client, order), order, state.result)
        if undoing is not None:
            return Progress(False, 90, verb.step, handle={**handle, "task": reference(undoing)})
    if verb.once and (state is not None or handle.get("state") == "begun"):
        return _finished(verb, "")
    if isinstance(order, Shutdown):
        return _stopping(client, order, handle)
    look = _look(client, order)
    if look.done:
        return _finished(verb, look.ref)
    return Progress(done=False, percent=50, step=verb.step, handle={**handle, "task": look.task, "state": "begun"})


def _poll_creation(client: Client, order: CreateMachine, handle: Handle, state: TaskState | None) -> Progress:
    if state is not None and state.running:
        return creation.progress(creation.Step(handle.get("step", ""), handle["task"]), state.percent)
    if state is not None and state.error is not None and not creation.outrun(handle.get("step", ""), state.error):
        raise client.mapped(state.error)
    step = creation.advance(client, order, cloned=state is not None and bool(state.result))
    return creation.progress(step)


def _target(client: Client, order: MachineOrder) -> Target:
    verb = VERBS[type(order)]
    target = Target(client, estate.row_of(client, order.ref, verb.paths))
    if verb.ours_only:
        refuse_foreign(target)
    return target


def _look(client: Client, order: MachineOrder, *, begin: bool = True) -> Look:
    """What is as the order wants it is done; otherwise its task begins."""
    verb = VERBS[type(order)]
    verb.check(order)
    try:
        target = _target(client, order)
    except NotFound:
        if isinstance(order, ENDING):
            return Look(done=True)
        raise
    ref = verb.done(target, order)
    if ref is not None or not begin:
        return Look(done=ref is not None, ref=ref or "")
    try:
        return Look(done=False, task=reference(verb.start(target, order)))
    except OUTRUN:
        again = _look(client, order, begin=False)
        if not again.done:
            raise
        return again


def _failed(client: Client, order: MachineOrder, error: Exception) -> Progress:
    """Another worker with the same order may have been first: then all is well."""
    look = _look(client, order, begin=False)
    if not look.done:
        raise client.mapped(error)
    return _finished(VERBS[type(order)], look.ref)


def _finished(verb: Verb, ref: str) -> Progress:
    return Progress(done=True, percent=100, step=verb.step, ref=ref)


def _stopping(client: Client, order: Shutdown, handle: Handle) -> Progress:
    """Pulls the plug when the patience is over, or nobody knows when it was asked."""
    asked = handle.get("asked_at", "")
    patient = asked.isdecimal() and time.time() - int(asked) < order.patience
    look = _look(client, order if patient else PowerOff(order.ref), begin=not patient)
    if look.done:
        return _finished(power.SHUTDOWN, "")
    return Progress(done=False, percent=50, step=power.SHUTDOWN.step, handle={**handle, "task": look.task})
