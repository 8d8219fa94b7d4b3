"""Making a machine: clone under a name that follows from the order, configure, rename, start.

How far it is shows on the machine itself, so whoever comes next goes on from there: the clone carries stamp and UUID
from its first moment, the key `leasehold.stage` is written in one with the configuration, the order's own name comes
after that, and power last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pyVmomi import vim

from hypervisors import seeds
from hypervisors.checks import check_creation
from hypervisors.contract import CreateMachine, Power, Progress
from hypervisors.errors import Busy, HypervisorError, InvalidRequest, NameTaken
from hypervisors.vmware import estate, machines, networks, notes, placing
from hypervisors.vmware.client import Client
from hypervisors.vmware.mapping import escaped, unescaped
from hypervisors.vmware.rows import reference
from hypervisors.vmware.shape import Change, check_free, grown, reconfigure, sizing
from hypervisors.vmware.verbs import Target
from hypervisors.words import with_holding

CONFIGURED = "configured"
PERCENT = {"placing": 0, "copying": 5, "defining": 75, "renaming": 85, "starting": 90}
"""Reached when the step begins."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is under way now; `ref` is set at the end."""

    name: str
    task: str = ""
    ref: str = ""


def check(order: CreateMachine) -> None:
    """What can be refused without asking the server."""
    check_creation(order)
    if order.memory_mib % 4:
        raise InvalidRequest("Memory comes in steps of 4 MiB.")


def advance(client: Client, order: CreateMachine, *, cloned: bool = False) -> Step:
    """Begins the next step, or tells that the last one is done. `cloned`: it was made just now, and must be there."""
    row = next(iter(estate.found(client, order.stamp)), None)
    if row is None and cloned:
        raise HypervisorError("The new machine is gone, or has not kept its stamp.")
    if row is None:
        return Step("copying", _clone(client, order))
    target = Target(client, row)
    if "config.instanceUuid" not in row.props or client.under_way(target.vm):
        return Step("copying")
    if machines.extra_config(row).get(machines.STAGE) != CONFIGURED:
        return Step("defining", reference(_configure(target, order)))
    if unescaped(row.get("name", "")) == estate.temporary_name(order.stamp):
        check_free(client, row.get("parent"), order.name, but=row.ref)
        return Step("renaming", reference(target.vm.Rename_Task(escaped(order.name))))
    if target.power is not Power.ON:
        notes.fill_fields(target, order.holding)
        return _start(target)
    return Step("starting", ref=row.ref)


def _start(target: Target) -> Step:
    try:
        return Step("starting", reference(target.vm.PowerOnVM_Task(None)))
    except vim.fault.InvalidPowerState:  # another worker was first: seen by the next look
        return Step("starting")


def outrun(step: str, error: Exception) -> bool:
    """Whether a step failed because another worker with the same order had taken it just before."""
    if step == "copying":
        return isinstance(error, vim.fault.DuplicateName | vim.fault.AlreadyExists | vim.fault.FileAlreadyExists)
    return isinstance(error, vim.fault.InvalidPowerState)


def progress(step: Step, percent: int = 0) -> Progress:
    """A clone tells how far it is; the other steps are short."""
    if step.ref:
        return Progress(done=True, percent=100, step=step.name, ref=step.ref)
    begun = PERCENT.get(step.name, 0)
    reached = begun + percent * (PERCENT["defining"] - begun) // 100 if step.name == "copying" else begun
    return Progress(done=False, percent=reached, step=step.name, handle={"task": step.task, "step": step.name})


def _check_unmade(client: Client, order: CreateMachine) -> None:
    """UUID and temporary name are nobody's; if somebody has them, it may be another worker, this very moment."""
    uuid = client.find_uuid(str(order.stamp.uuid))
    if uuid is None and next(estate.half_made(client, order.stamp), None) is None:
        return
    if estate.found(client, order.stamp):
        raise Busy("Another worker has just begun to make this machine.")
    if uuid is not None:
        raise InvalidRequest("Another machine has the UUID that was chosen for this one.")
    raise NameTaken(f"A machine is called {estate.temporary_name(order.stamp)} that was not made for this order.")


def _clone(client: Client, order: CreateMachine) -> str:
    """Stamp and UUID go into the clone itself; all else would be ignored there by some servers."""
    _check_unmade(client, order)
    found = placing.image(client, order)
    place = placing.place(client, order)
    check_free(client, place.folder, order.name)
    if order.network_ref:
        networks.backing(client, order.network_ref)
    spec = vim.vm.CloneSpec(
        location=vim.vm.RelocateSpec(pool=place.pool, datastore=place.datastore, host=place.host),
        config=vim.vm.ConfigSpec(
            instanceUuid=str(order.stamp.uuid),
            extraConfig=notes.options(
                {
                    machines.OPERATION: order.stamp.operation,
                    machines.UUID_KEY: str(order.stamp.uuid),
                    machines.MADE_AT: datetime.now(UTC).isoformat(timespec="seconds"),
                    machines.STAGE: "",
                }
            ),
        ),
        powerOn=False,
        template=False,
    )
    template = client.object(vim.VirtualMachine, found.ref)
    try:
        return reference(template.CloneVM_Task(place.folder, estate.temporary_name(order.stamp), spec))
    except vim.fault.DuplicateName as error:
        raise Busy("Another worker has just begun to make this machine.") from error


def _configure(target: Target, order: CreateMachine) -> Any:
    keys = {machines.STAGE: CONFIGURED}
    if order.seed is not None:
        keys |= seeds.guestinfo(order.seed, order.stamp.uuid)
    return reconfigure(
        target,
        *_disk_change(target, order),
        *_card_change(target, order),
        annotation=with_holding(target.row.get("config.annotation") or "", order.holding),
        extraConfig=notes.options(keys),
        **sizing(target, order.vcpus, order.memory_mib),
    )


def _disk_change(target: Target, order: CreateMachine) -> list[Any]:
    disks = machines.disks(target.row)
    return [grown(disks[0], order.disk_mib)] if disks and machines.mib(disks[0]) < order.disk_mib else []


def _card_change(target: Target, order: CreateMachine) -> list[Any]:
    """Its first NIC goes into the network that was asked for; an image without one gets one."""
    if not order.network_ref:
        return []
    backing = networks.backing(target.client, order.network_ref)
    cards = machines.cards(target.row)
    if cards:
        cards[0].backing = backing
        return [Change(operation="edit", device=cards[0])]
    connect = vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, connected=False, allowGuestControl=True)
    card = vim.vm.device.VirtualVmxnet3(key=-1, addressType="assigned", backing=backing, connectable=connect)
    return [Change(operation="add", device=card)]
