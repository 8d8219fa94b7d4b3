"""Orders on disks of no machine. XAPI knows a disk by its UUID, people by its label: the label is what is changed. A
mark beside it says which order did so; a copy that people make does not keep the mark's tie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypervisors import retired
from hypervisors.contract import RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import Busy, InvalidRequest, NotFound, WrongState
from hypervisors.xen import devices, estate, mapping, marks, telling
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import DONE, Step, Work, begin

Record = Mapping[str, Any]


def retire(work: Work, order: RetireDiskFile) -> Step:
    retired.check_order(order)
    ref, vdi = _disk(work.client, order.file_ref)
    label, key = str(vdi["name_label"]), marks.retired_by(vdi)
    if key != order.key:
        cut_off = not key and label.startswith(marks.retired_label("", order.key))
        if label.startswith(retired.PREFIX) and not cut_off:
            raise WrongState("The disk has been retired before, by another order; nothing was touched.")
        _check_unused(work.client, ref, vdi)
        if not cut_off:
            work.client.call("VDI.set_name_label", ref, marks.retired_label(label, order.key))
        devices.write(work.client, "VDI", ref, vdi, {marks.RETIRED: f"{order.key}:{vdi['uuid']}"})
    return Step(done=True, ref=order.file_ref)


def restore(work: Work, order: RestoreDiskFile) -> Step:
    """One whose label is not ours any more has the name that people gave it."""
    retired.check_order(order)
    ref, vdi = _disk(work.client, order.file_ref)
    label, ours = str(vdi["name_label"]), marks.retired_label("", order.key)
    if order.name != vdi["uuid"] or (label.startswith(retired.PREFIX) and not label.startswith(ours)):
        raise InvalidRequest("The disk was not retired from this name by this order; nothing was touched.")
    if label.startswith(ours):
        _check_unused(work.client, ref, vdi)
        work.client.call("VDI.set_name_label", ref, label.removeprefix(ours))
    devices.write(work.client, "VDI", ref, vdi, {marks.RETIRED: ""})
    return Step(done=True, ref=order.file_ref)


def remove(work: Work, order: RemoveDiskFile) -> Step:
    """A label that somebody gave it meanwhile says that it is counted on."""
    retired.check_order(order)
    try:
        ref, vdi = _disk(work.client, order.file_ref)
    except NotFound:
        return DONE
    if marks.retired_by(vdi) != order.key:
        raise InvalidRequest("The disk was not retired by this order; nothing was removed.")
    work.check_failed()
    _check_unused(work.client, ref, vdi)
    return Step(task=begin(work.client, "VDI.destroy", ref))


def _disk(client: Client, uuid: str) -> tuple[str, Record]:
    ref = client.by_uuid("VDI", uuid)
    return ref, client.record("VDI", ref)


def _check_unused(client: Client, ref: str, vdi: Record) -> None:
    """As all machines, images and snapshots of the pool are at this moment."""
    storage = client.records("SR").get(str(vdi["SR"]))
    if storage is None or not estate.holds_disks(storage):
        raise WrongState("This is no disk of a machine; nothing was touched.")
    if not any(pbd["SR"] == vdi["SR"] and pbd["currently_attached"] for pbd in client.records("PBD").values()):
        raise Busy("No host has the storage of the disk attached now.")
    if vdi["current_operations"]:
        raise Busy("Something else is being done with the disk.")
    seen = Seen(vms=client.records("VM"), vdis={ref: vdi})
    seen.vbds = {drive: client.record("VBD", drive) for drive in mapping.refs(vdi["VBDs"])}
    retired.check_unused(telling.file_of(seen, ref, vdi, telling.memories(seen)))
    if seen.vbds:
        raise WrongState("A drive holds the disk; nothing was touched.")
