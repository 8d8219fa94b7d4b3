"""What a machine is made of: size, disks, NICs, name."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from pyVmomi import vim

from hypervisors.checks import check_disk, check_key
from hypervisors.contract import AddDisk, AddNic, GrowDisk, Power, RemoveDisk, RemoveNic, Rename, Resize, mac_of
from hypervisors.errors import InvalidRequest, NameTaken, NotFound, WrongState
from hypervisors.vmware import machines, networks, places
from hypervisors.vmware.client import Client
from hypervisors.vmware.mapping import escaped, unescaped
from hypervisors.vmware.rows import reference
from hypervisors.vmware.verbs import Target, Verb
from hypervisors.words import check_name

RESERVED_UNIT = 7
"""Of a SCSI controller: its own."""

Change = vim.vm.device.VirtualDeviceSpec


def reconfigure(target: Target, *changes: Any, **fields: Any) -> Any:
    """Of the machine as it was looked at: a vCenter refuses when somebody has changed it since."""
    seen = target.row.get("config.changeVersion") or None
    return target.vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeVersion=seen, deviceChange=list(changes), **fields))


def _has_size(target: Target, order: Resize) -> str | None:
    now = (target.row.get("config.hardware.numCPU"), target.row.get("config.hardware.memoryMB"))
    return "" if now == (order.vcpus, order.memory_mib) else None


def _check_size(order: Resize) -> None:
    if order.vcpus < 1 or order.memory_mib < 4 or order.memory_mib % 4:
        raise InvalidRequest("A machine needs a processor at least, and memory in steps of 4 MiB.")


def _resize(target: Target, order: Resize) -> Any:
    if target.power is not Power.OFF:
        raise WrongState("The machine has to be off for this.")
    return reconfigure(target, **sizing(target, order.vcpus, order.memory_mib))


def sizing(target: Target, vcpus: int, memory_mib: int) -> dict[str, int]:
    """Sockets are whole: where the number of cores in one does not go into that of processors, each has a socket."""
    cores = target.row.get("config.hardware.numCoresPerSocket") or 1
    return {"numCPUs": vcpus, "numCoresPerSocket": 1 if vcpus % cores else cores, "memoryMB": memory_mib}


def _disk(target: Target, ref: str) -> Any:
    return next((disk for disk in machines.disks(target.row) if machines.disk_ref(disk) == ref), None)


def _has_disk(target: Target, order: AddDisk) -> str | None:
    disks = machines.disks(target.row)
    return next((machines.disk_ref(one) for one in disks if machines.disk_facts(one).key == order.key), None)


def _add_disk(target: Target, order: AddDisk) -> Any:
    """Its file is named after the order's key: that is how it is known again."""
    controller, unit = _free_place(target)
    folder = _home(target, order.datastore_ref)
    disk = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=controller,
        unitNumber=unit,
        capacityInKB=order.size_mib * 1024,
        capacityInBytes=order.size_mib << 20,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            fileName=f"{folder}{machines.KEYED}{order.key}.vmdk", diskMode="persistent", thinProvisioned=True
        ),
    )
    return reconfigure(target, Change(operation="add", fileOperation="create", device=disk))


def _free_place(target: Target) -> tuple[int, int]:
    """A controller that can take another disk, SCSI first, and a free unit on it."""
    device = vim.vm.device
    kinds = ((device.VirtualSCSIController, 16), (device.VirtualSATAController, 30), (device.VirtualNVMEController, 15))
    for kind, units in kinds:
        for controller in machines.devices(target.row, kind):
            taken = {one.unitNumber for one in target.row.get("config.hardware.device") if _sits_on(one, controller)}
            taken |= {RESERVED_UNIT} if kind is device.VirtualSCSIController else set()
            free = next((unit for unit in range(units) if unit not in taken), None)
            if free is not None:
                return controller.key, free
    raise InvalidRequest("The machine has no place for another disk.")


def _sits_on(device: Any, controller: Any) -> bool:
    return bool(device.controllerKey == controller.key)


def folder_of(path: str) -> str:
    """Of a file on a datastore, without the datastore."""
    return path.partition("] ")[2].rpartition("/")[0]


