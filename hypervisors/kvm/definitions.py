"""The XML that we write: new machines, volumes, and devices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree as ET

from hypervisors.contract import CreateMachine, Stamp
from hypervisors.kvm.domains import LEASE, lease_attributes, title_of
from hypervisors.words import holding_block

SEED_TARGET = "sda"


def disk_name(stamp: Stamp) -> str:
    """Of a new machine's first disk."""
    return f"lh-{stamp.operation}.qcow2"


def added_disk_name(machine: UUID, key: str) -> str:
    """`domains.KEYED` reads it back."""
    return f"lh-{machine.hex}-{key}-disk.qcow2"


def is_added_to(machine: UUID, name: str) -> bool:
    return name.startswith(f"lh-{machine.hex}-") and name.endswith("-disk.qcow2")


def seed_name(operation: str) -> str:
    return f"lh-{operation}-seed.iso"


def is_seed(name: str) -> bool:
    return name.startswith("lh-") and name.endswith("-seed.iso")


@dataclass(frozen=True, slots=True)
class Platform:
    """What the host offers a new machine."""

    type: str
    arch: str
    network: str = ""


def machine_xml(order: CreateMachine, *, disk: str, platform: Platform, created: datetime, seed: str = "") -> str:
    """The definition of a new machine; `seed` is the path of what it reads at its first start, if anything."""
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
    devices = ET.SubElement(root, "devices")
    _first_devices(devices, machine=order.stamp.uuid, disk=disk, network=platform.network)
    if seed:
        ET.SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
        devices.append(_seed_drive(seed))
    return ET.tostring(root, encoding="unicode")


def _mac(machine: UUID) -> str:
    """Follows from the UUID, so that defining the same order twice does not change the card."""
    tail = hashlib.sha256(machine.bytes).digest()
    return f"52:54:00:{tail[0]:02x}:{tail[1]:02x}:{tail[2]:02x}"


def _first_devices(devices: ET.Element, *, machine: UUID, disk: str, network: str) -> None:
    devices.append(_drive(disk, "vda"))
    if network:
        devices.append(_card(_mac(machine), network))
    port = ET.SubElement(devices, "serial", type="pty")
    ET.SubElement(port, "target", port="0")
    ET.SubElement(ET.SubElement(devices, "console", type="pty"), "target", type="serial", port="0")
    channel = ET.SubElement(devices, "channel", type="unix")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")


def _drive(path: str, target: str, bus: str = "virtio") -> ET.Element:
    drive = ET.Element("disk", type="file", device="disk")
    ET.SubElement(drive, "driver", name="qemu", type="qcow2", discard="unmap")
    ET.SubElement(drive, "source", file=path)
    ET.SubElement(drive, "target", dev=target, bus=bus)
    return drive


def _card(mac: str, network: str) -> ET.Element:
    card = ET.Element("interface", type="network")
    ET.SubElement(card, "mac", address=mac)
    ET.SubElement(card, "source", network=network)
    ET.SubElement(card, "model", type="virtio")
    return card


def _seed_drive(path: str) -> ET.Element:
    """On SCSI by virtio: small kernels made for clouds know neither AHCI nor, in places, IDE. A machine starts without
    the medium when it is gone."""
    drive = ET.Element("disk", type="file", device="cdrom")
    ET.SubElement(drive, "driver", name="qemu", type="raw")
    if path:
        ET.SubElement(drive, "source", file=path, startupPolicy="optional")
    ET.SubElement(drive, "target", dev=SEED_TARGET, bus="scsi")
    ET.SubElement(drive, "readonly")
    return drive


def drive_xml(path: str, target: str, bus: str = "virtio") -> str:
    return ET.tostring(_drive(path, target, bus), encoding="unicode")


def card_xml(mac: str, network: str, *, once: bool = False) -> str:
    """With `once` it has a name, of which libvirt lets a machine have no two; of one address it would."""
    card = _card(mac, network)
    if once:
        ET.SubElement(card, "alias", name=f"ua-nic-{mac.replace(':', '')}")
    return ET.tostring(card, encoding="unicode")


def empty_drive_xml() -> str:
    """The drive that had the seed, without it."""
    return ET.tostring(_seed_drive(""), encoding="unicode")


def volume_xml(*, name: str, capacity_mib: int, backing: str = "") -> str:
    """A thin qcow2 disk, on top of an image or empty; libvirt's own default would be the format of 2009."""
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="MiB").text = str(capacity_mib)
    target = ET.SubElement(root, "target")
    ET.SubElement(target, "format", type="qcow2")
    ET.SubElement(target, "compat").text = "1.1"
    if backing:
        behind = ET.SubElement(root, "backingStore")
        ET.SubElement(behind, "path").text = backing
        ET.SubElement(behind, "format", type="qcow2")
    return ET.tostring(root, encoding="unicode")


def seed_volume_xml(*, name: str, size: int) -> str:
    """Bytes that nobody but the owner of the file may read."""
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="bytes").text = str(size)
    target = ET.SubElement(root, "target")
    ET.SubElement(target, "format", type="raw")
    ET.SubElement(ET.SubElement(target, "permissions"), "mode").text = "0600"
    return ET.tostring(root, encoding="unicode")


def snapshot_xml(name: str) -> str:
    root = ET.Element("domainsnapshot")
    ET.SubElement(root, "name").text = name
    return ET.tostring(root, encoding="unicode")
