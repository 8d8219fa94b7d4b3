"""Storage pools and volumes: what libvirt tells of them, and which of them are for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.errors import NotFound
from hypervisors.kvm import domains
from hypervisors.kvm.connection import Connection

MIB = 1024 * 1024

IMAGES = "images"
"""Pools whose name begins so hold templates."""
MACHINES = "machines"
"""Pools whose name begins so are what disks are made in, and the only ones that anything is deleted from."""
IMAGE_SUFFIX = ".qcow2"
OF_FILES = {"dir", "fs", "netfs"}
"""Types of pool whose volumes are files that QEMU can lay one on the other."""
SHARED = {"netfs", "iscsi", "iscsi-direct", "rbd", "sheepdog", "gluster", "vstorage", "scsi", "mpath"}
"""Types of pool that other hosts may have as well."""


@dataclass(frozen=True, slots=True)
class Volume:
    ref: str
    name: str
    capacity_mib: int
    allocation_mib: int


@dataclass(frozen=True, slots=True)
class File:
    """A volume with what its XML tells."""

    path: str
    name: str
    size_mib: int
    backing: str
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pool:
    ref: str
    name: str
    active: bool
    capacity_mib: int
    free_mib: int
    path: str = ""
    type: str = "dir"
    source: str = ""
    """Where it comes from, as every host that has it would say it; empty where it is of this host alone."""

    def holds(self, disk: domains.Disk) -> bool:
        """Whether a disk lies in this pool, by what its machine says of it."""
        return disk.pool == self.name or bool(self.path and disk.path.rpartition("/")[0] == self.path)

    @property
    def of_images(self) -> bool:
        return self.name.startswith(IMAGES)

    @property
    def of_machines(self) -> bool:
        return self.name.startswith(MACHINES) and self.type in OF_FILES

    @property
    def shared(self) -> bool:
        return self.type in SHARED


class Storage(Connection):
    """Each method is one question."""

    def pools(self) -> list[Pool]:
        pools: list[Pool] = self.call(lambda conn: [_pool(pool) for pool in conn.listAllStoragePools()])
        return pools

    def volumes(self, pool: str) -> list[Volume]:
        """All volumes of an active pool; one that vanishes meanwhile is left out."""
        volumes: list[Volume] = self._each(pool, _volume)
        return volumes

    def files(self, pool: str) -> list[File]:
        """As `volumes`, with what lies behind each; folders are not told."""
        return [file for file in self._each(pool, _file) if file is not None]

    def _each(self, pool: str, tell: Any) -> Any:
        def read(conn: Any) -> list[Any]:
            found = []
            for volume in conn.storagePoolLookupByName(pool).listAllVolumes():
                try:
                    found.append(tell(volume))
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                        raise
            return found

        return self.call(read)

    def volume_names(self, pool: str) -> list[str]:
        found: list[str] = self.call(lambda conn: conn.storagePoolLookupByName(pool).listVolumes())
        return found

    def layers(self) -> list[tuple[str, str]]:
        """Paths of volumes in active pools that lie on something, with what they lie on."""
        active = [pool.name for pool in self.pools() if pool.active]
        return [(file.path, file.backing) for pool in active for file in self.files(pool) if file.backing]

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

    def volume_xml(self, pool: str, name: str) -> str:
        """Raises NotFound."""
        return str(self.call(lambda conn: conn.storagePoolLookupByName(pool).storageVolLookupByName(name).XMLDesc()))

    def first_bytes(self, pool: str, name: str, length: int) -> bytes:
        """How a volume begins."""

        def read(conn: Any) -> bytes:
            stream, found = conn.newStream(), b""
            conn.storagePoolLookupByName(pool).storageVolLookupByName(name).download(stream, 0, length)
            while piece := stream.recv(length):
                found += piece
            stream.finish()
            return found

        told: bytes = self.call(read)
        return told

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


def machine_pools(pools: Sequence[Pool]) -> list[Pool]:
    """Active ones that disks can be made in, the one with most room first."""
    usable = [pool for pool in pools if pool.active and pool.of_machines]
    return sorted(usable, key=lambda pool: -pool.free_mib)


def _pool(pool: Any) -> Pool:
    state, capacity, _used, free = pool.info()
    active = state == libvirt.VIR_STORAGE_POOL_RUNNING
    root = domains.parse(pool.XMLDesc())
    kind = root.get("type", "")
    path = root.findtext("target/path", "")
    return Pool(
        pool.UUIDString(), pool.name(), active, capacity // MIB, free // MIB, path, kind, domains.source_of(root)
    )


def _volume(volume: Any) -> Volume:
    _type, capacity, allocation = volume.info()
    return Volume(volume.key(), volume.name(), capacity // MIB, allocation // MIB)


def _file(volume: Any) -> File | None:
    root = domains.parse(volume.XMLDesc())
    if root.get("type") in ("dir", "netdir"):
        return None
    changed = root.findtext("target/timestamps/mtime", "")
    return File(
        path=root.findtext("target/path", "") or volume.key(),
        name=volume.name(),
        size_mib=int(root.findtext("capacity", "0")) // MIB,
        backing=root.findtext("backingStore/path", ""),
        changed_at=datetime.fromtimestamp(float(changed), UTC) if changed else None,
    )
