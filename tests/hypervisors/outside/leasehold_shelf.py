"""An adapter outside of Leasehold: its hypervisor is a dictionary, and all its work is done at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from hypervisors import contract, errors, fields, words
from hypervisors.contract import CreateMachine, Handle, MachineFacts, Order, Power, Progress, Stamp

POOL, NETWORK, IMAGE, IMAGE_MIB = "shelf", "lan", "image-debian", 64
HOST_MIB = 65_536
Switch = contract.PowerOn | contract.PowerOff | contract.Shutdown | contract.Restart | contract.Reset


@dataclass(frozen=True)
class Box:
    """A machine of this hypervisor."""

    uuid: UUID
    name: str
    vcpus: int = 1
    memory_mib: int = 16
    disk_mib: int = IMAGE_MIB
    on: bool = False
    note: str = ""
    holding: contract.Holding | None = None
    operation: str = ""
    managed_by: str = ""
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Shelf:
    """The hypervisor itself. Someone else's, in another process, at the end of a wire."""

    boxes: dict[str, Box] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    dark: bool = False


SHELVES: dict[str, Shelf] = {}
"""By address."""


class Shelved(contract.Hypervisor):
    kind = "shelf"
    capabilities = contract.Capabilities(rename=True)

    @classmethod
    def validate(cls, target: contract.Target) -> None:
        fields.check_common(target)
        fields.host(target.address)

    @contextmanager
    def _boxes(self) -> Iterator[dict[str, Box]]:
        """A call over the wire: it is bounded in time, and its faults become ours."""
        shelf = SHELVES.get(self.target.address)
        if shelf is None or shelf.dark or not shelf.lock.acquire(timeout=self.target.timeout):
            raise errors.Unreachable("The shelf does not answer.")
        try:
            yield shelf.boxes
        finally:
            shelf.lock.release()

    # Looking

    def check(self) -> str:
        with self._boxes():
            return "Shelf 1.0"

    def inventory(self) -> contract.Inventory:
        with self._boxes() as boxes:
            used = sum(box.disk_mib for box in boxes.values())
            return contract.Inventory(
                complete=True,
                pools=[contract.PoolFacts(POOL, "Shelf")],
                hosts=[contract.HostFacts("host", "Shelf", POOL, cpus=8, memory_mib=HOST_MIB)],
                datastores=[contract.DatastoreFacts("disk", "Disk", 1_000_000, 1_000_000 - used)],
                networks=[contract.NetworkFacts(NETWORK, "LAN")],
                images=[contract.ImageFacts(IMAGE, "Debian", IMAGE_MIB)],
                machines=[_facts(ref, box) for ref, box in boxes.items()],
            )

    def machine(self, ref: str) -> MachineFacts:
        with self._boxes() as boxes:
            return _facts(ref, _need(boxes, ref))

    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        with self._boxes() as boxes:
            return [_facts(ref, box) for ref, box in boxes.items() if _carries(box, stamp)]

    # Changing. All is done when `submit` returns; `poll` looks whether it is so.

    def _submit(self, order: Order) -> Handle:
        with self._boxes() as boxes:
            if isinstance(order, CreateMachine):
                _create(boxes, order)
            elif isinstance(order, contract.Shutdown) and _unmanaged(boxes, order.ref).on:
                return {"asked_at": str(time.time())}
            else:
                _change(boxes, order)
        return {}

    def poll(self, order: Order, handle: Handle) -> Progress:
        self.guard_writes()
        if isinstance(order, CreateMachine):
            found = self.find(order.stamp)
            if not found:
                raise errors.NotFound("Nothing of this machine is left.")
            return Progress(done=True, percent=100, step="starting", ref=found[0].ref)
        with self._boxes() as boxes:
            if isinstance(order, contract.Shutdown) and _unmanaged(boxes, order.ref).on:
                asked_at = float(handle.get("asked_at") or time.time())
                if time.time() < asked_at + order.patience:  # a box never listens
                    return Progress(done=False, step="stopping", handle={"asked_at": str(asked_at)})
            if not isinstance(order, contract.Restart | contract.Reset):  # once is enough
                _change(boxes, order)
        return Progress(done=True, percent=100, step="defining")

    def discard(self, stamp: Stamp) -> None:
        self.guard_writes()
        with self._boxes() as boxes:
            for ref in [ref for ref, box in boxes.items() if _carries(box, stamp)]:
                del boxes[ref]


