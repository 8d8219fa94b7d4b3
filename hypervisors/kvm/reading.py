"""The questions that the adapter asks of libvirt: plain data out, nothing changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.errors import HypervisorError, NotFound, Unreachable
from hypervisors.kvm import domains
from hypervisors.kvm.storage import MIB, Storage

MISSING_FILE = "No such file or directory"
CHUNK = 1000
"""Machines whose statistics are asked for in one call: an answer of libvirt has an end, too."""
NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
STATE, BLOCK = libvirt.VIR_DOMAIN_STATS_STATE, libvirt.VIR_DOMAIN_STATS_BLOCK
USES = (
    libvirt.VIR_DOMAIN_STATS_CPU_TOTAL | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_INTERFACE | BLOCK
)
RESTLESS = re.compile("<backingStore [^/>]|<mirror ")
"""A disk that may be on its way to another form. QEMU has been seen to crash (7.2) when it is asked for statistics of
disks in the moment in which a copy ends: such machines are not asked. Our own copies run while the machine is paused.
"""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Host:
    ref: str
    name: str
    arch: str
    cpus: int
    memory_mib: int


class Reader(Storage):
    """Each method is one question."""

    def version(self) -> tuple[int, int]:
        """libvirt's and the hypervisor's version, as a million times major and so on."""
        found: tuple[int, int] = self.call(lambda conn: (conn.getLibVersion(), conn.getVersion()))
        return found

    @cached_property
    def identity(self) -> str:
        """The host's UUID, which stays its own for good."""
        return self.host().ref

    def host(self) -> Host:
        def read(conn: Any) -> Host:
            capabilities = domains.parse(conn.getCapabilities())
            info = conn.getInfo()
            name = conn.getHostname()
            arch = capabilities.findtext("host/cpu/arch") or str(info[0])
            return Host(capabilities.findtext("host/uuid") or name, name, arch, cpus=info[2], memory_mib=info[1])

        found: Host = self.call(read)
        return found

    def free_memory(self) -> tuple[int, int]:
        """MiB that nobody uses now, and MiB that no running machine was promised."""

        def read(conn: Any) -> tuple[int, int]:
            told = conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
            unused = sum(told.get(word, 0) for word in ("free", "buffers", "cached")) // 1024
            flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | NOWAIT
            stats = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BALLOON, flags)
            promised = sum(told.get("balloon.maximum", 0) for _domain, told in stats) // 1024
            return unused, conn.getInfo()[1] - promised

        found: tuple[int, int] = self.call(read)
        return found

    def offers_kvm(self, arch: str) -> bool:
        """Whether a machine can run on the processor rather than in emulation, as libvirt found out by trying."""
        try:
            self.call(lambda conn: conn.getDomainCapabilities(None, arch, None, "kvm", 0))
        except Unreachable:
            raise
        except HypervisorError:
            return False
        return True

    def networks(self) -> list[tuple[str, str, bool]]:
        """UUID, name and whether it is active."""
        found: list[tuple[str, str, bool]] = self.call(
            lambda conn: [(net.UUIDString(), net.name(), bool(net.isActive())) for net in conn.listAllNetworks()]
        )
        return found

    def addresses(self) -> dict[str, list[str]]:
        """What libvirt's own DHCP servers gave out, by MAC address."""

        def read(conn: Any) -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for network in conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE):
                for lease in network.DHCPLeases():
                    found.setdefault((lease["mac"] or "").lower(), []).append(lease["ipaddr"])
            return found

        leases: dict[str, list[str]] = self.call(read)
        return leases

    def scan(self) -> list[Seen]:
        """All domains, running and defined: a call for each one's XML, and a few for all that XML does not tell."""

        def read(conn: Any) -> list[Seen]:
            every = conn.listAllDomains()
            saved = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
            with_snapshots = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
            states = {domain.UUIDString(): stats for domain, stats in _stats(conn, every, STATE)}
            seen, calm = [], []
            for domain in every:
                uuid = domain.UUIDString()
                state = states.get(uuid, {}).get("state.state", 0)
                one = _read(domain, uuid, state, saved=uuid in saved, snapshots=uuid in with_snapshots)
                if one is not None:
                    seen.append(one)
                    if not RESTLESS.search(one.xml):
                        calm.append(domain)
            sizes = {domain.UUIDString(): _sizes(stats) for domain, stats in _stats(conn, calm, BLOCK)}
            return [replace(one, sizes=sizes[one.uuid]) if one.uuid in sizes else one for one in seen]

        result: list[Seen] = self.call(read)
        return result

    def use(self) -> list[tuple[str, Mapping[str, Any]]]:
        """UUID and statistics of every running domain; of paused ones without those of their disks."""

        def read(conn: Any) -> list[tuple[str, Mapping[str, Any]]]:
            running = _stats(conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING), USES)
            paused = _stats(conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED), USES & ~BLOCK)
            return [(domain.UUIDString(), stats) for domain, stats in (*running, *paused)]

        used: list[tuple[str, Mapping[str, Any]]] = self.call(read)
        return used

    def sizes(self, disks: Sequence[tuple[str, domains.Disk]]) -> dict[str, int | None]:
        """MiB by source, for disks given with their machine's UUID; None where that cannot be told."""

        def read(conn: Any) -> dict[str, int | None]:
            return {disk.source: _size(conn, uuid, disk) for uuid, disk in disks}

        found: dict[str, int | None] = self.call(read) if disks else {}
        return found

    def domain(self, uuid: str, *, sizes: bool = False) -> Seen:
        """Raises NotFound. `sizes` are told when asked for."""

        def read(conn: Any) -> Seen | None:
            domain = conn.lookupByUUIDString(uuid)
            saved = bool(domain.hasManagedSaveImage())
            one = _read(domain, uuid, domain.state()[0], saved=saved, snapshots=True)
            if one is None or not sizes or RESTLESS.search(one.xml):
                return one
            told = _stats(conn, [domain], BLOCK)
            return replace(one, sizes=_sizes(told[0][1])) if told else one

        found: Seen | None = self.call(read)
        if found is None:
            raise NotFound("There is no such machine on this host.")
        return found

    def xml(self, uuid: str) -> str:
        """Raises NotFound."""
        return str(self.call(lambda conn: conn.lookupByUUIDString(uuid).XMLDesc()))

    def state(self, uuid: str) -> int | None:
        """libvirt's number for it; None when it is not here."""
        try:
            found: int = self.call(lambda conn: conn.lookupByUUIDString(uuid).state()[0])
        except NotFound:
            return None
        return found

    def is_saved(self, uuid: str) -> bool:
        return bool(self.call(lambda conn: conn.lookupByUUIDString(uuid).hasManagedSaveImage()))

    def at_work(self, uuid: str) -> bool:
        """Whether libvirt has long work of its own on a running machine: a snapshot, a revert, a migration."""

        def read(conn: Any) -> bool:
            domain = conn.lookupByUUIDString(uuid)
            return bool(domain.isActive()) and domain.controlInfo()[0] == libvirt.VIR_DOMAIN_CONTROL_JOB

        return bool(self.call(read))

    def all_xml(self) -> list[tuple[str, str]]:
        """UUID and XML of every domain, running form and defined form, for questions about who uses what.

        Raises when even one cannot be read: half an answer would be a wrong one.
        """

        def read(conn: Any) -> list[tuple[str, str]]:
            found = []
            for domain in conn.listAllDomains():
                for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
                    try:
                        found.append((domain.UUIDString(), domain.XMLDesc(flags)))
                    except libvirt.libvirtError as error:
                        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                            raise
            return found

        forms: list[tuple[str, str]] = self.call(read)
        return forms

    def uuid_of(self, name: str) -> str:
        """UUID of the domain with this name, or an empty text."""
        try:
            return str(self.call(lambda conn: conn.lookupByName(name).UUIDString()))
        except NotFound:
            return ""

    def forms(self, uuid: str) -> tuple[str, str]:
        """XML as it runs (or as defined, when it does not run) and as defined (empty for a transient domain)."""

        def read(conn: Any) -> tuple[str, str]:
            domain = conn.lookupByUUIDString(uuid)
            secure = libvirt.VIR_DOMAIN_XML_SECURE
            live = domain.XMLDesc(secure)
            return live, domain.XMLDesc(secure | libvirt.VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else ""

        found: tuple[str, str] = self.call(read)
        return found

    def snapshots(self, uuid: str) -> list[str]:
        """XML of each."""
        found: list[str] = self.call(lambda conn: _snapshots(conn.lookupByUUIDString(uuid)))
        return found

    def snapshot(self, uuid: str, name: str) -> tuple[str, bool]:
        """XML with all secrets of one, and whether the machine goes on from it. Raises NotFound."""

        def read(conn: Any) -> tuple[str, bool]:
            found = conn.lookupByUUIDString(uuid).snapshotLookupByName(name)
            return found.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE), bool(found.isCurrent())

        told: tuple[str, bool] = self.call(read)
        return told

    def pull_percent(self, uuid: str, target: str) -> int | None:
        """How far the copy is, or None when none is under way."""

        def read(conn: Any) -> int | None:
            job = conn.lookupByUUIDString(uuid).blockJobInfo(target)
            return int(job["cur"] * 100 // max(job["end"], 1)) if job else None

        percent: int | None = self.call(read)
        return percent


def _uuids(conn: Any, flags: int) -> set[str]:
    return {domain.UUIDString() for domain in conn.listAllDomains(flags)}


def _stats(conn: Any, every: Sequence[Any], what: int) -> list[tuple[Any, Mapping[str, Any]]]:
    """Of those that are still there, without waiting for any."""
    chunks = [every[start : start + CHUNK] for start in range(0, len(every), CHUNK)]
    return [one for chunk in chunks for one in conn.domainListGetStats(chunk, what, NOWAIT)]


def _read(domain: Any, uuid: str, state: int, *, saved: bool, snapshots: bool) -> Seen | None:
    """None when it vanished meanwhile."""
    try:
        told = _snapshots(domain) if snapshots else ()
        return Seen(uuid, domain.XMLDesc(), state, saved=saved, snapshots=told)
    except libvirt.libvirtError as error:
        return None if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN else Seen(uuid, "", state)


def _snapshots(domain: Any) -> list[str]:
    found = []
    for snapshot in domain.listAllSnapshots():
        with suppress(libvirt.libvirtError):  # removed meanwhile
            found.append(snapshot.getXMLDesc())
    return found


def _sizes(stats: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for number in range(stats.get("block.count", 0)):
        size = stats.get(f"block.{number}.capacity")
        if size is not None:
            found[stats.get(f"block.{number}.name", "")] = size // MIB
    return found


def _size(conn: Any, uuid: str, disk: domains.Disk) -> int | None:
    """From the storage pool, which never waits for the machine; else from the file. 0 for a file that is not there."""
    with suppress(libvirt.libvirtError):
        return int(conn.storageVolLookupByPath(disk.path).info()[1] // MIB)
    try:
        return int(conn.lookupByUUIDString(uuid).blockInfo(disk.target)[0] // MIB)
    except libvirt.libvirtError as error:
        return 0 if MISSING_FILE in str(error) else None
