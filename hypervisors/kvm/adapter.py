"""KVM through libvirt: one host is one endpoint and one pool; the storage pools it needs are told in `estate`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from hypervisors.contract import (
    Annotate,
    Capabilities,
    CreateMachine,
    Handle,
    Hypervisor,
    Inventory,
    MachineFacts,
    Order,
    PowerOff,
    PowerOn,
    Progress,
    RemoveMachine,
    Restart,
    Shutdown,
    Stamp,
    Target,
)
from hypervisors.errors import NotFound
from hypervisors.kvm import creation, estate, mapping, power, removal
from hypervisors.kvm.client import Client

STEP_OF: dict[type[Order], str] = {
    PowerOn: "starting",
    PowerOff: "stopping",
    Shutdown: "stopping",
    Restart: "starting",
    Annotate: "annotating",
    RemoveMachine: "removing",
}


class Kvm(Hypervisor):
    """One libvirt host. Not shared between threads; a lost connection is opened anew by the next call."""

    kind: ClassVar[str] = "kvm"
    capabilities: ClassVar[Capabilities] = Capabilities(guest_shutdown=True, progress=True)
    copy_limit: ClassVar[int] = 0
    """MiB per second that copying an image into a disk may take; 0 is no limit."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._client = Client(target, mapping.uri(target))

    @classmethod
    def validate(cls, target: Target) -> None:
        mapping.uri(target)

    def check(self) -> str:
        with self._client.deadline():
            library, hypervisor = self._client.version()
        return f"libvirt {_version(library)}, QEMU {_version(hypervisor)}"

    def inventory(self) -> Inventory:
        with self._client.deadline():
            return estate.inventory(self._client)

    def machine(self, ref: str) -> MachineFacts:
        with self._client.deadline():
            return estate.machine(self._client, _reference(ref))

    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        with self._client.deadline():
            if estate.stamped(self._client, stamp) is None:
                return []
            return [estate.machine(self._client, str(stamp.uuid))]

    def _submit(self, order: Order) -> Handle:
        client = self._client
        with client.deadline():
            match order:
                case CreateMachine():
                    creation.check(order)
                    progress = creation.advance(client, order, bandwidth=self.copy_limit)
                    return {"step": progress.step, "uuid": str(order.stamp.uuid)}
                case PowerOn(ref):
                    power.on(client, _reference(ref))
                case PowerOff(ref):
                    power.off(client, _reference(ref))
                case Shutdown(ref):
                    power.ask_to_stop(client, _reference(ref))
                case Restart(ref):
                    power.restart(client, _reference(ref))
                case Annotate():
                    power.annotate(client, _reference(order.ref), order)
                case RemoveMachine(ref, uuid):
                    left = removal.remove(client, _reference(ref), uuid)
                    return {"step": "removing", "uuid": ref, "left": "\n".join(left)}
            return {"step": STEP_OF[type(order)], "uuid": order.ref, "asked_at": str(int(time.time()))}

    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        client = self._client
        with client.deadline():
            match order:
                case CreateMachine():
                    return creation.advance(client, order, bandwidth=self.copy_limit)
                case PowerOn(ref):
                    power.on(client, _reference(ref))
                case PowerOff(ref):
                    power.off(client, _reference(ref))
                case Shutdown():
                    return power.stopping(client, order, asked_at=handle.get("asked_at", ""))
                case Restart(ref):
                    power.must_run(client, _reference(ref))
                case Annotate():
                    power.annotate(client, _reference(order.ref), order)
                case RemoveMachine(ref, uuid):
                    removal.remove(client, _reference(ref), uuid)
            return Progress(done=True, percent=100, step=STEP_OF[type(order)])

    def discard(self, stamp: Stamp) -> None:
        self.guard_writes()
        with self._client.deadline():
            removal.discard(self._client, stamp)

    def close(self) -> None:
        self._client.close()


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


def _reference(ref: str) -> str:
    """References are UUIDs as libvirt writes them; anything else cannot be there."""
    try:
        return str(UUID(ref))
    except ValueError:
        raise NotFound("There is no such machine on this host.") from None
