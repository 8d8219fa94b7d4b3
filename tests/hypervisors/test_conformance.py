"""Every adapter keeps the same promises, or names the ones that its test bench cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hypervisors.conformance import PROMISES, Promise
from tests.hypervisors.benches import KvmBench, SimulatedBench
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import libvirt_rig

__all__ = ["libvirt_rig"]

every_promise = pytest.mark.parametrize("promise", PROMISES.values(), ids=str)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedBench]:
    bench = SimulatedBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def kvm(libvirt_rig: LibvirtRig) -> Iterator[KvmBench]:
    bench = KvmBench(libvirt_rig)
    yield bench
    bench.close()


@every_promise
def test_the_simulated_data_centre_keeps_its_promise(promise: Promise, simulated: SimulatedBench) -> None:
    promise.check(simulated)


@pytest.mark.rig
@pytest.mark.parametrize("promise", [p for p in PROMISES.values() if p.number not in KvmBench.gaps], ids=str)
def test_kvm_keeps_its_promise(promise: Promise, kvm: KvmBench) -> None:
    promise.check(kvm)


def test_the_simulated_data_centre_has_no_gaps() -> None:
    assert set(SimulatedBench.gaps) == set()


def test_the_gaps_of_kvm_are_these() -> None:
    assert set(KvmBench.gaps) == {27, 28, 65}


def test_gaps_are_promises_and_have_reasons() -> None:
    assert set(KvmBench.gaps) <= set(PROMISES)
    assert all(KvmBench.gaps.values())


def test_promises_have_a_sentence_each() -> None:
    assert all(promise.sentence.endswith(".") for promise in PROMISES.values())
