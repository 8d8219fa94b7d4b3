"""Xen keeps its promises, on a pool of the test's own or on the one that XAPI_URL names."""

from __future__ import annotations

import pytest

from hypervisors.conformance import Bench, Promise
from tests.rigs.xapi.fixtures import xapi_rig

__all__ = ["xapi_rig"]

KIND = "xen"

pytestmark = pytest.mark.rig


def test_xen_keeps_its_promise(promise: Promise, bench: Bench) -> None:
    promise.check(bench)
