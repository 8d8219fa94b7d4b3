"""What people do at each hypervisor's own console, past the portal: the benches of the conformance suite, and more."""

from __future__ import annotations

from typing import Any, Protocol
from xml.etree import ElementTree as ET

from hypervisors.contract import Target
from tests.hypervisors.kvm.bench import KvmBench
from tests.hypervisors.vmware.bench import VcenterBench
from tests.hypervisors.xen.bench import XenBench


class Hands(Protocol):
    """A console. References are those that the adapter tells, so that a test can name what it means."""

    target: Target
    copies_uuids: bool
    """A copy can have the UUID of its source, and a machine registered anew another reference."""

    def make(self, name: str) -> str: ...
    def rename(self, ref: str, name: str) -> None: ...
    def move(self, ref: str, folder: str) -> None: ...
    def turn(self, ref: str, *, on: bool) -> None: ...
    def delete(self, ref: str) -> None: ...
    def forget(self, ref: str) -> list[str]:
        """Takes the machine away and leaves its disks. Returns the references of the files."""

    def register_again(self, ref: str) -> str: ...
    def copy_with_uuid(self, ref: str, name: str) -> str: ...
    def leave_disk(self, name: str) -> str: ...
    def go_dark(self) -> None: ...
    def come_back(self) -> None: ...
    def close(self) -> None: ...


class OfBench:
    """What the benches know already."""

    copies_uuids = False

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.target: Target = bench.target

    def make(self, name: str) -> str:
        return str(self.bench.make_by_hand(f"hand-{name}"))

    def rename(self, ref: str, name: str) -> None:
        self.bench.rename_by_hand(ref, f"hand-{name}")

    def move(self, ref: str, folder: str) -> None:
        self.bench.file_by_hand(ref, f"hand-{folder}")

    def leave_disk(self, name: str) -> str:
        return str(self.bench.loose_disk_by_hand(f"hand-{name}"))

    def register_again(self, ref: str) -> str:
        raise NotImplementedError("References are UUIDs here.")

    def copy_with_uuid(self, ref: str, name: str) -> str:
        raise NotImplementedError("Here a UUID is there once.")

    def go_dark(self) -> None:
        self.bench.go_dark()

    def come_back(self) -> None:
        self.bench.come_back()

    def close(self) -> None:
        self.bench.close()


class OfVcenter(OfBench):
    bench: VcenterBench
    copies_uuids = True

    def turn(self, ref: str, *, on: bool) -> None:
        vm = self.bench.console.vm(ref)
        self.bench.console.finish(vm.PowerOnVM_Task() if on else vm.PowerOffVM_Task())

    def delete(self, ref: str) -> None:
        self.bench.console.destroy(self.bench.console.vm(ref))

    def forget(self, ref: str) -> list[str]:
        console, vm = self.bench.console, self.bench.console.vm(ref)
        paths = [disk.backing.fileName for disk in console.disks_of(vm)]
        vm.UnregisterVM()
        return [path.replace(f"[{self.bench.store}] ", f"{self.bench.store_ref}:") for path in paths]

    def register_again(self, ref: str) -> str:
        """The simulator forgets what stood in a machine's file, so it is told again."""
        told = self._told(ref)
        self.delete(ref)
        return self._made(told["name"], told["config.instanceUuid"])

    def copy_with_uuid(self, ref: str, name: str) -> str:
        return self._made(f"hand-{name}", self._told(ref)["config.instanceUuid"])

    def _told(self, ref: str) -> dict[str, str]:
        console = self.bench.console
        return dict(console.told(console.vm(ref), "name", "config.instanceUuid"))

    def _made(self, name: str, instance_uuid: str) -> str:
        place = {"pool": self.bench.pool, "store": self.bench.store, "memory_mib": 64, "disk_mib": 16}
        return str(self.bench.console.create(name, instanceUuid=instance_uuid, **place)._GetMoId())


class OfXen(OfBench):
    bench: XenBench

    def turn(self, ref: str, *, on: bool) -> None:
        vm = self.bench.xapi.VM.get_by_uuid(ref)
        if on:
            self.bench.xapi.VM.start(vm, False, False)
        else:
            self.bench.xapi.VM.hard_shutdown(vm)

    def move(self, ref: str, folder: str) -> None:
        self.bench.xapi.VM.remove_from_other_config(self.bench.xapi.VM.get_by_uuid(ref), "folder")
        super().move(ref, folder)

    def delete(self, ref: str) -> None:
        vm = self.bench.xapi.VM.get_by_uuid(ref)
        self.bench._destroy(vm, self.bench.xapi.VM.get_record(vm))

    def forget(self, ref: str) -> list[str]:
        vm = self.bench.xapi.VM.get_by_uuid(ref)
        disks = self.bench._disks(self.bench.xapi.VM.get_record(vm))
        self.bench.xapi.VM.destroy(vm)
        return [self.bench.xapi.VDI.get_uuid(disk) for disk in disks]


class OfLibvirt(OfBench):
    bench: KvmBench

    def turn(self, ref: str, *, on: bool) -> None:
        self.bench.virsh("start" if on else "destroy", ref)

    def move(self, ref: str, folder: str) -> None:
        """There are no folders: its description is what people file it by."""
        self.bench.virsh("desc", ref, "--config", folder)

    def delete(self, ref: str) -> None:
        for path in self.forget(ref):
            self.bench.virsh("vol-delete", path)

    def forget(self, ref: str) -> list[str]:
        root = ET.fromstring(self.bench.virsh("dumpxml", ref))  # noqa: S314 - of libvirt itself
        self.bench.virsh("undefine", ref)
        return [source.get("file", "") for source in root.findall("devices/disk[@device='disk']/source")]
