"""The vCenter that the conformance suite runs against: the simulator of the rig, or any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any, Self
from urllib.parse import unquote
from uuid import UUID, uuid4

from pyVmomi import vim

from hypervisors.conformance import Native
from hypervisors.conformance.bench import Hardware
from hypervisors.conformance.guest import of_guestinfo
from hypervisors.contract import Hypervisor, Seed, Target
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.console import Console, Device, stored
from tests.rigs.libvirt import certificates
from tests.rigs.relay import ADDRESS, Relay
from tests.rigs.vcenter import VcenterRig

OURS = ("conf-", "hand-", "lh-conf-", "<b>")
"""How the names begin of what may be taken away."""
LOOSE_KIB = 2048
POWERS = {"poweredOn": "on", "poweredOff": "off", "suspended": "suspended"}


class VcenterBench:
    """Adapters go through a relay, which counts their requests and goes dark; the console does not."""

    memory_mib = 64
    patience = 30.0
    gaps: Mapping[int, str] = {}
    unproven: Mapping[int, str] = {
        11: "The simulator lets two machines have one name and one UUID; a vCenter refuses the second.",
        159: "The simulator copies the image's MAC addresses.",
        163: "The simulator reverts nothing on a disk.",
        164: "The simulator reverts nothing on a disk, and does not stop the machine.",
        165: "The simulator tells the machine's power as the snapshot's.",
        166: "The simulator reverts nothing on a disk.",
        168: "The simulator reverts nothing on a disk.",
        291: "The simulator does not compare the version of a configuration before it changes it.",
    }

    def __init__(self, rig: VcenterRig) -> None:
        self._begin(rig.target(timeout=10))
        self.image_mib = 16
        image = self._made("conf-image", disk_mib=self.image_mib)
        self.console.add_card(image, "VM Network")
        image.MarkAsTemplate()
        self.image_ref = image._GetMoId()

    @classmethod
    def of(cls, target: Target) -> Self:
        """Any other vCenter, with the smallest template that it has."""
        bench = cls.__new__(cls)
        bench._begin(target)
        templates = {
            vm._GetMoId(): disks[0].capacityInKB // 1024
            for vm, told in bench.console.every(vim.VirtualMachine, "config.template")
            if told.get("config.template") and (disks := bench.console.disks_of(vm))
        }
        bench.image_ref = min(templates, key=templates.__getitem__)
        bench.image_mib = templates[bench.image_ref]
        bench.patience = 900.0
        return bench

    def _begin(self, target: Target) -> None:
        self.console = Console(target)
        authority, identity = _papers()
        self.relay = Relay((target.address, target.port or 443), tls=identity, ca_pem=target.ca_pem)
        self.relay.__enter__()
        self.target = replace(target, address=ADDRESS, port=self.relay.port, ca_pem=authority.pem)
        cluster, told = self.console.every(vim.ClusterComputeResource, "resourcePool", "network", "datastore")[0]
        self.pool = told["resourcePool"]
        self.pool_ref = f"ClusterComputeResource:{cluster._GetMoId()}"
        self.network_ref = self._network(told["network"])
        self.store_ref = told["datastore"][0]._GetMoId()
        self.store = self.console.told(told["datastore"][0], "name")["name"]
        self._open: list[Hypervisor] = []
        self._fields: list[int] = []
        self._loose: list[str] = []

    def _network(self, networks: Sequence[Any]) -> str:
        """The last one that machines may be in: in the simulator not the one that the image is in."""
        names = {one: self.console.told(one, "name")["name"] for one in networks}
        network = [one for one, name in names.items() if "DVUplinks" not in name][-1]
        return f"{type(network).__name__.rpartition('.')[2]}:{network._GetMoId()}"

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        self._open.append(Vmware(replace(self.target, read_only=read_only)))
        return self._open[-1]

    def close(self) -> None:
        for hv in self._open:
            hv.close()
        self.relay.__exit__()
        for vm, told in self.console.every(vim.VirtualMachine, "name"):
            if unquote(told["name"]).startswith(OURS):
                self.console.destroy(vm)
        for folder, told in self.console.every(vim.Folder, "name"):
            if told["name"].startswith(OURS):
                self.console.finish(folder.Destroy_Task())
        for key in self._fields:
            self.console.content.customFieldsManager.RemoveCustomFieldDef(key)
        retired = [
            f"[{name}] {path}"
            for _, name, path in self.console.disk_files()
            if path.startswith(("leasehold-retired-conf-", "leasehold-retired-op-"))
        ]
        for path in (*self._loose, *retired):
            with suppress(vim.fault.FileNotFound):
                manager = self.console.content.virtualDiskManager
                self.console.finish(manager.DeleteVirtualDisk_Task(path, self.console.datacenter()))
        self.console.close()

    # What people do

    def _made(self, name: str, *, disk_mib: int = 16, **fields: Any) -> Any:
        place = {"pool": self.pool, "store": self.store}
        return self.console.create(name, memory_mib=self.memory_mib, disk_mib=disk_mib, **place, **fields)

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        owner = vim.ext.ManagedByInfo(extensionKey=managed_by, type="machine") if managed_by else None
        vm = self._made(name, annotation=note, managedBy=owner)
        if on:
            self.console.finish(vm.PowerOnVM_Task())
        return str(vm._GetMoId())

    def copy_by_hand(self, ref: str, name: str) -> str:
        """A real vCenter copies notes and keys; and it leaves the source's disks where they are. The simulator neither
        copies the ones nor leaves the others, so that both are mended here."""
        vm = self.console.vm(ref)
        before, notes = self.console.disks_of(vm), self.console.told(vm, "config.annotation").get("config.annotation")
        keys = [vim.option.OptionValue(key=k, value=v) for k, v in self.console.extra_config(vm).items()]
        spec = vim.vm.CloneSpec(
            location=vim.vm.RelocateSpec(pool=self.pool),
            config=vim.vm.ConfigSpec(instanceUuid=str(uuid4()), extraConfig=keys),
            powerOn=False,
            template=False,
        )
        copy = self.console.finish(vm.CloneVM_Task(self.console.folder(), stored(name), spec))
        self.console.reconfigure(copy, annotation=notes)
        after = {disk.key: disk.backing.fileName for disk in self.console.disks_of(vm)}
        moved = [disk for disk in before if after.get(disk.key) != disk.backing.fileName]
        edits = [Device.VirtualDeviceSpec(operation="edit", device=disk) for disk in moved]
        self.console.reconfigure(vm, deviceChange=edits)
        return str(copy._GetMoId())

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.console.finish(self.console.vm(ref).Rename_Task(stored(name)))

    def file_by_hand(self, ref: str, folder: str) -> bool:
        parent = self.console.folder().CreateFolder(stored(folder))
        self.console.finish(parent.MoveIntoFolder_Task([self.console.vm(ref)]))
        return True

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        self._fields.append(self.console.add_field(name))
        self.console.content.customFieldsManager.SetField(self.console.vm(ref), self._fields[-1], value)
        return True

    def loose_disk_by_hand(self, name: str) -> str:
        path = f"[{self.store}] {name}.vmdk"
        spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
            capacityKb=LOOSE_KIB, diskType="thin", adapterType="lsiLogic"
        )
        manager = self.console.content.virtualDiskManager
        self.console.finish(manager.CreateVirtualDisk_Task(path, self.console.datacenter(), spec))
        self._loose.append(path)
        return f"{self.store_ref}:{name}.vmdk"

    def _path(self, file_ref: str) -> str:
        return f"[{self.store}] {file_ref.removeprefix(f'{self.store_ref}:')}"

    def attach_by_hand(self, ref: str, file_ref: str) -> None:
        self.console.mount(self.console.vm(ref), self._path(file_ref))

    def scribble(self, ref: str, text: str) -> None:
        disk = self.console.disks_of(self.console.vm(ref))[0]
        self._write(disk.backing.fileName, text, disk.capacityInKB * 1024)

    def scribble_file(self, file_ref: str, text: str) -> None:
        self._write(self._path(file_ref), text, LOOSE_KIB * 1024)

    def _write(self, path: str, text: str, size: int) -> None:
        """A disk without snapshots is one file, byte for byte."""
        request = self.console.content_of(path)
        request.data, request.method = text.encode().ljust(size, b"\0"), "PUT"
        self.console.ask(request)

    # What is shown

    def machines(self) -> Mapping[str, Native]:
        return {
            vm._GetMoId(): Native(uuid or UUID(int=0), name, power == "poweredOn")
            for vm, name, uuid, power in self.console.machines()
        }

    def hardware(self, ref: str) -> Hardware:
        vm = self.console.vm(ref)
        paths = ("runtime.powerState", "config.hardware", "snapshot")
        told = self.console.told(vm, *paths)
        made = told["config.hardware"]
        return Hardware(
            power=POWERS[told["runtime.powerState"]],
            vcpus=made.numCPU,
            memory_mib=made.memoryMB,
            disks_mib=tuple(d.capacityInKB // 1024 for d in made.device if isinstance(d, Device.VirtualDisk)),
            macs=frozenset(
                (d.macAddress or "").lower() for d in made.device if isinstance(d, Device.VirtualEthernetCard)
            ),
            snapshots=frozenset(_names(told["snapshot"].rootSnapshotList) if told.get("snapshot") else ()),
        )

    def disks(self) -> set[str]:
        """What is mounted by the reference that the adapter gives it, what is not by its file."""
        files = {f"[{name}] {path}": f"{store}:{path}" for store, name, path in self.console.disk_files()}
        found: set[str] = set()
        for vm, told in self.console.every(vim.VirtualMachine, "config.template", "config.files.vmPathName"):
            home = told["config.files.vmPathName"].rpartition("/")[0]
            if told.get("config.template"):
                files = {path: ref for path, ref in files.items() if path.rpartition("/")[0] != home}
                continue
            for disk in self.console.disks_of(vm):
                if disk.backing.fileName in files:
                    found.add(f"{disk.key}:{disk.backing.uuid or _lowest(disk.backing)}")
                    del files[disk.backing.fileName]
        return found | set(files.values())

    def scribbled(self, ref: str) -> str:
        return self._read(self.console.disks_of(self.console.vm(ref))[0].backing.fileName)

    def scribbled_file(self, file_ref: str) -> str:
        return self._read(self._path(file_ref))

    def _read(self, path: str) -> str:
        request = self.console.content_of(path)
        request.add_header("Range", "bytes=0-511")
        return self.console.ask(request).rstrip(b"\0").decode()

    def seed_in(self, ref: str) -> Seed | None:
        return of_guestinfo(self.console.extra_config(self.console.vm(ref)))

    def note_of(self, ref: str) -> str:
        return str(self.console.told(self.console.vm(ref), "config.annotation").get("config.annotation", ""))

    def shown_on(self, ref: str) -> str:
        values = self.console.told(self.console.vm(ref), "customValue").get("customValue", ())
        latest = {one.key: one.value for one in values}  # the simulator keeps the earlier ones too
        return "\n".join([self.note_of(ref), *latest.values()])

    def calls(self) -> int | None:
        return len(self.relay.calls)

    # What befalls it

    def go_dark(self) -> None:
        self.relay.refuse()

    def come_back(self) -> None:
        self.relay.answer()


@cache
def _papers() -> tuple[certificates.Identity, certificates.Identity]:
    """An authority and the relay's certificate: keys take a moment to make."""
    authority = certificates.authority()
    return authority, certificates.issued("relay", authority)


def _names(tree: Any) -> list[str]:
    return [name for node in tree or () for name in (unquote(node.name), *_names(node.childSnapshotList))]


def _lowest(backing: Any) -> str:
    while backing.parent is not None:
        backing = backing.parent
    return str(backing.fileName)