def _home(target: Target, datastore_ref: str) -> str:
    """Folder for a new file: the machine's own, or one of that name on the datastore that was asked for."""
    own = str(target.row.get("config.files.vmPathName") or "")
    datastore, folder = own.partition("]")[0].removeprefix("["), folder_of(own)
    if datastore_ref:
        row = target.client.read_one(target.client.object(vim.Datastore, datastore_ref), ["name"])
        if row is None:
            raise NotFound("There is no such datastore on this vCenter.")
        if (name := unescaped(row.get("name"))) != datastore:
            datastore = name
            _make_folder(target, f"[{datastore}] {folder}")
    return f"[{datastore}] {folder}/"


def _make_folder(target: Target, path: str) -> None:
    centre = places.datacenter_of(target.client, target.vm)
    with suppress(vim.fault.FileAlreadyExists):
        target.client.content.fileManager.MakeDirectory(path, centre, True)


def _is_grown(target: Target, order: GrowDisk) -> str | None:
    disk = _disk(target, order.disk_ref)
    if disk is None:
        raise NotFound("The machine has no such disk.")
    if order.size_mib < machines.mib(disk):
        raise InvalidRequest("The disk is larger than that; nothing is cut off.")
    return "" if machines.mib(disk) == order.size_mib else None


def _grow(target: Target, order: GrowDisk) -> Any:
    disk = _disk(target, order.disk_ref)
    if len(machines.chain(disk)) > 1 or target.row.get("snapshot") is not None:
        raise WrongState("A disk with snapshots cannot grow; remove them first.")
    return reconfigure(target, grown(disk, order.size_mib))


def grown(disk: Any, size_mib: int) -> Any:
    larger = copy.copy(disk)
    larger.capacityInKB, larger.capacityInBytes = size_mib * 1024, size_mib << 20
    return Change(operation="edit", device=larger)


def _has_no_disk(target: Target, order: RemoveDisk) -> str | None:
    disk = _disk(target, order.disk_ref)
    if disk is not None and disk is machines.disks(target.row)[0]:
        raise InvalidRequest("The first disk is the machine itself.")
    return "" if disk is None else None


def _remove_disk(target: Target, order: RemoveDisk) -> Any:
    disk = _disk(target, order.disk_ref)
    return reconfigure(target, Change(operation="remove", fileOperation="destroy", device=disk))


def _has_nic(target: Target, order: AddNic) -> str | None:
    cards = machines.cards(target.row)
    return next((machines.nic_ref(one) for one in cards if (one.macAddress or "").lower() == mac_of(order.key)), None)


def _check_nic(order: AddNic) -> None:
    check_key(order.key)


def _add_nic(target: Target, order: AddNic) -> Any:
    card = vim.vm.device.VirtualVmxnet3(
        key=-1,
        addressType="manual",
        macAddress=mac_of(order.key),
        backing=networks.backing(target.client, order.network_ref),
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            startConnected=True, connected=target.power is Power.ON, allowGuestControl=True
        ),
    )
    return reconfigure(target, Change(operation="add", device=card))


def _nic(target: Target, ref: str) -> Any:
    return next((card for card in machines.cards(target.row) if machines.nic_ref(card) == ref), None)


def _has_no_nic(target: Target, order: RemoveNic) -> str | None:
    return "" if _nic(target, order.nic_ref) is None else None


def _remove_nic(target: Target, order: RemoveNic) -> Any:
    return reconfigure(target, Change(operation="remove", device=_nic(target, order.nic_ref)))


def _has_name(target: Target, order: Rename) -> str | None:
    return "" if unescaped(target.row.get("name", "")) == order.name else None


def _rename(target: Target, order: Rename) -> Any:
    check_free(target.client, target.row.get("parent"), order.name, but=target.row.ref)
    return target.vm.Rename_Task(escaped(order.name))


def check_free(client: Client, folder: Any, name: str, *, but: str = "") -> None:
    """A name is free once in a folder; the server has the last word."""
    other = client.find_child(folder, name) if folder is not None else None
    if other is not None and reference(other) != but:
        raise NameTaken(f"Another machine in this folder is called {name}.")


FILES = ("config.files.vmPathName",)

RESIZE = Verb("resizing", _has_size, _resize, check=_check_size)
ADD_DISK = Verb("disk", _has_disk, _add_disk, check=check_disk, paths=FILES)
GROW_DISK = Verb("disk", _is_grown, _grow)
REMOVE_DISK = Verb("disk", _has_no_disk, _remove_disk)
ADD_NIC = Verb("network", _has_nic, _add_nic, check=_check_nic)
REMOVE_NIC = Verb("network", _has_no_nic, _remove_nic)
RENAME = Verb("renaming", _has_name, _rename, check=lambda order: check_name(order.name))
