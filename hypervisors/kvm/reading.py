"""The questions that the adapter asks of libvirt: plain data out, nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.errors import HypervisorError, NotFound, Unreachable
from hypervisors.kvm import domains
from hypervisors.kvm.connection import Connection

MIB = 1024 * 1024
MISSING_FILE = "No such file or directory"


@dataclass(frozen=True, slots=True)
class Seen:
    """A domain and its state by libvirt's number; `domain` is None when its XML cannot be read."""

    uuid: str
    domain: domains.Domain | None
    state: int


@dataclass(frozen=True, slots=True)
class Volume:
    ref: str
    name: str
    capacity_mib: int
    allocation_mib: int


@dataclass(frozen=True, slots=True)
class Pool:
    ref: str
    name: str
    active: bool
    capacity_mib: int
    free_mib: int
    path: str = ""

    def holds(self, disk: domains.Disk) -> bool:
        """Whether a disk lies in this pool, by what its machine says of it."""
        return disk.pool == self.name or bool(self.path and disk.path.rpartition("/")[0] == self.path)


@dataclass(frozen=True, slots=True)
class Host:
    ref: str
    name: str
    arch: str
    cpus: int
    memory_mib: int


class Reader(Connection):
    """Each method is one question."""

    def version(self) -> tuple[int, int]:
        """libvirt's and the hypervisor's version, as a million times major and so on."""
        found: tuple[int, int] = self.call(lambda conn: (conn.getLibVersion(), conn.getVersion()))
        return found

    def host(self) -> Host:
        def read(conn: Any) -> Host:
            capabilities = domains.parse(conn.getCapabilities())
            info = conn.getInfo()
            name = conn.getHostname()
            arch = capabilities.findtext("host/cpu/arch") or str(info[0])
            return Host(capabilities.findtext("host/uuid") or name, name, arch, cpus=info[2], memory_mib=info[1])

        found: Host = self.call(read)
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

    def pools(self) -> list[Pool]:
        def read(conn: Any) -> list[Pool]:
            found = []
            for pool in conn.listAllStoragePools():
                state, capacity, _used, free = pool.info()
                active = state == libvirt.VIR_STORAGE_POOL_RUNNING
                path = domains.parse(pool.XMLDesc()).findtext("target/path", "")
                found.append(Pool(pool.UUIDString(), pool.name(), active, capacity // MIB, free // MIB, path))
            return found

        pools: list[Pool] = self.call(read)
        return pools

    def volumes(self, pool: str) -> list[Volume]:
        """All volumes of an active pool; one that vanishes meanwhile is left out."""

        def read(conn: Any) -> list[Volume]:
            found = []
            for volume in conn.storagePoolLookupByName(pool).listAllVolumes():
                try:
                    found.append(_volume(volume))
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                        raise
            return found

        volumes: list[Volume] = self.call(read)
        return volumes

    def backing_files(self) -> set[str]:
        """Everything that some volume in some active pool lies on."""

        def read(conn: Any) -> set[str]:
            found = set()
            for pool in conn.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
                for volume in pool.listAllVolumes():
                    try:
                        found.add(domains.backing_of(volume.XMLDesc()))
                    except libvirt.libvirtError as error:
                        if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                            raise
            return found - {""}

        paths: set[str] = self.call(read)
        return paths

    def scan(self) -> list[Seen]:
        """All domains, running and defined."""

        def read(conn: Any) -> list[Seen]:
            flags = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
            found = conn.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE, flags)
            seen = (_read(domain, stats.get("state.state", 0)) for domain, stats in found)
            return [one for one in seen if one is not None]

        result: list[Seen] = self.call(read)
        return result

    def sizes(self, disks: Sequence[tuple[str, domains.Disk]]) -> dict[str, int | None]:
        """MiB by source, for disks given with their machine's UUID; None where that cannot be told."""

        def read(conn: Any) -> dict[str, int | None]:
            return {disk.source: _size(conn, uuid, disk) for uuid, disk in disks}

        found: dict[str, int | None] = self.call(read) if disks else {}
        return found

    def domain(self, uuid: str) -> Seen:
        """Raises NotFound."""

        def read(conn: Any) -> Seen | None:
            domain = conn.lookupByUUIDString(uuid)
            return _read(domain, domain.state()[0])

        found: Seen | None = self.call(read)
        if found is None:
            raise NotFound("There is no such machine on this host.")
        return found

    def state(self, uuid: str) -> int:
        """libvirt's number for it. Raises NotFound."""
        found: int = self.call(lambda conn: conn.lookupByUUIDString(uuid).state()[0])
        return found

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

    def pull_percent(self, uuid: str, target: str) -> int | None:
        """How far the copy is, or None when none is under way."""

        def read(conn: Any) -> int | None:
            job = conn.lookupByUUIDString(uuid).blockJobInfo(target)
            return int(job["cur"] * 100 // max(job["end"], 1)) if job else None

        percent: int | None = self.call(read)
        return percent

    def volume(self, pool: str, name: str) -> tuple[Volume, str] | None:
        """A volume and the path of what it lies on, if it is there."""

        def read(conn: Any) -> tuple[Volume, str]:
            volume = conn.storagePoolLookupByName(pool).storageVolLookupByName(name)
            return _volume(volume), domains.backing_of(volume.XMLDesc())

        try:
            found: tuple[Volume, str] = self.call(read)
        except NotFound:
            return None
        return found

    def locate(self, path: str) -> tuple[str, str] | None:
        """Pool and name of the volume at a path, if any active pool has it."""

        def read(conn: Any) -> tuple[str, str]:
            volume = conn.storageVolLookupByPath(path)
            return volume.storagePoolLookupByVolume().name(), volume.name()

        try:
            found: tuple[str, str] = self.call(read)
        except NotFound:
            return None
        return found


def _volume(volume: Any) -> Volume:
    _type, capacity, allocation = volume.info()
    return Volume(volume.key(), volume.name(), capacity // MIB, allocation // MIB)


def _read(domain: Any, state: int) -> Seen | None:
    """None when it vanished meanwhile."""
    try:
        return Seen(domain.UUIDString(), domains.read(domain.XMLDesc()), state)
    except libvirt.libvirtError as error:
        gone = error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN
        return None if gone else Seen(domain.UUIDString(), None, state)
    except ValueError:
        return Seen(domain.UUIDString(), None, state)


def _size(conn: Any, uuid: str, disk: domains.Disk) -> int | None:
    """From the storage pool, which never waits for the machine; else from the file. 0 for a file that is not there."""
    with suppress(libvirt.libvirtError):
        return int(conn.storageVolLookupByPath(disk.path).info()[1] // MIB)
    try:
        return int(conn.lookupByUUIDString(uuid).blockInfo(disk.target)[0] // MIB)
    except libvirt.libvirtError as error:
        return 0 if MISSING_FILE in str(error) else None
