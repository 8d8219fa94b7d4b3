"""A libvirt of the test's own, empty for each test, and connections to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest

from hypervisors.contract import CreateMachine, Holding, Order, Progress, Stamp
from hypervisors.errors import Busy
from hypervisors.kvm.adapter import Kvm
from hypervisors.kvm.telling import POOL_REF
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import libvirt_rig

__all__ = ["libvirt_rig"]

FORGET = ("--snapshots-metadata", "--managed-save")
HOLDING = Holding("Ann Holder", "Trial of the new index", "2026-12-24", "https://lease.example/m/1")


@pytest.fixture
def rig(libvirt_rig: LibvirtRig) -> Iterator[LibvirtRig]:
    yield libvirt_rig
    for ref in libvirt_rig.virsh("list", "--all", "--uuid").stdout.split():
        libvirt_rig.virsh("destroy", ref, check=False)  # those that are off refuse
        libvirt_rig.virsh("undefine", ref, *FORGET, check=False)  # transient ones are gone by now
    for name in libvirt_rig.volumes():
        (libvirt_rig.root / "machines" / name).unlink()
    libvirt_rig.virsh("pool-refresh", "machines")


@pytest.fixture
def kvm(rig: LibvirtRig) -> Iterator[Kvm]:
    adapter = Kvm(rig.target())
    yield adapter
    adapter.close()


@pytest.fixture
def observer(rig: LibvirtRig) -> Iterator[Kvm]:
    adapter = Kvm(rig.target(read_only=True))
    yield adapter
    adapter.close()


@dataclass
class Desk:
    """Writes orders and sees them through."""

    rig: LibvirtRig

    def order(self, name: str = "web-1", *, image: str = "deaf", disk_mib: int = 96) -> CreateMachine:
        uuid = uuid4()
        stamp = Stamp(f"op-{uuid.hex[:12]}", uuid)
        return CreateMachine(stamp, name, f"{image}.qcow2", POOL_REF, 1, 16, disk_mib, HOLDING)

    def carry_out(self, kvm: Kvm, order: Order) -> Progress:
        handle = kvm.submit(order)
        return self.see_through(lambda: kvm.poll(order, handle))

    def see_through(self, poll: Callable[[], Progress], seconds: float = 30) -> Progress:
        """Asks again when it is told to, as the engine does."""
        deadline, progress = time.monotonic() + seconds, None
        while progress is None or not progress.done:
            assert time.monotonic() < deadline, progress
            time.sleep(0.1 if progress else 0)
            with suppress(Busy):
                progress = poll()
        return progress

    def make(self, kvm: Kvm, name: str = "web-1", *, image: str = "deaf") -> str:
        return self.carry_out(kvm, self.order(name, image=image)).ref

    def define(self, xml: str) -> None:
        file = self.rig.root / "by-hand.xml"
        file.write_text(xml)
        self.rig.virsh("define", str(file))

    def machines(self) -> set[str]:
        return set(self.rig.virsh("list", "--all", "--uuid").stdout.split())


@pytest.fixture
def desk(rig: LibvirtRig) -> Desk:
    return Desk(rig)
