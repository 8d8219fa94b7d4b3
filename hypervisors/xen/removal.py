"""Taking machines and snapshots away with their disks.

VM.destroy leaves disks and snapshots behind. So snapshots go first, and disks are given a name before what they belong
to goes: whoever comes after a crash finds them by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from hypervisors.contract import RemoveMachine
from hypervisors.errors import Busy, InvalidRequest, NotFound, WrongState
from hypervisors.xen import estate, mapping, marks
from hypervisors.xen.client import Client
from hypervisors.xen.work import DONE, Step, Work, begin

Record = Mapping[str, Any]


def remove(work: Work, order: RemoveMachine) -> Step:
    try:
        ref, vm = estate.lookup(work.client, order.ref)
    except NotFound:
        clear_doomed(work.client, order.ref)
        return DONE
    if marks.uuid_of(vm) != order.uuid:
        raise InvalidRequest("Behind this reference stands another machine; nothing was touched.")
    estate.writable(vm)
    task = take_down(work, ref, vm)
    return Step(task=task) if task else DONE


def take_down(work: Work, ref: str, vm: Record) -> str:
    """Removes a machine that is off. One that is on is switched off first: the task of that is returned."""
    if vm["power_state"] != "Halted":
        work.check_failed()
        return begin(work.client, "VM.hard_shutdown", ref)
    client = work.client
    client.call("VM.assert_operation_valid", ref, "destroy")
    for snapshot in mapping.refs(vm["snapshots"]):
        with suppress(NotFound):
            destroy(client, snapshot, client.record("VM", snapshot))
    destroy(client, ref, vm)
    return ""


def destroy(client: Client, ref: str, vm: Record) -> None:
    """A machine or a snapshot with the disks that nothing else uses."""
    name = marks.doomed_name(str(vm["uuid"]))
    for vdi in _own_disks(client, vm):
        with suppress(NotFound):
            client.call("VDI.set_name_label", vdi, name)
    with suppress(NotFound):
        client.call("VM.destroy", ref)
    clear_doomed(client, str(vm["uuid"]))


def _own_disks(client: Client, vm: Record) -> list[str]:
    drives = set(mapping.refs(vm["VBDs"]))
    found = []
    for drive in sorted(drives):
        with suppress(NotFound):
            vbd = client.record("VBD", drive)
            if vbd["type"] == "Disk" and vbd["VDI"] != mapping.NULL:
                vdi = client.record("VDI", vbd["VDI"])
                if set(mapping.refs(vdi["VBDs"])) <= drives:
                    found.append(str(vbd["VDI"]))
    return found + mapping.refs([vm["suspend_VDI"]])


def clear_doomed(client: Client, uuid: str) -> None:
    """The disks that the removal of this machine or snapshot left."""
    clear_disks(client, client.named("VDI", marks.doomed_name(uuid)))


def clear_disks(client: Client, vdis: Iterable[str]) -> None:
    """Only such as no drive holds any more."""
    for vdi in vdis:
        with suppress(NotFound):
            if mapping.refs(client.record("VDI", vdi)["VBDs"]):
                continue
            try:
                client.call("VDI.destroy", vdi)
            except WrongState as error:
                if mapping.code(error) == "VDI_IN_USE":
                    raise Busy("The storage still holds the disk.", native=error.native) from error
                raise


def discard_one(work: Work, ref: str) -> None:
    """Raises Busy while it is being switched off."""
    with suppress(NotFound):
        if take_down(work, ref, work.client.record("VM", ref)):
            raise Busy("The machine is being switched off, to be cleared away.")
