"""Domain XML: what we write for a machine of ours, and what we read of any machine. No text is trusted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree as ET

from hypervisors.contract import CreateMachine, Holding, Stamp
from hypervisors.kvm.mapping import MANAGED_BY
from hypervisors.words import block, foreign_part, holding_block, line

NAMESPACE = "urn:leasehold:machine:1"
PREFIX = "lh"
LEASE = f"{{{NAMESPACE}}}lease"

WORDS = ("holder", "purpose", "ends-on", "portal")
"""The holding's attributes of our metadata element; beside them stand operation, uuid and created."""

ET.register_namespace(PREFIX, NAMESPACE)


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk device. `source` is a path, else `pool/volume` or `protocol:name`; `chain` is what lies behind it."""

    source: str
    target: str
    pool: str = ""
    volume: str = ""
    path: str = ""
    shared: bool = False
    """Read-only or shareable: nobody's own."""
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    uuid: UUID
    name: str
    title: str
    description: str
    vcpus: int
    memory_mib: int
    disks: tuple[Disk, ...]
    macs: tuple[str, ...]
    lease: Mapping[str, str] = field(default_factory=dict)
    """Attributes of our metadata element, empty when there is none."""
    managed_by: str = ""

    @property
    def holding(self) -> Holding:
        return Holding(*(self.lease.get(word, "") for word in WORDS))

    @property
    def created_at(self) -> datetime | None:
        try:
            moment = datetime.fromisoformat(self.lease.get("created", ""))
        except ValueError:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else None


def parse(xml: str) -> ET.Element:
    """Raises ValueError. libvirt never declares entities: a text that does is an attack."""
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("declares entities")
    try:
        return ET.fromstring(xml)  # noqa: S314 - no entities, see above
    except ET.ParseError as error:
        raise ValueError("not well-formed") from error


def read(xml: str) -> Domain:
    """Raises ValueError for what is no domain: such a one must not break its neighbours."""
    root = parse(xml)
    return Domain(
        uuid=UUID(root.findtext("uuid", "")),
        name=root.findtext("name", ""),
        title=root.findtext("title", ""),
        description=root.findtext("description", ""),
        vcpus=_vcpus(root),
        memory_mib=_mib(root.find("memory")),
        disks=tuple(_disk(node) for node in root.iterfind("devices/disk") if node.get("device", "disk") == "disk"),
        macs=tuple(node.get("address", "").lower() for node in root.iterfind("devices/interface/mac")),
        lease=_lease(root),
        managed_by=_managed_by(root),
    )


def _vcpus(root: ET.Element) -> int:
    node = root.find("vcpu")
    return 0 if node is None else int(node.get("current") or node.text or 0)


def _mib(node: ET.Element | None) -> int:
    """libvirt always writes KiB, whatever it was given."""
    return 0 if node is None else int(node.text or 0) // 1024


def _disk(node: ET.Element) -> Disk:
    source = node.find("source")
    attributes = {} if source is None else source.attrib
    pool, volume = attributes.get("pool", ""), attributes.get("volume", "")
    path = attributes.get("file") or attributes.get("dev") or ""
    named = f"{pool}/{volume}" if volume else f"{attributes.get('protocol', '')}:{attributes.get('name', '')}"
    target = node.find("target")
    return Disk(
        source=path or named.strip(":"),
        target="" if target is None else target.get("dev", ""),
        pool=pool,
        volume=volume,
        path=path,
        shared=any(node.find(word) is not None for word in ("readonly", "shareable")),
        chain=_chain(node),
    )


def _chain(node: ET.Element) -> tuple[str, ...]:
    """Sources of the backing files, nearest first; what a block job under way writes to counts too."""
    found = [*node.iterfind(".//backingStore/source"), *node.iterfind("mirror/source")]
    return tuple(source.get("file") or source.get("dev") or source.get("name") or "?" for source in found)


def sources(xml: str) -> set[str]:
    """Everything that a domain's drives name, at any depth. Raises ValueError when that cannot be told."""
    used = set()
    for source in parse(xml).iterfind("devices/disk//source"):
        used |= {source.get(word, "") for word in ("file", "dev", "name")}
        used.add(f"{source.get('pool')}/{source.get('volume')}")
    return used - {"", "None/None"}


def _lease(root: ET.Element) -> dict[str, str]:
    node = root.find(f"metadata/{LEASE}")
    return {} if node is None else dict(node.attrib)


def _managed_by(root: ET.Element) -> str:
    for node in root.iterfind("metadata/*"):
        namespace = node.tag[1:].partition("}")[0]
        for start, name in MANAGED_BY.items():
            if namespace.startswith(start):
                return name
    return ""


