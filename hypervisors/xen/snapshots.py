"""Snapshots: of disks only, since memory needs a licence that not every pool has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypervisors.contract import RemoveSnapshot, RevertSnapshot, TakeSnapshot
from hypervisors.errors import InvalidRequest, NotFound
from hypervisors.words import CONTROL, NOT_IN_XML
from hypervisors.xen import devices, estate, mapping, marks, notes, removal
from hypervisors.xen.client import Client
from hypervisors.xen.work import DONE, Step, Work, begin, under_way

Record = Mapping[str, Any]

LONGEST = 10_000
"""Characters of a note that a handle carries."""


def take(work: Work, order: TakeSnapshot) -> Step:
    if not order.name.strip() or CONTROL.search(order.name) or NOT_IN_XML.search(order.name) or len(order.name) > 255:
        raise InvalidRequest("A snapshot needs a name, of 255 characters at the most and without control characters.")
    client = work.client
    ref, vm = estate.lookup(client, order.ref)
    estate.writable(vm)
    note = marks.snapshot_note(str(vm["uuid"]), order.name)
    if found := _named(client, vm, order.name):
        notes.drop(client, note)
        return Step(done=True, ref=found)
    work.check_failed()
    task, _ = notes.once(
        client, note,
        call=lambda: ("VM.snapshot", ref, order.name),
        made=lambda: bool(_named(client, client.record("VM", ref), order.name)),
        under_way=lambda named: bool(set(mapping.cells(vm["current_operations"])) - named),
    )  # fmt: skip
    return Step(task=task)


def _named(client: Client, vm: Record, name: str) -> str:
    """UUID of the machine's snapshot of this name."""
    for snapshot in mapping.refs(vm["snapshots"]):
        with suppress(NotFound):
            record = client.record("VM", snapshot)
            if record["name_label"] == name:
                return str(record["uuid"])
    return ""


def remove(work: Work, order: RemoveSnapshot) -> Step:
    client = work.client
    try:
        ref, vm = estate.lookup(client, order.ref)
        estate.writable(vm)
        snapshot, record = _snapshot(client, order.snapshot_ref, ref)
    except NotFound:
        removal.clear_doomed(client, order.snapshot_ref)
        return DONE
    removal.destroy(client, snapshot, record)
    return DONE


def _snapshot(client: Client, uuid: str, vm: str) -> tuple[str, Record]:
    """Raises NotFound when it is gone, or another machine's."""
    ref = client.by_uuid("VM", uuid)
    record = client.record("VM", ref)
    if not record["is_a_snapshot"] or record["snapshot_of"] != vm:
        raise NotFound("The machine does not have this snapshot.")
    return ref, record


def revert(work: Work, order: RevertSnapshot) -> Step:
    """XAPI takes name, notes and marks back as well, and makes new disks. What it was called and whose it is stays
    as it was before; and once the disks are others than before, it has been done."""
    client = work.client
    ref, vm = estate.lookup(client, order.ref)
    estate.writable(vm)
    snapshot, _ = _snapshot(client, order.snapshot_ref, ref)
    disks = _disks(client, vm)
    before = [one for one in work.handle.get("disks", "").split(",") if one]
    if work.ended or (before and not set(before) & set(disks)):
        return _after(work, ref, vm, before)
    work.check_failed()
    task = under_way(vm, "revert", "reverting") or under_way(client.record("VM", snapshot), "revert", "reverting")
    kept = {"disks": ",".join(disks), "said": json.dumps(_said(vm))}
    if work.handle.get("disks"):
        kept = {}
    return Step(task=task or begin(client, "VM.revert", snapshot), kept=kept)


def _disks(client: Client, vm: Record) -> list[str]:
    found = []
    for drive in mapping.refs(vm["VBDs"]):
        with suppress(NotFound):
            vbd = client.record("VBD", drive)
            if vbd["type"] == "Disk" and vbd["VDI"] != mapping.NULL:
                found.append(str(client.record("VDI", vbd["VDI"])["uuid"]))
    return found


def _said(vm: Record) -> dict[str, str]:
    marked = {key: value for key, value in mapping.cells(vm["other_config"]).items() if key.startswith(marks.PREFIX)}
    texts = {"name": str(vm["name_label"]), "note": str(vm["name_description"])}
    return marked | {key: text for key, text in texts.items() if len(text) <= LONGEST}


def _after(work: Work, ref: str, vm: Record, before: list[str]) -> Step:
    """Clears what the machine's former disks left, and writes its name and marks again."""
    client = work.client
    try:
        said: dict[str, str] = json.loads(work.handle.get("said", "{}"))
    except ValueError:
        said = {}
    for call, name, field in (
        ("VM.set_name_label", "name", "name_label"),
        ("VM.set_name_description", "note", "name_description"),
    ):
        if name in said and said[name] != vm[field]:
            client.call(call, ref, said[name])
    if said:
        none = {key: "" for key in mapping.cells(vm["other_config"]) if key.startswith(marks.PREFIX)}
        ours = {key: value for key, value in said.items() if key.startswith(marks.PREFIX)}
        devices.write(client, "VM", ref, vm, none | ours)
    for uuid in before:
        with suppress(NotFound):
            removal.clear_disks(client, [client.by_uuid("VDI", uuid)])
    if vm["power_state"] == "Suspended":  # memory belonged to the snapshot
        return Step(task=begin(client, "VM.resume", ref, False, False))
    return DONE
