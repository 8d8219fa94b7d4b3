"""A pool of the test's own, seen through the real client, and an adapter to look at it with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from hypervisors.contract import CreateMachine, Holding, Order, Progress, Stamp
from hypervisors.errors import Busy
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import XenBench
from tests.rigs.xapi import XapiRig

HOLDING = Holding("Lena Brandt", "A test", "2031-03-14", "M-4711")


@pytest.fixture(scope="module")
def server() -> Iterator[XapiRig]:
    with XapiRig() as rig:
        yield rig


@pytest.fixture
def rig(server: XapiRig) -> Iterator[XapiRig]:
    server.settings(clone_seconds=0.0, shutdown_seconds=0.4)
    server.tell("reset_log")
    yield server
    server.tell("clear_faults")


@pytest.fixture
def bench(rig: XapiRig) -> Iterator[XenBench]:
    bench = XenBench(rig)
    yield bench
    bench.close()


@pytest.fixture
def xapi(bench: XenBench) -> Any:
    """The real client, logged in."""
    return bench.xapi


@pytest.fixture
def xen(bench: XenBench) -> Iterator[Xen]:
    """The adapter. What it asks comes from the originator `leasehold`."""
    adapter = Xen(bench.target)
    yield adapter
    adapter.close()


@dataclass
class Desk:
    """Writes orders and sees them through."""

    bench: XenBench

    def order(self, name: str = "web-1", **changes: Any) -> CreateMachine:
        uuid = uuid4()
        facts: dict[str, Any] = {"stamp": Stamp(f"op-{uuid.hex[:12]}", uuid), "name": f"hand-{name}"}
        facts |= {"image_ref": self.bench.image_ref, "pool_ref": self.bench.pool_ref, "vcpus": 1, "memory_mib": 256}
        return CreateMachine(**facts | {"disk_mib": 4096, "holding": HOLDING} | changes)

    def carry_out(self, xen: Xen, order: Order, seconds: float = 20) -> Progress:
        """Asks again when it is told to, as the engine does."""
        deadline = time.monotonic() + seconds
        handle = None
        while True:
            assert time.monotonic() < deadline
            with suppress(Busy):
                if handle is None:
                    handle = xen.submit(order)
                progress = xen.poll(order, handle)
                if progress.done:
                    return progress
                handle = handle if progress.handle is None else progress.handle
            time.sleep(0.02)

    def make(self, xen: Xen, name: str = "web-1", **changes: Any) -> str:
        return self.carry_out(xen, self.order(name, **changes)).ref

    def left(self) -> tuple[set[str], set[str], list[str]]:
        """Machines, disks and notes that are not the pool's own."""
        tasks = self.bench.xapi.task.get_all_records().values()
        notes = [task["name_label"] for task in tasks if task["name_label"].startswith("lh-")]
        return set(self.bench.machines()), self.bench.disks(), notes


@pytest.fixture
def desk(bench: XenBench) -> Desk:
    return Desk(bench)


def calls_of(rig: XapiRig) -> list[str]:
    """What adapters asked since the log was last reset."""
    return [call["method"] for call in rig.calls() if call["originator"] == "leasehold"]


@pytest.fixture
def ref(bench: XenBench) -> str:
    """A machine that runs; its guest has drivers and does not listen."""
    return bench.make_by_hand("hand-web-1", on=True)
