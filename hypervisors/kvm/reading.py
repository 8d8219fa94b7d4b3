"""The questions that the adapter asks of libvirt: plain data out, nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.errors import HypervisorError, NotFound, Unreachable
from hypervisors.kvm import domains, looking
from hypervisors.kvm.connection import many_calls
from hypervisors.kvm.looking import Seen
from hypervisors.kvm.storage import Storage


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
            flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | looking.NOWAIT
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
            saved = looking.uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE)
            with_snapshots = looking.uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
            off = looking.statistics(
                conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_INACTIVE), looking.STATE | looking.BLOCK
            )
            on = looking.statistics(conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE), looking.STATE)
            seen: dict[str, Seen] = {}  # by UUID: one that starts meanwhile is listed twice
            calm = []
            for domain, stats in (*off, *on):
                uuid = domain.UUIDString()
                one = looking.seen(domain, uuid, stats, saved=uuid in saved, snapshots=uuid in with_snapshots)
                if one is not None:
                    seen[uuid] = one
                    if not (one.sizes or looking.restless(one.xml)):
                        calm.append(domain)
            for domain, stats in looking.statistics(conn, calm, looking.BLOCK):
                seen[domain.UUIDString()].sizes = looking.sizes_in(stats)
            return list(seen.values())

        with many_calls():
            result: list[Seen] = self.call(read)
        return result

    def use(self) -> list[tuple[str, Mapping[str, Any]]]:
        """UUID and statistics of every running domain; of paused ones without those of their disks."""

        def read(conn: Any) -> list[tuple[str, Mapping[str, Any]]]:
            running = looking.statistics(
                conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING), looking.USES
            )
            paused = looking.statistics(
                conn, conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED), looking.USES & ~looking.BLOCK
            )
            return [(domain.UUIDString(), stats) for domain, stats in (*running, *paused)]

        used: list[tuple[str, Mapping[str, Any]]] = self.call(read)
        return used

    def sizes(self, disks: Sequence[tuple[str, domains.Disk]]) -> dict[str, int | None]:
        """MiB by source, for disks given with their machine's UUID; None where that cannot be told."""

        def read(conn: Any) -> dict[str, int | None]:
            return {disk.source: looking.size_of(conn, uuid, disk) for uuid, disk in disks}

        found: dict[str, int | None] = self.call(read) if disks else {}
        return found

    def domain(self, uuid: str, *, sizes: bool = False) -> Seen:
        """Raises NotFound. `sizes` are told when asked for."""

        def read(conn: Any) -> Seen | None:
            domain = conn.lookupByUUIDString(uuid)
            saved = bool(domain.hasManagedSaveImage())
            one = looking.seen(domain, uuid, {"state.state": domain.state()[0]}, saved=saved, snapshots=True)
            if one is not None and sizes and not looking.restless(one.xml):
                for _domain, stats in looking.statistics(conn, [domain], looking.BLOCK):
                    one.sizes = looking.sizes_in(stats)
            return one

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
        found: list[str] = self.call(lambda conn: looking.snapshots_of(conn.lookupByUUIDString(uuid)))
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
