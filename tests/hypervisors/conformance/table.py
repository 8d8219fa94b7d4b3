"""The adapters under test, and how many promises each of them keeps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from hypervisors import registry
from hypervisors.conformance import PROMISES, Promise, gaps
from tests.hypervisors.conformance import external


class UnderTest(NamedTuple):
    bench: str
    """Module and class. Made of what its rig's fixture gives, or by `of` of an external server."""
    rig: str
    """Name of the fixture; the module of the tests has it."""


TABLE: Mapping[str, UnderTest] = {
    "simulated": UnderTest("tests.hypervisors.simulated.bench:SimulatedBench", "tmp_path"),
    "vmware": UnderTest("tests.hypervisors.vmware.bench:VcenterBench", "vcenter_rig"),
    "xen": UnderTest("tests.hypervisors.xen.bench:XenBench", "xapi_rig"),
    "kvm": UnderTest("tests.hypervisors.kvm.bench:KvmBench", "libvirt_rig"),
}


class Counts(NamedTuple):
    kept: int
    gaps: int
    unproven: int


def bench_class(kind: str) -> Any:
    module, _, name = TABLE[kind].bench.partition(":")
    return getattr(import_module(module), name)


def gaps_of(kind: str) -> Mapping[int, str]:
    return gaps(registry.adapter_class(kind).capabilities, bench_class(kind).gaps)


def unproven_of(kind: str) -> Mapping[int, str]:
    """Nothing on an external server; a gap is not unproven as well."""
    found = {} if external.target(kind, os.environ) else bench_class(kind).unproven
    return {number: reason for number, reason in found.items() if number not in gaps_of(kind)}


def to_show(kind: str) -> list[Promise]:
    """The promises that run on this adapter."""
    left_out = {*gaps_of(kind), *unproven_of(kind)}
    return [PROMISES[number] for number in sorted(PROMISES) if number not in left_out]


def counts(kind: str) -> Counts:
    return Counts(len(to_show(kind)), len(gaps_of(kind)), len(unproven_of(kind)))
