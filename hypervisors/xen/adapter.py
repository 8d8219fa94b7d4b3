"""Pools of XenServer and XCP-ng, by XenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from hypervisors import contract, fields
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
from hypervisors.words import line
from hypervisors.xen import (
    annotating,
    changes,
    cloning,
    creation,
    estate,
    filing,
    networking,
    power,
    removal,
    seeding,
    snapshots,
    storing,
    telling,
    usage,
)  # fmt: skip
from hypervisors.xen.client import Client
from hypervisors.xen.estate import Places
from hypervisors.xen.work import Step, Work, clear, look

ORDERS: Mapping[type[Order], tuple[str, Callable[[Work, Any], Step]]] = {
    contract.CreateMachine: ("placing", creation.advance),
    contract.PowerOn: ("starting", power.on),
    contract.PowerOff: ("stopping", power.off),
    contract.Shutdown: ("stopping", power.shutdown),
    contract.Restart: ("starting", power.restart),
    contract.Reset: ("starting", power.reset),
    contract.Suspend: ("suspending", power.suspend),
    contract.Resume: ("starting", power.resume),
    contract.DetachSeed: ("seeding", seeding.detach),
    contract.Resize: ("resizing", annotating.resize),
    contract.AddDisk: ("disk", storing.add),
    contract.GrowDisk: ("disk", storing.grow),
    contract.RemoveDisk: ("disk", storing.remove),
    contract.AddNic: ("network", networking.add),
    contract.RemoveNic: ("network", networking.remove),
    contract.TakeSnapshot: ("snapshot", snapshots.take),
    contract.RevertSnapshot: ("reverting", snapshots.revert),
    contract.RemoveSnapshot: ("snapshot", snapshots.remove),
    contract.Rename: ("renaming", annotating.rename),
    contract.Annotate: ("annotating", annotating.annotate),
    contract.RemoveMachine: ("removing", removal.remove),
    contract.RetireDiskFile: ("renaming", filing.retire),
    contract.RestoreDiskFile: ("renaming", filing.restore),
    contract.RemoveDiskFile: ("removing", filing.remove),
}
"""The step that is told, and what looks at the machine or the disk and takes it."""


class Xen(Hypervisor):
    """One pool, through its coordinator. Not shared between threads."""

    kind: ClassVar[str] = "xen"
    capabilities: ClassVar[Capabilities] = Capabilities(
        guest_shutdown=True, progress=True, suspend=True, resize=True, disks=True, nics=True, snapshots=True,
        rename=True, seed=True, changes=True, usage=True, events=True, disk_files=True,
        retire_files=True, rights=True,
    )  # fmt: skip

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._client = Client(target)
        self._places = Places(self._client)

    @classmethod
    def validate(cls, target: Target) -> None:
        fields.check_https(target)

    @classmethod
    def tls_port(cls, target: Target) -> int | None:
        return 443

    def check(self) -> str:
        with self._client.deadline():
            pool = next(iter(self._client.records("pool").values()))
            host = self._client.record("host", pool["master"])
        about = host["software_version"]
        product = f"{about.get('product_brand', 'XenServer')} {about.get('product_version', '')}"
        return line(f"{product.strip()}, XenAPI {host['API_version_major']}.{host['API_version_minor']}")

    def inventory(self) -> Inventory:
        with self._client.deadline():
            return estate.inventory(self._client)

    def machine(self, ref: str) -> MachineFacts:
        with self._client.deadline():
            return estate.machine(self._client, self._places, ref)

    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        with self._client.deadline():
            return creation.find(self._client, self._places, stamp)

    def changes(self, token: str) -> Changes:
        with self._client.deadline():
            return changes.changes(self._client, self._places, token)

    def usage(self, refs: Sequence[str]) -> Sequence[UsageSample]:
        with self._client.deadline():
            return usage.usage(self._client, refs)

    def events(self, since: datetime) -> Sequence[Event]:
        with self._client.deadline():
            return telling.events(self._client, since)

    def disk_files(self) -> DiskFiles:
        with self._client.deadline():
            return telling.disk_files(self._client)

    def missing_rights(self) -> Sequence[str]:
        with self._client.deadline():
            return telling.missing_rights(self._client)

    def _submit(self, order: Order) -> Handle:
        with self._client.deadline():
            step = self._take(order, Work(self._client, self._places, {}))
            return _handle(step, {})

    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        with self._client.deadline():
            work = Work(self._client, self._places, handle)
            task = handle.get("task", "")
            if task:
                seen = look(self._client, task)
                if seen.pending and not isinstance(order, contract.Shutdown | contract.Restart):
                    return Progress(
                        False, _share(order, handle, seen.percent), handle.get("step") or ORDERS[type(order)][0]
                    )
                work.failed, work.pending = seen.failed, seen.pending
                work.ended = not (seen.gone or seen.pending or seen.failed)
            if work.failed is not None and work.failed.retryable:  # what was in the way may be gone
                clear(self._client, task)
                handle = {key: value for key, value in handle.items() if key != "task"}
                work.failed, work.handle = None, handle
            return self._progress(order, self._take(order, work), handle)

    def _take(self, order: Order, work: Work) -> Step:
        return ORDERS[type(order)][1](work, order)

    def _progress(self, order: Order, step: Step, handle: Handle) -> Progress:
        said = step.step or ORDERS[type(order)][0]
        if step.done:
            return Progress(True, 100, said, step.ref)
        new = _handle(step, handle)
        return Progress(False, step.percent, said, handle=None if new == handle else new)

    def discard(self, stamp: Stamp) -> None:
        self.guard_writes()
        with self._client.deadline():
            creation.discard(self._client, self._places, stamp)

    def close(self) -> None:
        self._client.close()


def _handle(step: Step, before: Handle) -> dict[str, str]:
    """What stays of the handle before, the task that is under way now, and the step that it belongs to."""
    kept = {key: value for key, value in before.items() if key not in ("task", "step")} | dict(step.kept or {})
    task = step.task or before.get("task", "")
    return kept | ({"task": task} if task else {}) | ({"step": step.step} if step.step else {})


def _share(order: Order, handle: Handle, percent: int) -> int:
    """Copying is only the first part of a creation, and starting the last."""
    if not isinstance(order, contract.CreateMachine):
        return percent
    return creation.starting(percent) if handle.get("step") == "starting" else cloning.share(percent)
