"""Files under another name: libvirt renames none, so that a copy is made, seen to be whole, and the first one deleted.

libvirt has no handle for a copy. Two small volumes say how far it is: one that it was begun, so that whoever comes next
knows what lies under the new name for ours, and one that it is whole, which names the moment in which the copy was last
written. A copy without the second is made anew. One is made at a time in each pool.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from xml.etree import ElementTree as ET

from hypervisors.errors import Busy, HypervisorError, NameTaken, NoCapacity, NotFound, Unreachable, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.storage import MIB, Pool

MARK = r"lh-renaming-{key}-(?:begun|whole-[0-9.]+)\.mark"
ANY_MARK = re.compile(MARK.format(key="[a-z0-9-]{1,64}"))
FORMATS = ("raw", "qcow2")
KEPT = ("format", "permissions", "compat", "clusterSize", "features")
"""What a copy has of the first file, besides what is in it."""
HEADER = 104
"""Bytes of a qcow2 file that tell what is in it (docs/interop/qcow2.txt of QEMU)."""
DATA_FILE, BITMAPS = 1 << 2, 1
IDLE_SECONDS = 5.0
"""How long a copy is left that nobody writes and nobody has called whole: that may be under way."""
SPARE = 0.02
"""Part of a pool that a copy leaves free: others are at work there."""


def is_mark(name: str) -> bool:
    return bool(ANY_MARK.fullmatch(name))


def _begun(key: str) -> str:
    return f"lh-renaming-{key}-begun.mark"


def _whole(key: str, volume: str) -> str:
    """Of the copy with this XML, as it was last written."""
    return f"lh-renaming-{key}-whole-{domains.parse(volume).findtext('target/timestamps/mtime', '')}.mark"


def _mark_xml(name: str) -> str:
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity").text = "0"
    ET.SubElement(ET.SubElement(root, "target"), "format", type="raw")
    return domains.written(root)


def is_begun(client: Client, pool: str, key: str) -> bool:
    return _begun(key) in client.volume_names(pool)


def clear_marks(client: Client, pool: str, key: str) -> None:
    """That it was begun last: while it is there, the work is not over."""
    marks = [name for name in client.volume_names(pool) if re.fullmatch(MARK.format(key=key), name)]
    for name in sorted(marks, reverse=True):
        with suppress(NotFound):
            client.delete_volume(pool, name)


def percent(client: Client, pool: str, source: str, target: str) -> int | None:
    """How far the copy is; None when nothing is written in this pool now."""
    try:
        client.refresh(pool)
    except Busy:
        first, copy = client.volume(pool, source), client.volume(pool, target)
        if first is None or copy is None:
            return 0
        return min(99, copy[0].allocation_mib * 100 // max(first[0].allocation_mib, 1))
    return None


def check(client: Client, pool: Pool, name: str) -> None:
    """Raises WrongState for a file that a copy would not be the same as, NoCapacity where there is no room for two."""
    root = domains.parse(client.volume_xml(pool.name, name))
    form = _format(root)
    if root.get("type") != "file" or form not in FORMATS:
        raise WrongState("Only files in the formats raw and qcow2 can be renamed here; nothing was touched.")
    if root.find("backingStore") is not None:
        raise WrongState("The file lies on another one, and a copy would hold both; nothing was touched.")
    if form == "qcow2":
        _check_inside(client.first_bytes(pool.name, name, HEADER))
    need = int(root.findtext("allocation", "0")) // MIB + int(pool.capacity_mib * SPARE)
    if pool.free_mib < need:
        raise NoCapacity(f"The storage pool {pool.name} has no room for a copy of the file; nothing was touched.")


def _format(volume: ET.Element) -> str:
    form = volume.find("target/format")
    return "" if form is None else form.get("type", "")


def _check_inside(header: bytes) -> None:
    """What a copy of a qcow2 file would leave behind, without a word."""

    def number(at: int, length: int) -> int:
        return int.from_bytes(header[at : at + length], "big")

    version = number(4, 4)
    if header[:4] != b"QFI\xfb" or version not in (2, 3):
        raise WrongState("The file is not what its pool takes it for; nothing was touched.")
    if number(60, 4):
        raise WrongState("The file holds snapshots, which a copy would lose; nothing was touched.")
    if number(32, 4) or (version == 3 and (number(72, 8) & DATA_FILE or number(88, 8) & BITMAPS)):
        raise WrongState("The file is encrypted, or holds what a copy would lose; nothing was touched.")


def _copy_xml(volume: str, name: str) -> str:
    """Thin: what was never written takes up no room in the copy."""
    root, first = ET.Element("volume"), domains.parse(volume)
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "capacity", unit="bytes").text = first.findtext("capacity", "0")
    ET.SubElement(root, "allocation").text = "0"
    target = ET.SubElement(root, "target")
    target.extend(part for tag in KEPT if (part := first.find(f"target/{tag}")) is not None)
    return domains.written(root)


def begin(client: Client, pool: str, source: str, target: str, key: str) -> None:
    """Raises Busy when another worker was first."""
    xml = _copy_xml(client.volume_xml(pool, source), target)
    try:
        if not is_begun(client, pool, key):
            client.create_volume(pool, _mark_xml(_begun(key)))
        client.copy_volume(pool, source, xml, lambda made: _mark_xml(_whole(key, made)))
    except NameTaken as error:
        raise Busy("Another worker has just begun to copy this file.", native=error.native) from error
    except Unreachable:
        raise
    except HypervisorError:
        if target not in client.volume_names(pool):
            clear_marks(client, pool, key)
        raise


def is_whole(client: Client, pool: str, source: str, target: str, key: str) -> bool:
    """Raises WrongState when the copy is not the same as the first file, and takes it away."""
    first, copy = client.volume_xml(pool, source), client.volume_xml(pool, target)
    if _whole(key, copy) not in client.volume_names(pool):
        return False
    if _likeness(first) != _likeness(copy):
        client.delete_volume(pool, target)
        clear_marks(client, pool, key)
        raise WrongState("The copy of the file was not the same; the file keeps its name.")
    return True


def _likeness(volume: str) -> tuple[str, str, str]:
    root = domains.parse(volume)
    return root.findtext("capacity", ""), _format(root), root.findtext("backingStore/path", "")


def give_up_later(client: Client, pool: str, target: str, key: str, handle: Mapping[str, str]) -> dict[str, str]:
    """What to keep in mind of a copy that nobody writes and nobody has called whole: seen so for a while, it goes."""
    written = _whole(key, client.volume_xml(pool, target))
    since, _, seen = handle.get("idle", "").partition(" ")
    if seen != written:
        return {"idle": f"{time.time()} {written}"}
    if time.time() - float(since) > IDLE_SECONDS:
        client.delete_volume(pool, target)
        return {"idle": ""}
    return {"idle": handle["idle"]}
