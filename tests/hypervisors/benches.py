"""The libvirt that the conformance suite runs against."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID, uuid4
from xml.sax.saxutils import escape

from hypervisors.conformance import Native
from hypervisors.contract import Hypervisor
from hypervisors.kvm.adapter import Kvm
from tests.rigs.libvirt import LibvirtRig

DOMAIN = """
<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><description>{note}</description>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os><features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
  </devices>
</domain>
"""


class KvmBench:
    """A libvirt of the test's own, cleared after each promise."""

    memory_mib = 16
    patience = 90.0
    gaps: Mapping[int, str] = {
        27: "A host is its only pool: an order cannot name another one that this connection could look for.",
        28: "QEMU promises memory that it does not have until the guest touches it.",
        65: "libvirt has no field for it; the marks of other systems are tested with the adapter.",
    }

    unproven: Mapping[int, str] = {}

    def __init__(self, rig: LibvirtRig) -> None:
        self.rig = rig
        self.image_ref = rig.image("deaf")
        self.image_mib = rig.image_mib
        self._open: list[Hypervisor] = []
        self.pool_ref = self.connect(read_only=True).inventory().pools[0].ref

    def connect(self, *, read_only: bool = False) -> Hypervisor:
        self._open.append(Kvm(self.rig.target(read_only=read_only)))
        return self._open[-1]

    def close(self) -> None:
        for hv in self._open:
            hv.close()
        for ref in self.rig.virsh("list", "--all", "--uuid").stdout.split():
            self.rig.virsh("destroy", ref, check=False)  # paused ones too; those that are off refuse
            self.rig.virsh("undefine", ref)
        for disk in self.rig.volumes():
            (self.rig.root / "machines" / disk).unlink()
        self.rig.virsh("pool-refresh", "machines")

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        ref = str(uuid4())
        disk = self.rig.root / "machines" / f"{ref}.qcow2"
        self.rig.virsh("vol-create-as", "machines", disk.name, "1M", "--format", "qcow2")
        self._define(DOMAIN.format(name=escape(name), uuid=ref, note=escape(note), disk=disk))
        if on:
            self.rig.virsh("start", ref)
        return ref

    def _define(self, xml: str) -> None:
        file = self.rig.root / "by-hand.xml"
        file.write_text(xml)
        self.rig.virsh("define", str(file))

    def copy_by_hand(self, ref: str, name: str) -> str:
        xml, new = self.rig.virsh("dumpxml", ref, "--inactive").stdout, str(uuid4())
        disk = next(line.split("'")[1] for line in xml.splitlines() if "<source file=" in line)
        copy = f"{new}.qcow2"
        self.rig.virsh("vol-create-as", "machines", copy, "1M", "--format", "qcow2")
        old_name = self.machines()[ref].name
        xml = xml.replace(f"<name>{old_name}<", f"<name>{name}<").replace(f"<uuid>{ref}<", f"<uuid>{new}<")
        xml = xml.replace(disk, str(Path(disk).with_name(copy)))
        self._define("\n".join(line for line in xml.splitlines() if "<mac address=" not in line))
        return new

    def rename_by_hand(self, ref: str, name: str) -> None:
        self.rig.virsh("domrename", ref, name)

    def machines(self) -> Mapping[str, Native]:
        refs = self.rig.virsh("list", "--all", "--uuid").stdout.split()
        running = set(self.rig.virsh("list", "--state-running", "--uuid").stdout.split())
        return {ref: Native(UUID(ref), self.rig.virsh("domname", ref).stdout.strip(), ref in running) for ref in refs}

    def disks(self) -> set[str]:
        return {str(self.rig.root / "machines" / name) for name in self.rig.volumes()}

    def note_of(self, ref: str) -> str:
        return self.rig.virsh("desc", ref).stdout

    def shown_on(self, ref: str) -> str:
        return "\n".join(self.rig.virsh("desc", ref, *more).stdout for more in ([], ["--title"]))

    def go_dark(self) -> None:
        self.rig.kill_daemon()

    def come_back(self) -> None:
        self.rig.start_daemon()
        deadline = time.monotonic() + 10
        while not self.rig.socket.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
