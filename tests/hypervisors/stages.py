"""Four hypervisors, each with a wire that the tests hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from hypervisors import registry
from hypervisors.conformance.bench import Bench
from hypervisors.contract import Hypervisor, Target
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre
from tests.rigs.libvirt import LibvirtRig, certificates
from tests.rigs.libvirt.relay import LibvirtRelay
from tests.rigs.relay import Call, Fate, Relay, Treatment
from tests.rigs.vcenter import VcenterRig
from tests.rigs.xapi import XapiRig


@dataclass(frozen=True)
class Stage:
    """One hypervisor: seen from its own console, and the way to it that passes the wire."""

    bench: Bench
    target: Target
    wire: Any
    """Has `calls`, `treat` and `forget`, as a `Relay` has."""
    connect: Callable[[], Hypervisor]
    vanish: Callable[[str], object]
    """Takes a machine away at the hypervisor's own console."""
    end_sessions: Callable[[], object]
    """Whoever is signed in has to sign in again."""


class File:
    """The way to a simulated data centre: each call is a transaction on its file, and counted after it."""

    def __init__(self, dc: DataCentre) -> None:
        self.dc = dc
        self.forget()

    def forget(self) -> None:
        self.known, self.made = len(self.dc.calls()), 0
        self.treat: Treatment = lambda _call: Fate()

    @property
    def calls(self) -> list[str]:
        return [row["call"] for row in self.dc.calls()[self.known :]]

    def connect(self, target: Target) -> Hypervisor:
        found = Simulated(target)
        asked = found.client._call

        @contextmanager
        def counted(name: str, **about: Any) -> Iterator[Any]:
            with asked(name, **about) as answer:
                yield answer
            self.made += 1
            self.treat(Call(self.made, name, b""))

        found.client._call = counted  # type: ignore[method-assign]
        return found


@contextmanager
def simulated(request: pytest.FixtureRequest) -> Iterator[Stage]:
    from tests.hypervisors.simulated.bench import SimulatedBench

    bench = SimulatedBench(request.getfixturevalue("tmp_path"))
    wire, target = File(bench.dc), Target("simulated", path=bench.dc.path, read_only=False)
    yield Stage(bench, target, wire, lambda: wire.connect(target), bench.dc.delete_by_hand, lambda: None)
    bench.close()


@contextmanager
def kvm(request: pytest.FixtureRequest) -> Iterator[Stage]:
    from tests.hypervisors.kvm.bench import KvmBench

    rig: LibvirtRig = request.getfixturevalue("libvirt_rig")
    bench = KvmBench(rig)
    with LibvirtRelay(rig.socket) as relay:
        target = replace(rig.target(), path=str(relay.path))
        undefine = partial(rig.virsh, "undefine")
        yield Stage(bench, target, relay, partial(registry.connect, target), undefine, relay.hang_up)
    bench.close()


@contextmanager
def vmware(request: pytest.FixtureRequest) -> Iterator[Stage]:
    from tests.hypervisors.vmware.bench import VcenterBench

    rig: VcenterRig = request.getfixturevalue("vcenter_rig")
    bench, shown = VcenterBench(rig), certificates.authority()
    with _relay(rig.target(), rig.authority.pem, shown) as relay:
        target = rig.through(relay.port, shown.pem)
        vanish = lambda ref: bench.console.destroy(bench.console.vm(ref))
        yield Stage(bench, target, relay, partial(registry.connect, target), vanish, bench.console.end_sessions)
    bench.close()


@contextmanager
def xen(request: pytest.FixtureRequest) -> Iterator[Stage]:
    from tests.hypervisors.xen.bench import XenBench

    rig: XapiRig = request.getfixturevalue("xapi_rig")
    bench, shown = XenBench(rig), certificates.authority()
    with _relay(rig.target(), rig.ca_pem, shown) as relay:
        target = rig.target(port=relay.port, ca_pem=shown.pem)
        end_sessions = partial(rig.tell, "kill_sessions")
        vanish = lambda ref: bench._destroy(*bench._vm(ref))
        yield Stage(bench, target, relay, partial(registry.connect, target), vanish, end_sessions)
    bench.close()


def _relay(target: Target, ca_pem: str, shown: certificates.Identity) -> Relay:
    assert target.port is not None
    return Relay((target.address, target.port), tls=certificates.issued("relay", shown), ca_pem=ca_pem)


STAGES: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Stage]]] = {
    "simulated": simulated,
    "kvm": kvm,
    "vmware": vmware,
    "xen": xen,
}