def _facts(ref: str, box: Box) -> MachineFacts:
    """Their words to ours. Text of people is hostile: it is cut to length, and stripped of what terminals obey."""
    return MachineFacts(
        ref=ref,
        uuid=box.uuid,
        name=words.line(box.name),
        power=Power.ON if box.on else Power.OFF,
        vcpus=box.vcpus,
        memory_mib=box.memory_mib,
        disks=(contract.DiskFacts(f"{ref}/disk", "disk", box.disk_mib, "disk"),),
        nics=(contract.NicFacts(f"{ref}/nic", contract.mac_of(str(box.uuid)), NETWORK),),
        pool_ref=POOL,
        host_ref="host" if box.on else "",
        note=words.block(box.note),
        created_at=box.made_at,
        managed_by=words.line(box.managed_by),
        stamp_operation=box.operation,
    )


def _carries(box: Box, stamp: Stamp) -> bool:
    return (box.operation, box.uuid) == (stamp.operation, stamp.uuid)


def _need(boxes: dict[str, Box], ref: str) -> Box:
    if ref not in boxes:
        raise errors.NotFound("There is no such machine on this shelf.")
    return boxes[ref]


def _unmanaged(boxes: dict[str, Box], ref: str) -> Box:
    box = _need(boxes, ref)
    if box.managed_by:
        raise errors.InvalidRequest(f"{words.line(box.managed_by)} manages this machine; nothing was touched.")
    return box


def _create(boxes: dict[str, Box], order: CreateMachine) -> None:
    if any(_carries(box, order.stamp) for box in boxes.values()):
        return  # an earlier submit of the same order made it
    _check_name(boxes, order.name)
    if order.image_ref != IMAGE or order.pool_ref != POOL or order.network_ref not in ("", NETWORK):
        raise errors.NotFound("The image, the pool or the network is not there.")
    if order.disk_mib < IMAGE_MIB or order.vcpus < 1 or order.memory_mib < 1:
        raise errors.InvalidRequest("The disk is smaller than its image, or there is no vCPU or no memory.")
    if sum(box.memory_mib for box in boxes.values() if box.on) + order.memory_mib > HOST_MIB:
        raise errors.NoCapacity("The shelf has not enough memory left.")
    boxes[f"box-{order.stamp.uuid}"] = Box(
        order.stamp.uuid, order.name, order.vcpus, order.memory_mib, order.disk_mib, on=True,
        holding=order.holding, operation=order.stamp.operation,
    )  # fmt: skip


def _check_name(boxes: dict[str, Box], name: str) -> None:
    words.check_name(name)
    if name in {box.name for box in boxes.values()}:
        raise errors.NameTaken(f"Another machine on this shelf is called {words.line(name)}.")


def _change(boxes: dict[str, Box], order: Order) -> None:
    """Makes it as the order wants it. What is so already stays as it is, so that it can be asked twice."""
    match order:
        case contract.Rename(ref, name):
            if _unmanaged(boxes, ref).name != name:
                _check_name(boxes, name)
                boxes[ref] = replace(boxes[ref], name=name)
        case contract.Annotate(ref, holding, stamp):
            box = _need(boxes, ref)
            if stamp is not None and stamp.uuid != box.uuid:
                raise errors.InvalidRequest("The machine behind this reference is another one; nothing was written.")
            boxes[ref] = replace(box, holding=holding, operation=stamp.operation if stamp else box.operation)
        case contract.RemoveMachine(ref, uuid):
            if ref in boxes and _unmanaged(boxes, ref).uuid != uuid:
                raise errors.InvalidRequest("The machine behind this reference is another one; nothing was removed.")
            boxes.pop(ref, None)
        case _ if isinstance(order, Switch):
            _switch(boxes, order)


def _switch(boxes: dict[str, Box], order: Switch) -> None:
    box = _unmanaged(boxes, order.ref)
    match order:
        case contract.PowerOn(ref):
            boxes[ref] = replace(box, on=True)
        case contract.PowerOff(ref) | contract.Shutdown(ref):
            boxes[ref] = replace(box, on=False)
        case contract.Restart() | contract.Reset():
            if not box.on:
                raise errors.WrongState("The machine is off.")
