"""Events, disks in storage, and rights: looks that are no scan."""

from __future__ import annotations

import re
import time
import xmlrpc.client
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any

from hypervisors import retired
from hypervisors.contract import DiskFile, DiskFiles, Event, What
from hypervisors.words import line
from hypervisors.xen import estate, facts, mapping, marks
from hypervisors.xen.client import Client
from hypervisors.xen.estate import Reader
from hypervisors.xen.facts import Seen

Record = Mapping[str, Any]

MOST = 10_000
WHATS = {
    "VM_CLONED": What.CREATED,
    "VM_STARTED": What.STARTED,
    "VM_RESUMED": What.STARTED,
    "VM_UNPAUSED": What.STARTED,
    "VM_REBOOTED": What.STARTED,
    "VM_SHUTDOWN": What.STOPPED,
    "VM_CRASHED": What.STOPPED,
    "VM_SUSPENDED": What.STOPPED,
    "VM_PAUSED": What.STOPPED,
    "VM_SNAPSHOTTED": What.CHANGED,
    "VM_SNAPSHOT_REVERTED": What.CHANGED,
    "VM_CHECKPOINTED": What.CHANGED,
    "VM_CHECKPOINT_REVERTED": What.CHANGED,
    "VM_MIGRATED": What.MOVED,
}
"""Names of XAPI's messages about machines. It leaves none when a machine is destroyed."""
OF_THE_SOURCE = re.compile(r"\bcloned to\b")


def events(client: Client, since: datetime) -> list[Event]:
    """Times are whole seconds: the one that is not over yet is waited for, so that none of its events is missed."""
    since = since.astimezone(UTC)
    moment = xmlrpc.client.DateTime((since.replace(microsecond=0)).strftime("%Y%m%dT%H:%M:%SZ"))
    found = _messages(client, moment)
    if found:
        pool = next(iter(client.records("pool").values()))
        now = mapping.when(client.call("host.get_servertime", pool["master"]))
        if now is not None and found[-1].at >= now:
            time.sleep(1.0)
            found = _messages(client, moment)
    return _cut([event for event in found if event.at > since])


def _cut(found: list[Event]) -> list[Event]:
    """Never within a second, unless more than can be told happened in it."""
    if len(found) <= MOST:
        return found
    whole = [event for event in found[:MOST] if event.at < found[MOST].at]
    return whole or found[:MOST]


def _messages(client: Client, moment: xmlrpc.client.DateTime) -> list[Event]:
    """Within a second as XAPI lists them, oldest or newest first; only that a machine is made before all else."""
    found = []
    for message in client.call("message.get_since", moment).values():
        at = mapping.when(message["timestamp"])
        if message["cls"] == "VM" and at is not None:
            name, body = str(message["name"]), line(str(message["body"]), 500)
            what = WHATS.get(name, What.OTHER)
            if name == "VM_CLONED" and OF_THE_SOURCE.search(body):
                what = What.OTHER
            found.append(Event(at=at, what=what, machine_ref=str(message["obj_uuid"]), text=body or line(name)))
    if found and found[0].at > found[-1].at:
        found.reverse()
    return sorted(found, key=lambda event: (event.at, event.what is not What.CREATED))


# Disks in storage


def disk_files(client: Client) -> DiskFiles:
    reader = Reader(client)
    seen = Seen(vms=reader.table("VM"), vbds=reader.table("VBD"), vdis=reader.table("VDI"))
    storages, pbds = reader.table("SR"), reader.table("PBD")
    seen.places = {ref: str(sr["uuid"]) for ref, sr in storages.items()}
    usable = {pbd["SR"] for pbd in pbds.values() if pbd["currently_attached"]}
    stores = {ref for ref, sr in storages.items() if estate.holds_disks(sr)}
    reader.gaps += [
        f"No host has the storage {line(str(storages[ref]['name_label']), 100)} attached."
        for ref in stores
        if ref not in usable
    ]
    suspended = memories(seen)
    disks = [(ref, vdi) for ref, vdi in seen.vdis.items() if vdi["SR"] in stores]
    files = reader.told("disks", disks, lambda one: file_of(seen, one[0], one[1], suspended))
    return DiskFiles(not reader.gaps, files, reader.gaps[:100])


def memories(seen: Seen) -> Set[str]:
    """Disks with the memory of suspended machines."""
    return {str(vm["suspend_VDI"]) for vm in seen.vms.values()}


