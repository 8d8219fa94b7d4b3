"""A small data centre where all work is instant, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from hypervisors.contract import CreateMachine, Holding, Order, Progress, Stamp, Target
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre

NOW = datetime(2026, 11, 20, 10, 42, tzinfo=UTC)


@pytest.fixture
def dc(tmp_path: Path) -> Iterator[DataCentre]:
    centre = DataCentre(tmp_path / "north.dc.sqlite3")
    centre.set_durations(0)
    datastore = centre.add_datastore("ssd-1", capacity_mib=1_000_000)
    pool = centre.add_pool("Hamburg general", datastore_ref=datastore, network_ref=centre.add_network("lan"))
    centre.add_host("esx-01", pool_ref=pool, memory_mib=65_536)
    centre.add_image("Debian 12", disk_mib=8_192, datastore_ref=datastore)
    yield centre
    centre.close()


@pytest.fixture
def target(dc: DataCentre) -> Target:
    return Target("simulated", path=dc.path, read_only=False)


@pytest.fixture
def hv(target: Target) -> Iterator[Simulated]:
    adapter = Simulated(target)
    yield adapter
    adapter.close()


@pytest.fixture
def watching(target: Target) -> Iterator[Simulated]:
    adapter = Simulated(replace(target, read_only=True))
    yield adapter
    adapter.close()


@pytest.fixture
def order(watching: Simulated, dc: DataCentre) -> CreateMachine:
    """A machine that can be made."""
    scan = watching.inventory()
    return CreateMachine(
        stamp=Stamp("op-1", uuid4()),
        name="web-1",
        image_ref=scan.images[0].ref,
        pool_ref=scan.pools[0].ref,
        vcpus=2,
        memory_mib=4_096,
        disk_mib=40_960,
        holding=Holding("Lena Brandt", "Load test", "2026-12-31", "M-1"),
    )


@pytest.fixture
def drive(hv: Simulated) -> Callable[[Order], Progress]:
    """Submits and polls to the end; nothing here takes time, so a few polls must do."""

    def to_the_end(order: Order) -> Progress:
        handle = hv.submit(order)
        polls = (hv.poll(order, handle) for _ in range(10))
        return next(progress for progress in polls if progress.done)

    return to_the_end
