"""What a domain's XML tells, whoever wrote it. No text is trusted; a scan reads ten thousand of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree as ET

from hypervisors.contract import Holding, Stamp
from hypervisors.kvm.mapping import MANAGED_BY
from hypervisors.words import block, foreign_part, line

NAMESPACE = "urn:leasehold:machine:1"
PREFIX = "lh"
LEASE = f"{{{NAMESPACE}}}lease"

WORDS = ("holder", "purpose", "ends-on", "portal")
"""The holding's attributes of our metadata element; beside them stand operation, uuid and created."""

ASKED = re.compile(r"<(disk|interface) .*?</\1>", re.DOTALL)
KEYED = re.compile(r"lh-[0-9a-f]{32}-([a-z0-9-]{1,64})-disk\.qcow2")

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
    alias: str = ""
    bus: str = "virtio"

    @property
    def key(self) -> str:
        """Of the order that added it."""
        found = KEYED.fullmatch(self.path.rpartition("/")[2])
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Nic:
    mac: str
    network: str = ""
    connected: bool = True
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Domain:
    uuid: UUID
    name: str
    title: str
    description: str
    vcpus: int
    memory_mib: int
    disks: tuple[Disk, ...]
    media: tuple[Disk, ...] = ()
    """What lies in drives whose medium can be taken out."""
    nics: tuple[Nic, ...] = ()
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
    part = {node.tag: node for node in parse(essence(xml))}
    disks: list[Disk] = []
    media: list[Disk] = []
    nics: list[Nic] = []
    for node in part.get("devices", ()):
        if node.tag == "disk":
            kind = node.get("device", "disk")
            (disks if kind == "disk" else media).append(_disk(node))
        elif node.tag == "interface":
            nics.append(_nic(node))
    metadata = part.get("metadata", ())
    return Domain(
        uuid=UUID(_text(part, "uuid")),
        name=_text(part, "name"),
        title=_text(part, "title"),
        description=_text(part, "description"),
        vcpus=_vcpus(part.get("vcpu")),
        memory_mib=int(_text(part, "memory") or 0) // 1024,  # libvirt always writes KiB, whatever it was given
        disks=tuple(disks),
        media=tuple(media),
        nics=tuple(nics),
        lease=next((dict(node.attrib) for node in metadata if node.tag == LEASE), {}),
        managed_by=next((name for node in metadata if (name := _manager(node.tag))), ""),
    )


def essence(xml: str) -> str:
    """A domain without most of what nobody asks about, half of its length and more.

    libvirt writes the parts of a domain in a fixed order, and escapes all text. What people put into `metadata` stands
    before `os` and `devices`: the last ones are the domain's own.
    """
    head, devices = xml.rfind("<os"), xml.rfind("<devices>")
    if not 0 < head < devices:
        return xml
    asked = "".join([found[0] for found in ASKED.finditer(xml, devices)])
    return f"{xml[:head]}<devices>{asked}</devices></domain>"


def understood(xml: str) -> Domain | None:
    try:
        return read(xml) if xml else None
    except ValueError:
        return None


def _text(part: Mapping[str, ET.Element], tag: str) -> str:
    node = part.get(tag)
    return "" if node is None else node.text or ""


def _vcpus(node: ET.Element | None) -> int:
    return 0 if node is None else int(node.get("current") or node.text or 0)


def _disk(node: ET.Element) -> Disk:
    part = {child.tag: child for child in node}
    source, target, alias = part.get("source"), part.get("target"), part.get("alias")
    attributes = {} if source is None else source.attrib
    pool, volume = attributes.get("pool", ""), attributes.get("volume", "")
    path = attributes.get("file") or attributes.get("dev") or ""
    named = f"{pool}/{volume}" if volume else f"{attributes.get('protocol', '')}:{attributes.get('name', '')}"
    return Disk(
        source=path or named.strip(":"),
        target="" if target is None else target.get("dev", ""),
        pool=pool,
        volume=volume,
        path=path,
        shared="readonly" in part or "shareable" in part,
        chain=_chain(node) if "backingStore" in part or "mirror" in part else (),
        alias="" if alias is None else alias.get("name", ""),
        bus="virtio" if target is None else target.get("bus", "virtio"),
    )


def _nic(node: ET.Element) -> Nic:
    part = {child.tag: child.attrib for child in node}
    return Nic(
        mac=part.get("mac", {}).get("address", "").lower(),
        network=part.get("source", {}).get("network", ""),
        connected=part.get("link", {}).get("state", "up") != "down",
        alias=part.get("alias", {}).get("name", ""),
    )


def _chain(node: ET.Element) -> tuple[str, ...]:
    """Sources of the backing files, nearest first; what a block job under way writes to counts too."""
    found = [*node.iterfind(".//backingStore/source"), *node.iterfind("mirror/source")]
    return tuple(source.get("file") or source.get("dev") or source.get("name") or "?" for source in found)


def sources(xml: str) -> set[str]:
    """Everything that a domain's drives name, at any depth. Raises ValueError when that cannot be told."""
    return _sources(parse(xml))


def _sources(domain: ET.Element) -> set[str]:
    used = set()
    for source in domain.iterfind("devices/disk//source"):
        used |= {source.get(word, "") for word in ("file", "dev", "name")}
        used.add(f"{source.get('pool')}/{source.get('volume')}")
    return used - {"", "None/None"}


def everything_named(xml: str) -> set[str]:
    """Firmware, kernels and memory of snapshots as well. Raises ValueError."""
    root = parse(xml)
    found = _sources(root)
    for node in root.iter():
        text = (node.text or "").strip()
        found |= {node.get("file", ""), text if text.startswith("/") else ""}
    return found - {""}


def _manager(tag: str) -> str:
    namespace = tag[1:].partition("}")[0]
    return next((name for start, name in MANAGED_BY.items() if namespace.startswith(start)), "")


def backing_of(volume: str) -> str:
    """Path of the backing file in a volume's XML, or an empty text."""
    return parse(volume).findtext("backingStore/path", "")


def source_of(pool: ET.Element) -> str:
    """Where a storage pool's content comes from, over the network: type, hosts, and folder, device or name there."""
    source = pool.find("source")
    hosts = [] if source is None else sorted(node.get("name", "").lower() for node in source.iterfind("host"))
    if source is None or not hosts:
        return ""
    places = (("dir", "path"), ("device", "path"), ("iqn", "name"))
    inside = [node.get(word, "") for tag, word in places for node in source.iterfind(tag)]
    return ":".join([pool.get("type", ""), ",".join(hosts), *inside, source.findtext("name", "")]).rstrip(":")


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


def replace(there: ET.Element, by: ET.Element, tag: str) -> None:
    """Puts one part of a domain in the place of another's, or takes it away."""
    old, new = there.find(tag), by.find(tag)
    if old is not None:
        there.remove(old)
    if new is not None:
        there.insert(0, new)


def written(node: ET.Element) -> str:
    return ET.tostring(node, encoding="unicode")
