"""Speaks libvirt: what `Reader` asks, and the changes besides. `Connection` bounds the calls and maps the faults.

With `Storage` and `looking` these are the only modules that import libvirt; what they take and give is plain data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.kvm import domains
from hypervisors.kvm.reading import Reader
from hypervisors.kvm.storage import MIB

UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)
LIVE, CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
PIECE = 256 * 1024
"""Bytes of an upload in one message."""


class Client(Reader):
    """Each method is one change."""

    def _on(self, uuid: str, change: Callable[[Any], Any]) -> None:
        self.call(lambda conn: change(conn.lookupByUUIDString(uuid)))

    def define(self, xml: str) -> None:
        self.call(lambda conn: conn.defineXML(xml))

    def start(self, uuid: str, *, paused: bool = False) -> None:
        flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
        self._on(uuid, lambda domain: domain.createWithFlags(flags))

    def pause(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.suspend())

    def resume(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.resume())

    def wake(self, uuid: str) -> None:
        """A guest that put itself to sleep."""
        self._on(uuid, lambda domain: domain.pMWakeup(0))

    def destroy(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.destroy())

    def forget_memory(self, uuid: str) -> None:
        """Of a machine that is off, its memory in a file."""
        self._on(uuid, lambda domain: domain.managedSaveRemove(0))

    def shutdown(self, uuid: str) -> None:
        """Asks by guest agent where there is one, else by the power button."""
        self._on(uuid, lambda domain: domain.shutdown())

    def reboot_by_agent(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.reboot(libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT))

    def reset(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.reset())

    def undefine(self, uuid: str) -> None:
        self._on(uuid, lambda domain: domain.undefineFlags(UNDEFINE))

    def rename(self, uuid: str, name: str) -> None:
        self._on(uuid, lambda domain: domain.rename(name))

    def resize(self, uuid: str, *, vcpus: int, memory_mib: int) -> None:
        """Of a machine that is off: the most it may have and what it has are the same."""

        def change(domain: Any) -> None:
            most = libvirt.VIR_DOMAIN_VCPU_MAXIMUM | CONFIG
            if vcpus < domain.vcpusFlags(CONFIG):
                domain.setVcpusFlags(vcpus, CONFIG)
            domain.setVcpusFlags(vcpus, most)
            domain.setVcpusFlags(vcpus, CONFIG)
            domain.setMemoryFlags(memory_mib * 1024, libvirt.VIR_DOMAIN_MEM_MAXIMUM | CONFIG)
            domain.setMemoryFlags(memory_mib * 1024, CONFIG)

        self._on(uuid, change)

    def annotate(self, uuid: str, *, lease: str, title: str, description: str) -> None:
        """Writes metadata element, title and description, on the running and on the defined form. Empty ones are
        taken away."""

        def write(domain: Any) -> None:
            flags = LIVE if domain.isActive() else 0
            flags |= CONFIG if domain.isPersistent() else 0
            for kind, text, prefix, namespace in (
                (libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None),
                (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, description, None, None),
                (libvirt.VIR_DOMAIN_METADATA_ELEMENT, lease, domains.PREFIX, domains.NAMESPACE),
            ):
                domain.setMetadata(kind, text or None, prefix, namespace, flags)

        self._on(uuid, write)

    def attach(self, uuid: str, xml: str, *, live: bool, config: bool) -> None:
        self._on(uuid, lambda domain: domain.attachDeviceFlags(xml, (LIVE * live) | (CONFIG * config)))

    def ask_to_let_go(self, uuid: str, alias: str) -> None:
        """Asks a running guest to let go of a device; whether it did is seen on the machine."""
        self._on(uuid, lambda domain: domain.detachDeviceAlias(alias, LIVE))

    def detach_defined(self, uuid: str, xml: str) -> None:
        """Takes a device out of the definition."""
        self._on(uuid, lambda domain: domain.detachDeviceFlags(xml, CONFIG))

    def change_medium(self, uuid: str, xml: str, *, live: bool, config: bool) -> None:
        """Even where the guest has locked the drive."""
        force = libvirt.VIR_DOMAIN_DEVICE_MODIFY_FORCE
        flags = (LIVE * live) | (CONFIG * config) | force
        self._on(uuid, lambda domain: domain.updateDeviceFlags(xml, flags))

    def grow_running(self, uuid: str, target: str, size_mib: int) -> None:
        flags = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
        self._on(uuid, lambda domain: domain.blockResize(target, size_mib * MIB, flags))

    def pull(self, uuid: str, target: str, mib_per_second: int) -> None:
        """Begins to copy what a running machine's disk lies on into the disk itself; 0 is as fast as it goes."""
        self._on(uuid, lambda domain: domain.blockPull(target, mib_per_second, 0))

    # Snapshots: each may take minutes. True when it is done.

    def take_snapshot(self, uuid: str, xml: str) -> bool:
        return self.launch(lambda conn: conn.lookupByUUIDString(uuid).snapshotCreateXML(xml, 0))

    def redefine_snapshot(self, uuid: str, xml: str, *, current: bool) -> None:
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if current else 0
        self._on(uuid, lambda domain: domain.snapshotCreateXML(xml, flags))

    def revert_snapshot(self, uuid: str, name: str) -> bool:
        force = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE

        def change(conn: Any) -> None:
            domain = conn.lookupByUUIDString(uuid)
            domain.revertToSnapshot(domain.snapshotLookupByName(name), force)

        return self.launch(change)

    def remove_snapshot(self, uuid: str, name: str) -> bool:
        return self.launch(lambda conn: conn.lookupByUUIDString(uuid).snapshotLookupByName(name).delete())

    # Storage

    def create_volume(self, pool: str, xml: str) -> None:
        self.call(lambda conn: conn.storagePoolLookupByName(pool).createXML(xml))

    def copy_volume(self, pool: str, name: str, xml: str, mark: Callable[[str], str]) -> bool:
        """A new volume with the content of another. It may take hours; once it is whole, another one is made that says
        so, of what `mark` makes of the new one's XML. True when it is done."""

        def change(conn: Any) -> None:
            there = conn.storagePoolLookupByName(pool)
            made = there.createXMLFrom(xml, there.storageVolLookupByName(name), 0)
            there.createXML(mark(made.XMLDesc()))

        return self.launch(change)

    def upload(self, pool: str, name: str, data: bytes) -> None:
        """Writes a volume's content, a piece at a time."""

        def write(conn: Any) -> None:
            volume = conn.storagePoolLookupByName(pool).storageVolLookupByName(name)
            stream = conn.newStream()
            try:
                volume.upload(stream, 0, len(data))
                for start in range(0, len(data), PIECE):
                    _send(stream, data[start : start + PIECE])
                stream.finish()
            except libvirt.libvirtError:
                stream.abort()
                raise

        self.call(write)

    def grow_volume(self, pool: str, name: str, size_mib: int) -> None:
        self.call(lambda conn: conn.storagePoolLookupByName(pool).storageVolLookupByName(name).resize(size_mib * MIB))

    def delete_volume(self, pool: str, name: str) -> None:
        self.call(lambda conn: conn.storagePoolLookupByName(pool).storageVolLookupByName(name).delete())

    def refresh(self, pool: str) -> None:
        """Makes libvirt look at the pool's files anew."""
        self.call(lambda conn: conn.storagePoolLookupByName(pool).refresh())


def _send(stream: Any, piece: bytes) -> None:
    while piece:
        sent = stream.send(piece)
        piece = piece[sent:]
