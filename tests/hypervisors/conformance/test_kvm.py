"""KVM keeps its promises, on a libvirt of the test's own or on the one that LIBVIRT_URI names."""

from __future__ import annotations

import os

import pytest

from hypervisors.conformance import Bench, Promise
from tests.rigs.libvirt.fixtures import libvirt_rig

__all__ = ["libvirt_rig"]

KIND = "kvm"

pytestmark = pytest.mark.rig


@pytest.fixture(autouse=True)
def less_patience_with_deaf_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the rig have nobody in them that would let go of a device, however long they are given."""
    if "LIBVIRT_URI" not in os.environ:
        monkeypatch.setattr("hypervisors.kvm.disks.LET_GO_SECONDS", 2)


def test_kvm_keeps_its_promise(promise: Promise, bench: Bench) -> None:
    promise.check(bench)
