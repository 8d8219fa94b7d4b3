"""The hypervisors themselves, asked past the portal: what exists, what it carries, what was left lying about."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from hypervisors.simulated.datacentre import DataCentre
from tests.journeys.site import Site
from tests.rigs.libvirt import LibvirtRig

NAMESPACE = "urn:leasehold:machine:1"


@dataclass(frozen=True)
class Vm:
    """A machine as the hypervisor's own tools show it."""

    uuid: str
    name: str
    on: bool
    words: str
    """Everything that can be read on it there."""
    stamp: str
    disks: frozenset[str]


class Estate(Protocol):
    endpoint: str
    blueprint: str
    size: str
    copies_slowly: bool
    """Somebody who looks sees a copy under way."""

    def machines(self) -> list[Vm]: ...

    def stray(self) -> set[str]:
        """Disks that no machine has."""

    def copying(self, uuid: str) -> bool:
        """Is the image being copied into this machine's disk right now?"""

    def make_by_hand(self, name: str) -> None: ...


class Offered(Estate, Protocol):
    """A hypervisor that is added through the pages."""

    kind: str
    form: dict[str, str]
    """What is filled in for it: label -> text."""
    image: str
    gib: tuple[str, str]
    """Memory and disk of the size that is offered."""


def vm_of(estate: Estate, uuid: str) -> Vm | None:
    found = [vm for vm in estate.machines() if vm.uuid == uuid]
    assert len(found) <= 1, found
    return found[0] if found else None


class SimulatedEstate:
    endpoint, blueprint, size = "Hamburg", "Ubuntu 24.04 LTS", "Small"
    copies_slowly = True

    def __init__(self, site: Site) -> None:
        self.dc = DataCentre(site.folder / "simulated" / "nordhafen.dc.sqlite3")
        self.dc.set_durations(0.3)
        self.dc.set("duration.clone", 5.0)

    def machines(self) -> list[Vm]:
        disks = self.dc.disks()
        return [
            Vm(
                uuid=row["uuid"],
                name=row["name"],
                on=row["power"] == "on",
                words="\n".join([row["note"], *row["fields"].values()]),
                stamp=row["stamp"],
                disks=frozenset(disk["path"] for disk in disks if disk["machine_ref"] == row["ref"]),
            )
            for row in self.dc.machines()
        ]

    def stray(self) -> set[str]:
        return {disk["path"] for disk in self.dc.disks() if not disk["machine_ref"]}

    def copying(self, uuid: str) -> bool:
        return any(row["building"] for row in self.dc.machines() if row["uuid"] == uuid)

    def make_by_hand(self, name: str) -> None:
        self.dc.make_machine_by_hand(name, created_by="root", note="Somebody's quick test")


DOMAIN = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><description>Somebody's quick test</description>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>
"""


class LibvirtEstate:
    endpoint, blueprint, size, image = "Rack 4", "Boots at once", "Tiny", "polite"
    kind, gib, copies_slowly = "kvm", ("0.063", "0.375"), True

    def __init__(self, rig: LibvirtRig) -> None:
        self.rig = rig
        self.form = {"Transport": "unix", "Sockets": str(rig.socket)}

    def machines(self) -> list[Vm]:
        return [self._vm(uuid) for uuid in self.rig.virsh("list", "--all", "--uuid").stdout.split()]

    def _vm(self, uuid: str) -> Vm:
        root = ET.fromstring(self.rig.virsh("dumpxml", uuid).stdout)  # noqa: S314 - of our own libvirt
        said = [("desc", uuid), ("desc", uuid, "--title"), ("metadata", uuid, NAMESPACE)]
        lease = root.find(f"metadata/{{{NAMESPACE}}}lease")
        return Vm(
            uuid=uuid,
            name=root.findtext("name", ""),
            on=self.rig.virsh("domstate", uuid).stdout.strip() == "running",
            words="\n".join(self.rig.virsh(*words, check=False).stdout for words in said),
            stamp="" if lease is None else lease.get("operation", ""),
            disks=frozenset(source.get("file", "") for source in root.iterfind("devices/disk/source")),
        )

    def stray(self) -> set[str]:
        taken = {Path(disk).name for vm in self.machines() for disk in vm.disks}
        return self.rig.volumes() - taken

    def copying(self, uuid: str) -> bool:
        return bool(self.rig.virsh("blockjob", uuid, "vda", "--info", check=False).stdout.strip())

    def make_by_hand(self, name: str) -> None:
        file = self.rig.root / f"{name}.xml"
        behind = ["--backing-vol", self.rig.image("polite"), "--backing-vol-format", "qcow2"]
        self.rig.virsh("vol-create-as", "machines", f"{name}.qcow2", "320M", "--format", "qcow2", *behind)
        disk = self.rig.root / "machines" / f"{name}.qcow2"
        file.write_text(DOMAIN.format(name=name, uuid=uuid.uuid4(), disk=disk))
        self.rig.virsh("define", str(file))

    def leave_disk(self, name: str) -> None:
        """As whoever removes a machine and forgets its disk. It lies on no image: of those no copy is made."""
        self.rig.virsh("vol-create-as", "machines", f"{name}.qcow2", "8M", "--format", "qcow2")
