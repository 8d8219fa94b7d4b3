"""VMware keeps its promises, on a vCenter of the test's own or on the one that VCENTER_URL names."""

from __future__ import annotations

import pytest

from hypervisors.conformance import Bench, Promise
from tests.rigs.vcenter.fixtures import vcenter_rig

__all__ = ["vcenter_rig"]

KIND = "vmware"

pytestmark = pytest.mark.rig


def test_vmware_keeps_its_promise(promise: Promise, bench: Bench) -> None:
    promise.check(bench)
