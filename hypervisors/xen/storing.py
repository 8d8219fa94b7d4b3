"""Orders on disks. A disk that is made or removed is found again by its name or its key, whatever was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypervisors.checks import check_disk
from hypervisors.contract import AddDisk, GrowDisk, RemoveDisk
from hypervisors.errors import HypervisorError, InvalidRequest, NotFound
from hypervisors.xen import devices, estate, facts, mapping, marks, notes, removal
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import Step, Work, begin

Record = Mapping[str, Any]


def add(work: Work, order: AddDisk) -> Step:
    check_disk(order)
    client = work.client
    ref, vm = _ours(work, order.ref)
    seen = estate.around(client, work.places, ref, vm)
    if (found := _keyed(seen, vm, order.key)) is not None:
        vbd, _, vdi = found
        step = _plug(work, vm, "VBD", _drive_of(seen, vbd), vbd)
        return step or Step(done=True, ref=str(vdi["uuid"]))
    work.check_failed()
    with notes.alone(client, marks.device_note(order.ref, order.key)):
        seen = estate.around(client, work.places, ref)
        if _keyed(seen, seen.vms[ref], order.key) is None:
            _make(work, order, ref, seen)
    return Step(percent=50)


def _keyed(seen: Seen, vm: Record, key: str) -> tuple[Record, str, Record] | None:
    return next((disk for disk in seen.disks(vm) if devices.key_of(disk[2], marks.KEY) == key), None)


def _make(work: Work, order: AddDisk, ref: str, seen: Seen) -> None:
    """One that was made and not attached yet is taken."""
    client = work.client
    name, size = f"lh-{order.key}", order.size_mib * mapping.MIB
    loose = [one for one in client.named("VDI", name) if not mapping.refs(client.record("VDI", one)["VBDs"])]
    if loose:
        vdi_ref = loose[0]
    else:
        marked = {marks.KEY: order.key, marks.ASKED: str(order.size_mib)}
        vdi_ref = devices.make_disk(client, name, _storage(work, order, seen, seen.vms[ref]), size, marked)
    devices.make_drive(client, ref, vdi_ref)


def _storage(work: Work, order: AddDisk, seen: Seen, vm: Record) -> str:
    if order.datastore_ref:
        return work.client.by_uuid("SR", order.datastore_ref)
    for _, _, vdi in seen.disks(vm):
        return str(vdi["SR"])
    raise InvalidRequest("The machine has no disk to lie beside: name a datastore.")


def _drive_of(seen: Seen, vbd: Record) -> str:
    return next(ref for ref, one in seen.vbds.items() if one is vbd)


def _plug(work: Work, vm: Record, cls: str, ref: str, device: Record) -> Step | None:
    """None when it is plugged, or need not be: a machine that is off finds it when it starts."""
    if vm["power_state"] != "Running" or device["currently_attached"]:
        return None
    if work.failed is not None:
        _take_back(work, cls, ref, device)
        raise work.failed
    return Step(task=begin(work.client, f"{cls}.plug", ref), percent=70)


def _take_back(work: Work, cls: str, ref: str, device: Record) -> None:
    """A running guest that cannot take it leaves nothing behind."""
    with suppress(HypervisorError):
        work.client.call(f"{cls}.destroy", ref)
        if cls == "VBD":
            removal.clear_disks(work.client, [device["VDI"]])


def plug_card(work: Work, vm: Record, ref: str) -> Step | None:
    return _plug(work, vm, "VIF", ref, work.client.record("VIF", ref))


def grow(work: Work, order: GrowDisk) -> Step:
    """Storage may round up: what was asked last is written down before, so that asking again is no shrinking."""
    client = work.client
    ref, vm = _ours(work, order.ref)
    drive, vdi_ref, vdi = _disk(work, ref, vm, order.disk_ref)
    size, wanted = mapping.number(vdi["virtual_size"]), order.size_mib * mapping.MIB
    if size >= wanted:
        if mapping.mib(size) == order.size_mib or devices.key_of(vdi, marks.ASKED) == str(order.size_mib):
            return Step(done=True, ref=order.disk_ref)
        raise InvalidRequest(f"The disk has {mapping.mib(size)} MiB already; nothing is cut off.")
    work.check_failed()
    devices.write(client, "VDI", vdi_ref, vdi, {marks.ASKED: str(order.size_mib)})
    method = "VDI.resize_online" if drive["currently_attached"] else "VDI.resize"
    return Step(task=begin(client, method, vdi_ref, str(wanted)))


def remove(work: Work, order: RemoveDisk) -> Step:
    client = work.client
    name = marks.doomed_name(order.disk_ref)
    try:
        ref, vm = _ours(work, order.ref)
        vbd, vdi_ref, vdi = _disk(work, ref, vm, order.disk_ref)
    except NotFound:
        removal.clear_disks(client, client.named("VDI", name))
        return Step(done=True)
    seen = estate.around(client, work.places, ref, vm)
    if seen.disks(vm)[0][1] == vdi_ref:
        raise InvalidRequest("The first disk is the machine itself; it goes with it.")
    if len(mapping.refs(vdi["VBDs"])) > 1:
        raise InvalidRequest("Another machine uses the disk, too; nothing was touched.")
    drive = mapping.refs(vdi["VBDs"])[0]
    if vbd["currently_attached"]:
        return devices.unplug(work, "VBD", drive)
    client.call("VDI.set_name_label", vdi_ref, name)
    client.call("VBD.destroy", drive)
    removal.clear_disks(client, [vdi_ref])
    return Step(done=True)


def _ours(work: Work, uuid: str) -> tuple[str, Record]:
    ref, vm = estate.lookup(work.client, uuid)
    estate.writable(vm)
    return ref, vm


def _disk(work: Work, vm_ref: str, vm: Record, uuid: str) -> tuple[Record, str, Record]:
    """Drive, reference and record of one of this machine's disks. Raises NotFound when it has none such."""
    client = work.client
    vdi_ref = client.by_uuid("VDI", uuid)
    vdi = client.record("VDI", vdi_ref)
    for drive in mapping.refs(vdi["VBDs"]):
        with suppress(NotFound):
            vbd = client.record("VBD", drive)
            if vbd["VM"] == vm_ref and vbd["type"] == "Disk" and not facts.is_seed(vdi):
                return vbd, vdi_ref, vdi
    raise NotFound("The machine does not have this disk.")
