"""VMware through a vCenter: a cluster is a pool, a template is an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from hypervisors import fields
from hypervisors.contract import (
    Capabilities,
    Changes,
    DiskFiles,
    Event,
    Handle,
    Hypervisor,
    Inventory,
    MachineFacts,
    Order,
    Progress,
    Stamp,
    Target,
    UsageSample,
)
from hypervisors.vmware import estate, events, files, orders, removal, telling
from hypervisors.vmware.client import Client


class Vmware(Hypervisor):
    """One vCenter. Not shared between threads; a lost connection or session is opened anew by the next call."""

    kind: ClassVar[str] = "vmware"
    capabilities: ClassVar[Capabilities] = Capabilities(
        guest_shutdown=True,
        progress=True,
        suspend=True,
        resize=True,
        disks=True,
        nics=True,
        snapshots=True,
        rename=True,
        seed=True,
        changes=True,
        usage=True,
        events=True,
        authors=True,
        disk_files=True,
        retire_files=True,
        rights=True,
    )

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._client = Client(target)

    @classmethod
    def validate(cls, target: Target) -> None:
        fields.check_https(target)

    @classmethod
    def tls_port(cls, target: Target) -> int | None:
        return 443

    def check(self) -> str:
        return self._client.run(self._client.product)

    def inventory(self) -> Inventory:
        return self._client.run(lambda: estate.inventory(self._client))

    def changes(self, token: str) -> Changes:
        return self._client.run(lambda: estate.changes(self._client, token))

    def machine(self, ref: str) -> MachineFacts:
        return self._client.run(lambda: estate.machine(self._client, ref))

    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        return self._client.run(lambda: self._find(stamp))

    def _find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        """One that is still being copied cannot tell its stamp, and is known by the name that follows from it."""
        rows = estate.found(self._client, stamp)
        return [
            replace(one, uuid=stamp.uuid, stamp_operation=stamp.operation) for one in estate.told(self._client, rows)
        ]

    def usage(self, refs: Sequence[str]) -> Sequence[UsageSample]:
        return self._client.run(lambda: list(telling.usage(self._client, refs)))

    def events(self, since: datetime) -> Sequence[Event]:
        return self._client.run(lambda: events.events(self._client, since))

    def disk_files(self) -> DiskFiles:
        return self._client.run(lambda: files.disk_files(self._client))

    def missing_rights(self) -> Sequence[str]:
        return self._client.run(lambda: telling.missing_rights(self._client))

    def _submit(self, order: Order) -> Handle:
        return self._client.run(lambda: orders.submit(self._client, order))

    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        return self._client.run(lambda: orders.poll(self._client, order, handle))

    def discard(self, stamp: Stamp) -> None:
        self.guard_writes()
        self._client.run(lambda: removal.discard(self._client, stamp))

    def close(self) -> None:
        self._client.close()