def file_of(seen: Seen, ref: str, vdi: Record, suspended: Set[str]) -> DiskFile:
    """Its name is its UUID, which storage carries: labels are each pool's own. Retired, its mark shows in the name."""
    users = [seen.vms[vm] for vm in _users(seen, vdi)]
    kept, key = _kept_for(vdi, users, ref in suspended), marks.retired_by(vdi)
    return DiskFile(
        ref=str(vdi["uuid"]),
        name=retired.retired_path(str(vdi["uuid"]), key) if key else str(vdi["uuid"]),
        label=line(str(vdi["name_label"])),
        datastore_ref=seen.places.get(vdi["SR"], ""),
        size_mib=mapping.mib(vdi["virtual_size"]),
        used_by=sorted({_machine_of(seen, vm) for vm in users} - {""}),
        kept_for=kept,
    )


def _users(seen: Seen, vdi: Record) -> list[str]:
    drives = (seen.vbds[ref] for ref in mapping.refs(vdi["VBDs"]) if ref in seen.vbds)
    return [str(drive["VM"]) for drive in drives if drive["VM"] in seen.vms]


def _machine_of(seen: Seen, vm: Record) -> str:
    """A snapshot's disk is used by the machine that it can be taken back to."""
    if not vm["is_a_snapshot"]:
        return str(vm["uuid"])
    return str(seen.vms[vm["snapshot_of"]]["uuid"]) if vm["snapshot_of"] in seen.vms else ""


def _kept_for(vdi: Record, users: list[Record], suspended: bool) -> str:
    if any(vm["is_a_template"] and not vm["is_a_snapshot"] and not facts.is_half_made(vm) for vm in users):
        return "image"
    if vdi["is_a_snapshot"] or any(vm["is_a_snapshot"] for vm in users):
        return "snapshot"
    if suspended or vdi["type"] == "suspend":
        return "memory of a suspended machine"
    if not vdi["managed"]:
        return "backing of other disks"
    if vdi.get("is_tools_iso"):
        return "guest tools"
    if vdi["type"] not in ("user", "system"):
        return line(f"the pool itself: {vdi['type']}", 60)
    if vdi["sharable"] and not users:
        return "shared disk"
    return ""


# Rights

CALLS = (
    "pool.get_all_records", "host.get_all_records", "host.get_record", "host.get_servertime",
    "host_metrics.get_all_records", "SR.get_all_records", "SR.get_by_uuid", "PBD.get_all_records",
    "network.get_all_records", "network.get_by_uuid", "VM.get_all_records", "VM.get_record", "VM.get_by_uuid",
    "VM.get_by_name_label", "VM_metrics.get_all_records", "VM_metrics.get_record", "VM_guest_metrics.get_all_records",
    "VM_guest_metrics.get_record", "VBD.get_all_records", "VBD.get_record", "VDI.get_all_records", "VDI.get_record",
    "VDI.get_by_uuid", "VDI.get_by_name_label", "VIF.get_all_records", "VIF.get_record", "VIF.get_by_uuid",
    "task.get_all_records", "task.get_record", "event.from", "message.get_since", "http/get_rrd_updates",
    "VM.clone", "VM.copy", "VM.provision", "VM.destroy", "VM.start", "VM.unpause", "VM.clean_shutdown",
    "VM.hard_shutdown", "VM.clean_reboot", "VM.hard_reboot", "VM.suspend", "VM.resume", "VM.snapshot", "VM.revert",
    "VM.set_name_label", "VM.set_name_description", "VM.set_other_config", "VM.add_to_other_config",
    "VM.remove_from_other_config", "VM.set_VCPUs_max", "VM.set_VCPUs_at_startup", "VM.set_memory_limits",
    "VM.set_platform",
    "VM.assert_can_boot_here", "VM.assert_operation_valid", "VM.get_allowed_VBD_devices",
    "VM.get_allowed_VIF_devices", "VDI.create", "VDI.destroy", "VDI.resize", "VDI.resize_online",
    "VDI.set_name_label", "VDI.add_to_other_config", "VDI.remove_from_other_config", "VBD.create", "VBD.destroy",
    "VBD.plug", "VBD.unplug", "VIF.create", "VIF.destroy", "VIF.plug", "VIF.unplug", "task.create", "task.destroy",
    "task.cancel", "http/put_import_raw_vdi",
)  # fmt: skip
"""All that this adapter asks for, looks first."""


def missing_rights(client: Client) -> list[str]:
    """XAPI names rights after the calls, in small letters; who is in no role but the local one may do all."""
    session = client.session()
    if session["is_local_superuser"]:
        return []
    has = {str(right).lower() for right in session["rbac_permissions"]}
    return [call for call in CALLS if call.lower() not in has]