def title_of(holding: Holding) -> str:
    return line(f"{holding.holder} · until {holding.ends_on}")


def merged_title(domain: Domain, holding: Holding) -> str:
    """A title that people gave stays; one of ours, known by the holding beside it, is renewed."""
    ours = not domain.title or (bool(domain.lease) and domain.title == title_of(domain.holding))
    return title_of(holding) if ours else domain.title


def note_of(domain: Domain) -> str:
    """What people wrote on the machine."""
    title = "" if domain.lease and domain.title == title_of(domain.holding) else domain.title
    return block(f"{title}\n{foreign_part(domain.description)}")


def lease_attributes(holding: Holding, *, stamp: Stamp | None, before: Mapping[str, str]) -> dict[str, str]:
    """Attributes of the metadata element; without a stamp, the one that is there stays."""
    said = dict(zip(WORDS, (holding.holder, holding.purpose, holding.ends_on, holding.portal_ref), strict=True))
    kept = {name: before[name] for name in ("operation", "uuid", "created") if name in before}
    if stamp is not None:
        kept |= {"operation": stamp.operation, "uuid": str(stamp.uuid)}
    return kept | {name: line(value, 1000) for name, value in said.items()}


def lease_xml(attributes: Mapping[str, str]) -> str:
    """The element as setMetadata wants it: libvirt puts it into the namespace."""
    return ET.tostring(ET.Element("lease", dict(attributes)), encoding="unicode")


@dataclass(frozen=True, slots=True)
class Platform:
    """What the host offers a new machine."""

    type: str
    arch: str
    network: str = ""


def write(order: CreateMachine, *, disk: str, platform: Platform, created: datetime) -> str:
    """The definition of a new machine."""
    root = ET.Element("domain", type=platform.type)
    for tag, text in (
        ("name", order.name),
        ("uuid", str(order.stamp.uuid)),
        ("title", title_of(order.holding)),
        ("description", holding_block(order.holding)),
    ):
        ET.SubElement(root, tag).text = text
    before = {"created": created.astimezone(UTC).isoformat(timespec="seconds")}
    ET.SubElement(
        ET.SubElement(root, "metadata"), LEASE, lease_attributes(order.holding, stamp=order.stamp, before=before)
    )
    ET.SubElement(root, "memory", unit="MiB").text = str(order.memory_mib)
    ET.SubElement(root, "vcpu").text = str(order.vcpus)
    system = ET.SubElement(root, "os")
    ET.SubElement(system, "type", arch=platform.arch).text = "hvm"
    ET.SubElement(system, "boot", dev="hd")
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    if platform.type == "kvm":
        ET.SubElement(root, "cpu", mode="host-model")
    _devices(ET.SubElement(root, "devices"), machine=order.stamp.uuid, disk=disk, network=platform.network)
    return ET.tostring(root, encoding="unicode")


def _mac(machine: UUID) -> str:
    """Follows from the UUID, so that defining the same order twice does not change the card."""
    tail = hashlib.sha256(machine.bytes).digest()
    return f"52:54:00:{tail[0]:02x}:{tail[1]:02x}:{tail[2]:02x}"


def _devices(devices: ET.Element, *, machine: UUID, disk: str, network: str) -> None:
    drive = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(drive, "driver", name="qemu", type="qcow2", discard="unmap")
    ET.SubElement(drive, "source", file=disk)
    ET.SubElement(drive, "target", dev="vda", bus="virtio")
    if network:
        card = ET.SubElement(devices, "interface", type="network")
        ET.SubElement(card, "mac", address=_mac(machine))
        ET.SubElement(card, "source", network=network)
        ET.SubElement(card, "model", type="virtio")
    port = ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(port, "target", port="0")
    ET.SubElement(ET.SubElement(devices, "console", type="pty"), "target", type="serial", port="0")
    channel = ET.SubElement(devices, "channel", type="unix")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")


def volume_xml(*, name: str, capacity_mib: int, backing: str) -> str:
    """A thin qcow2 disk on top of an image; libvirt's own default would be the format of 2009."""
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="MiB").text = str(capacity_mib)
    target = ET.SubElement(root, "target")
    ET.SubElement(target, "format", type="qcow2")
    ET.SubElement(target, "compat").text = "1.1"
    behind = ET.SubElement(root, "backingStore")
    ET.SubElement(behind, "path").text = backing
    ET.SubElement(behind, "format", type="qcow2")
    return ET.tostring(root, encoding="unicode")


def backing_of(volume: str) -> str:
    """Path of the backing file in a volume's XML, or an empty text."""
    return parse(volume).findtext("backingStore/path", "")
