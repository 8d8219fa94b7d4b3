"""How a domain is looked at: its XML, and what that does not tell. For use within a call only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.kvm import domains
from hypervisors.kvm.storage import MIB

MISSING_FILE = "No such file or directory"
CHUNK = 1000
"""Machines whose statistics are asked for in one call: an answer of libvirt has an end, too."""
NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
STATE, BLOCK = libvirt.VIR_DOMAIN_STATS_STATE, libvirt.VIR_DOMAIN_STATS_BLOCK
USES = (
    libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_INTERFACE | BLOCK
)
RESTLESS = ("<backingStore type=", "<mirror ")
"""A disk that may be on its way to another form. QEMU has been seen to crash (7.2) when it is asked for statistics of
disks in the moment in which a copy ends: such machines are not asked. Our own copies run while the machine is paused.
"""


@dataclass(slots=True)
class Seen:
    """A domain, its state by libvirt's number, and what XML does not tell; `xml` is empty when it cannot be read."""

    uuid: str
    xml: str
    state: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    """MiB by target."""
    saved: bool = False
    """Off, with its memory in a file."""
    snapshots: Sequence[str] = ()
    """XML of each."""


def uuids(conn: Any, flags: int) -> set[str]:
    return {domain.UUIDString() for domain in conn.listAllDomains(flags)}


def statistics(conn: Any, every: Sequence[Any], what: int) -> list[tuple[Any, Mapping[str, Any]]]:
    """Of those that are still there, without waiting for any."""
    chunks = [every[start : start + CHUNK] for start in range(0, len(every), CHUNK)]
    return [one for chunk in chunks for one in conn.domainListGetStats(chunk, what, NOWAIT)]


def restless(xml: str) -> bool:
    return any(word in xml for word in RESTLESS)


def seen(domain: Any, uuid: str, stats: Mapping[str, Any], *, saved: bool, snapshots: bool) -> Seen | None:
    """None when it vanished meanwhile."""
    state = stats.get("state.state", 0)
    try:
        told = snapshots_of(domain) if snapshots else ()
        return Seen(uuid, domain.XMLDesc(), state, sizes_in(stats), saved, told)
    except libvirt.libvirtError as error:
        return None if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN else Seen(uuid, "", state)


def snapshots_of(domain: Any) -> list[str]:
    found = []
    for snapshot in domain.listAllSnapshots():
        with suppress(libvirt.libvirtError):  # removed meanwhile
            found.append(snapshot.getXMLDesc())
    return found


def sizes_in(stats: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for number in range(stats.get("block.count", 0)):
        size = stats.get(f"block.{number}.capacity")
        if size is not None:
            found[stats.get(f"block.{number}.name", "")] = size // MIB
    return found


def size_of(conn: Any, uuid: str, disk: domains.Disk) -> int | None:
    """From the storage pool, which never waits for the machine; else from the file. 0 for a file that is not there."""
    with suppress(libvirt.libvirtError):
        return int(conn.storageVolLookupByPath(disk.path).info()[1] // MIB)
    try:
        return int(conn.lookupByUUIDString(uuid).blockInfo(disk.target)[0] // MIB)
    except libvirt.libvirtError as error:
        return 0 if MISSING_FILE in str(error) else None
