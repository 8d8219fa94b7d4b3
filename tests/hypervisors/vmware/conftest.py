"""A vCenter of the test's own behind a relay, and connections to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench
from tests.rigs.vcenter import VcenterRig
from tests.rigs.vcenter.fixtures import vcenter_rig

__all__ = ["vcenter_rig"]


@pytest.fixture
def bench(vcenter_rig: VcenterRig) -> Iterator[VcenterBench]:
    bench = VcenterBench(vcenter_rig)
    yield bench
    bench.close()


@pytest.fixture
def vmware(bench: VcenterBench) -> Iterator[Vmware]:
    adapter = bench.connect()
    assert isinstance(adapter, Vmware)
    yield adapter
    adapter.close()
