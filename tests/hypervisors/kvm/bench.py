"""The libvirt that the conformance suite runs against, seen through virsh."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from hypervisors.conformance import Hardware, Native
from hypervisors.conformance.guest import of_image
from hypervisors.contract import Hypervisor, Seed, Target
from hypervisors.kvm.adapter import Kvm
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.relay import LibvirtRelay

DOMAIN = """
<domain type='{type}'>
  <name>{name}</name><uuid>{uuid}</uuid><description>{note}</description><metadata>{managed_by}</metadata>
  <memory unit='MiB'>{memory_mib}</memory><vcpu>1</vcpu>
  <os><type arch='{arch}'>hvm</type></os><features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
"""
MANAGED = (
    "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>{}</nova:name></nova:instance>"
)
"""libvirt has no word of its own for it; this is how OpenStack says so."""
POWER = {"running": "on", "paused": "suspended", "shut off": "off"}
SCRIBBLED_AT = 512 * 1024
SCRIBBLED = 512


class KvmBench:
    """A libvirt of the test's own, cleared after each promise; the way of the adapter to it is a relay that counts."""

    patience = 90.0
    gaps: Mapping[int, str] = {
        267: "libvirt tells the definition of one machine at a time: a scan has a call for each, and few more.",
        268: "libvirt tells the definition of one machine at a time: a look has a call for each, and few more.",
    }
    unproven: Mapping[int, str] = {}

    def __init__(self, rig: LibvirtRig) -> None:
        self._begin(rig.target())
        self.memory_mib, self.foreign, self.foreign_disks = 16, set[str](), set[str]()
        self.image_ref, self.image_mib = "deaf.qcow2", rig.image_mib
        self.network_ref = "lab"

    @classmethod
    def of(cls, target: Target) -> Self:
        """Any other host that is reached by a socket, here or forwarded here, with the smallest image that it has."""
        if target.transport != "unix":
            raise ValueError(
                "The bench asks a host by a socket; forward it: ssh -L PATH:/run/libvirt/libvirt-sock HOST."
            )
        bench = cls.__new__(cls)
        bench.patience = 900.0
        bench._begin(target)
        bench.memory_mib, bench.foreign, bench.foreign_disks = 512, set(bench._refs()), bench.disks()
        found = [
            (bench._mib("vol-info", name, "--pool", pool, field="Capacity"), name)
            for pool in bench._lines("pool-list", "--name")
            if pool.startswith("images")
            for name in (line.split()[0] for line in bench._lines("vol-list", pool))
            if name.endswith(".qcow2")
        ]
        bench.image_mib, bench.image_ref = min(found)
        bench.network_ref = bench._lines("net-list", "--name")[0]
        return bench

    def _begin(self, target: Target) -> None:
        self.uri = f"qemu+unix:///system?socket={target.path}"
        self.relay = LibvirtRelay(Path(target.path))
        self.relay.__enter__()
        self.target = replace(target, path=str(self.relay.path), read_only=False)
        self.folder = tempfile.TemporaryDirectory(prefix="lh-bench-")
        self._open: list[Hypervisor] = []
        self.pool_ref = "hosts"
        root = ET.fromstring(self.virsh("pool-dumpxml", "machines"))  # noqa: S314 - of libvirt itself
        self.machines_folder = Path(root.findtext("target/path", ""))
        capabilities = ET.fromstring(self.virsh("capabilities"))  # noqa: S314 - of libvirt itself
        self.arch = capabilities.findtext("host/cpu/arch", "")
        virtual = capabilities.find("guest/arch/domain[@type='kvm']") is not None
        self.type = "kvm" if virtual else "qemu"

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        self._open.append(Kvm(replace(self.target, read_only=read_only)))
        return self._open[-1]

    def close(self) -> None:
        for hv in self._open:
            hv.close()
        refs = set(self._refs()) - self.foreign
        if refs:  # paused ones are destroyed, too; those that are off refuse
            forget = "undefine {0} --snapshots-metadata --managed-save"
            self.virsh("; ".join(f"destroy {ref}; {forget.format(ref)}" for ref in refs), check=False)
            if left_over := set(self._refs()) - self.foreign:
                raise RuntimeError(f"Machines are left: {left_over}")
        if left := self.disks() - self.foreign_disks:
            self.virsh("; ".join(f"vol-delete '{path}'" for path in left))
        self.relay.__exit__()
        self.folder.cleanup()

    def virsh(self, *args: str, check: bool = True) -> str:
        command = ["virsh", "-q", "-c", self.uri, *args]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ, "LC_ALL": "C"}
        )
        if check and done.returncode:
            raise RuntimeError(f"virsh {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def _lines(self, *args: str) -> list[str]:
        return [line.strip() for line in self.virsh(*args).splitlines() if line.strip()]

    def _refs(self) -> list[str]:
        return self._lines("list", "--all", "--uuid")

    def _file(self, name: str) -> str:
        return str(Path(self.folder.name) / name)

    def _mib(self, *args: str, field: str) -> int:
        line = next(line for line in self._lines(*args, "--bytes") if line.startswith(field))
        return -(-int(line.split()[1]) // (1 << 20))

    # What people do

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        ref = str(uuid4())
        self.virsh("vol-create-as", "machines", f"hand-{ref}.qcow2", "1M", "--format", "qcow2")
        xml = DOMAIN.format(
            type=self.type,
            arch=self.arch,
            name=escape(name),
            uuid=ref,
            note=escape(note),
            managed_by=MANAGED.format(escape(managed_by)) if managed_by else "",
            memory_mib=self.memory_mib,
            disk=self.machines_folder / f"hand-{ref}.qcow2",
        )
        self._define(xml)
        if on:
            self.virsh("start", ref)
        return ref

    def _define(self, xml: str) -> None:
        file = self._file("by-hand.xml")
        Path(file).write_text(xml)
        self.virsh("define", file)

    def copy_by_hand(self, ref: str, name: str) -> str:
        root, new = self._xml(ref), str(uuid4())
        disk = f"hand-{new}.qcow2"
        self.virsh("vol-create-as", "machines", disk, "1M", "--format", "qcow2")
        for tag, text in (("name", name), ("uuid", new)):
            node = root.find(tag)
            assert node is not None
            node.text = text
        source = root.find("devices/disk[@device='disk']/source")
        assert source is not None
        source.set("file", str(self.machines_folder / disk))
        for nic in root.iterfind("devices/interface"):
            nic.remove(nic.find("mac"))  # type: ignore[arg-type]
        self._define(ET.tostring(root, encoding="unicode"))
        return new

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.virsh("domrename", ref, name)

    def file_by_hand(self, ref: str, folder: str) -> bool:
        return False

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        return False

    def loose_disk_by_hand(self, name: str) -> str:
        self.virsh("vol-create-as", "machines", f"{name}.qcow2", "1M", "--format", "qcow2")
        return str(self.machines_folder / f"{name}.qcow2")

    def attach_by_hand(self, ref: str, file_ref: str) -> None:
        self.virsh("attach-disk", ref, file_ref, "vdb", "--config", "--driver", "qemu", "--subdriver", "qcow2")

    def scribble(self, ref: str, text: str) -> None:
        self.scribble_file(self._first_disk(ref), text)

    def scribble_file(self, file_ref: str, text: str) -> None:
        """Takes the file home, writes into it there, and brings it back: libvirt writes files, not what is in them."""
        path, file, pattern = file_ref, self._file("disk.qcow2"), self._file("pattern")
        Path(pattern).write_bytes(text.encode("ascii").ljust(SCRIBBLED, b"\0"))
        self.virsh("vol-download", path, file)
        self._qemu_io(file, f"write -s {pattern} {SCRIBBLED_AT} {SCRIBBLED}")
        self.virsh("vol-upload", path, file)

    def scribbled(self, ref: str) -> str:
        return self.scribbled_file(self._first_disk(ref))

    def scribbled_file(self, file_ref: str) -> str:
        file = self._file("disk.qcow2")
        self.virsh("vol-download", file_ref, file)
        dump = self._qemu_io(file, f"read -v {SCRIBBLED_AT} {SCRIBBLED}")
        lines = [
            line.split(":", 1)[1].split()[:16] for line in dump.splitlines() if line[:8].strip("0123456789abcdef") == ""
        ]
        return bytes.fromhex("".join("".join(parts) for parts in lines)).rstrip(b"\0").decode("ascii")

    @staticmethod
    def _qemu_io(file: str, command: str) -> str:
        done = ["qemu-io", "-f", "qcow2", "-c", command, file]
        return subprocess.run(done, check=True, capture_output=True, text=True, timeout=60).stdout

    def _first_disk(self, ref: str) -> str:
        return self._disk_paths(self._xml(ref))[0]

    # What the host's own tools show

    def _xml(self, ref: str, *, running: bool = False) -> ET.Element:
        more = [] if running else ["--inactive"]
        return ET.fromstring(self.virsh("dumpxml", ref, *more))  # noqa: S314 - of libvirt itself

    @staticmethod
    def _disk_paths(root: ET.Element) -> list[str]:
        return [source.get("file", "") for source in root.iterfind("devices/disk[@device='disk']/source")]

    def machines(self) -> Mapping[str, Native]:
        running = set(self._lines("list", "--state-running", "--uuid"))
        names = {ref: self.virsh("domname", ref).strip("\n") for ref in self._refs()}
        return {ref: Native(UUID(ref), name, ref in running) for ref, name in names.items()}

    def hardware(self, ref: str) -> Hardware:
        root = self._xml(ref, running=True)
        vcpu = root.find("vcpu")
        assert vcpu is not None
        return Hardware(
            power=POWER[self.virsh("domstate", ref).strip()],
            vcpus=int(vcpu.get("current") or vcpu.text or 0),
            memory_mib=int(root.findtext("memory", "0")) // 1024,
            disks_mib=tuple(self._mib("vol-info", path, field="Capacity") for path in self._disk_paths(root)),
            macs=frozenset(mac.get("address", "").lower() for mac in root.iterfind("devices/interface/mac")),
            snapshots=frozenset(self._lines("snapshot-list", ref, "--name")),
        )

    def disks(self) -> set[str]:
        self.virsh("pool-refresh", "machines", check=False)  # refused while a copy is being made there
        return {str(self.machines_folder / line.split()[0]) for line in self._lines("vol-list", "machines")}

    def seed_in(self, ref: str) -> Seed | None:
        for source in self._xml(ref, running=True).iterfind("devices/disk[@device='cdrom']/source"):
            file = self._file("medium.iso")
            if not source.get("file"):
                continue
            self.virsh("vol-download", source.get("file", ""), file)
            if (found := of_image(Path(file).read_bytes())) is not None:
                return found
        return None

    def note_of(self, ref: str) -> str:
        return self.virsh("desc", ref)

    def shown_on(self, ref: str) -> str:
        return "\n".join([*(self.virsh("desc", ref, *more) for more in ([], ["--title"])), self.virsh("dumpxml", ref)])

    def calls(self) -> int | None:
        return len(self.relay.calls)

    def go_dark(self) -> None:
        self.relay.refuse()

    def come_back(self) -> None:
        self.relay.answer()
