"""KVM keeps its promises, on a libvirt of the test's own or on the one that LIBVIRT_URI names."""

from __future__ import annotations

import pytest

from hypervisors.conformance import Bench, Promise
from tests.rigs.libvirt.fixtures import libvirt_rig

__all__ = ["libvirt_rig"]

KIND = "kvm"

pytestmark = pytest.mark.rig


def test_kvm_keeps_its_promise(promise: Promise, bench: Bench) -> None:
    promise.check(bench)
