"""Speaks libvirt: what `Reader` asks, and the changes besides. `Connection` bounds the calls and maps the faults.

These three are the only modules that import libvirt; what they take and give is plain data.
"""

from __future__ import annotations

from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.kvm import domains
from hypervisors.kvm.reading import Reader

UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Client(Reader):
    """Each method is one change."""

    def define(self, xml: str) -> None:
        self.call(lambda conn: conn.defineXML(xml))

    def start(self, uuid: str, *, paused: bool = False) -> None:
        flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0
        self.call(lambda conn: conn.lookupByUUIDString(uuid).createWithFlags(flags))

    def resume(self, uuid: str) -> None:
        self.call(lambda conn: conn.lookupByUUIDString(uuid).resume())

    def destroy(self, uuid: str) -> None:
        self.call(lambda conn: conn.lookupByUUIDString(uuid).destroy())

    def shutdown(self, uuid: str) -> None:
        """Asks by guest agent where there is one, else by the power button."""
        self.call(lambda conn: conn.lookupByUUIDString(uuid).shutdown())

    def reboot_by_agent(self, uuid: str) -> None:
        flags = libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT
        self.call(lambda conn: conn.lookupByUUIDString(uuid).reboot(flags))

    def reset(self, uuid: str) -> None:
        self.call(lambda conn: conn.lookupByUUIDString(uuid).reset())

    def undefine(self, uuid: str) -> None:
        self.call(lambda conn: conn.lookupByUUIDString(uuid).undefineFlags(UNDEFINE))

    def annotate(self, uuid: str, *, lease: str, title: str, description: str) -> None:
        """Writes metadata element, title and description, on the running and on the defined form."""

        def write(conn: Any) -> None:
            domain = conn.lookupByUUIDString(uuid)
            flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
            flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
            for kind, text, prefix, namespace in (
                (libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None),
                (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, description, None, None),
                (libvirt.VIR_DOMAIN_METADATA_ELEMENT, lease, domains.PREFIX, domains.NAMESPACE),
            ):
                domain.setMetadata(kind, text, prefix, namespace, flags)

        self.call(write)

    def pull(self, uuid: str, target: str, mib_per_second: int) -> None:
        """Begins to copy what a running machine's disk lies on into the disk itself; 0 is as fast as it goes."""
        self.call(lambda conn: conn.lookupByUUIDString(uuid).blockPull(target, mib_per_second, 0))

    def create_volume(self, pool: str, xml: str) -> None:
        self.call(lambda conn: conn.storagePoolLookupByName(pool).createXML(xml))

    def delete_volume(self, pool: str, name: str) -> None:
        self.call(lambda conn: conn.storagePoolLookupByName(pool).storageVolLookupByName(name).delete())

    def refresh(self, pool: str) -> None:
        """Makes libvirt look at the pool's files anew."""
        self.call(lambda conn: conn.storagePoolLookupByName(pool).refresh())
