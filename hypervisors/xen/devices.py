"""Disks, drives and network cards: what all orders on them need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypervisors.errors import WrongState
from hypervisors.xen import mapping
from hypervisors.xen.client import Client
from hypervisors.xen.work import Step, Work, begin

PLAIN: Mapping[str, Any] = {"qos_algorithm_type": "", "qos_algorithm_params": {}}


def make_disk(client: Client, name: str, sr: str, size: int, marked: Mapping[str, str]) -> str:
    """An empty disk of so many bytes. Returns its reference."""
    record = {
        "name_label": name,
        "name_description": "",
        "SR": sr,
        "virtual_size": str(size),
        "type": "user",
        "sharable": False,
        "read_only": False,
        "other_config": dict(marked),
        "xenstore_data": {},
        "sm_config": {},
        "tags": [],
    }
    return str(client.call("VDI.create", record))


def make_drive(client: Client, vm: str, vdi: str) -> str:
    """On the next free place, which only one of two workers gets. `owner` marks disks that go with their machine, for
    XAPI's other tools. Raises WrongState when there is no place."""
    places = [str(place) for place in client.call("VM.get_allowed_VBD_devices", vm)]
    if not places:
        raise WrongState("The machine has as many disks as it can have.")
    record = {
        "VM": vm,
        "VDI": vdi,
        "userdevice": min(places, key=lambda place: mapping.number(place, 1000)),
        "bootable": False,
        "mode": "RW",
        "type": "Disk",
        "unpluggable": True,
        "empty": False,
        "other_config": {"owner": ""},
    }
    return str(client.call("VBD.create", {**record, **PLAIN}))


def make_card(
    client: Client, vm: str, network: str, *, device: str, mac: str = "", marked: Mapping[str, str] | None = None
) -> str:
    """An empty MAC address lets XAPI choose one."""
    record = {
        "VM": vm,
        "network": network,
        "device": device,
        "MAC": mac,
        "MTU": "1500",
        "other_config": dict(marked or {}),
    }
    return str(client.call("VIF.create", {**record, **PLAIN}))


def unplug(work: Work, cls: str, ref: str) -> Step:
    """A guest may take its time, or refuse."""
    work.check_failed()
    if work.ended:
        raise WrongState("The guest has taken the device again.")
    return Step(task=begin(work.client, f"{cls}.unplug", ref))


def key_of(record: Mapping[str, Any], key: str) -> str:
    return mapping.cells(record["other_config"]).get(key, "")


def write(client: Client, cls: str, ref: str, record: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
    """Keys of `other_config`, one by one: others write there too. An empty value takes the key away."""
    present = mapping.cells(record["other_config"])
    for key, value in wanted.items():
        if present.get(key, "") == value and (value or key not in present):
            continue
        client.call(f"{cls}.remove_from_other_config", ref, key)
        if value:
            client.call(f"{cls}.add_to_other_config", ref, key, value)
