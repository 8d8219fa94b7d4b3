"""A sweep reads the signs of all machines, and details only where a sign moved: counted at the wire."""

from __future__ import annotations

import pytest

from hypervisors.contract import MachineFacts
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench
from tests.rigs.relay import Call, Fate

pytestmark = pytest.mark.rig

SWEEP = ["CreateContainerView", "RetrievePropertiesEx", "DestroyView"]
DETAIL = b"config.hardware.device"


@pytest.fixture
def bodies(bench: VcenterBench) -> list[bytes]:
    """What the adapter asks from now on."""
    asked: list[bytes] = []

    def listen(call: Call) -> Fate:
        asked.append(call.body)
        return Fate()

    bench.relay.treat = listen
    return asked


def told(vmware: Vmware, token: str) -> tuple[list[MachineFacts], str]:
    changes = vmware.changes(token)
    assert changes.complete
    return list(changes.machines), changes.token


def test_unchanged_sweep_reads_no_details(bench: VcenterBench, vmware: Vmware, bodies: list[bytes]) -> None:
    token = vmware.changes("").token
    bench.relay.calls.clear()
    bodies.clear()

    assert told(vmware, token) == ([], token)

    assert bench.relay.calls == SWEEP
    assert not any(DETAIL in body for body in bodies)


def test_details_are_read_of_the_changed_machine_only(bench: VcenterBench, vmware: Vmware, bodies: list[bytes]) -> None:
    refs = [bench.make_by_hand(f"hand-sweep-{number}") for number in range(3)]
    token = vmware.changes("").token
    bench.console.reconfigure(bench.console.vm(refs[1]), annotation="changed by hand")
    bodies.clear()

    machines, _ = told(vmware, token)

    assert [(one.ref, one.note) for one in machines] == [(refs[1], "changed by hand")]
    detailed = [body for body in bodies if DETAIL in body]
    assert len(detailed) == 1
    assert [ref for ref in refs if ref.encode() in detailed[0]] == [refs[1]]


@pytest.mark.parametrize("act", ["snapshot", "field", "template", "move"])
def test_what_leaves_the_configuration_alone_is_seen_too(act: str, bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-moved")
    vm = bench.console.vm(ref)
    token = vmware.changes("").token
    if act == "snapshot":
        bench.console.finish(vm.CreateSnapshot_Task("before", "", False, False))
    elif act == "field":
        bench.label_by_hand(ref, "conf-cost-centre", "4711")
    elif act == "move":
        bench.file_by_hand(ref, "conf-folder")
    else:
        vm.MarkAsTemplate()

    changes = vmware.changes(token)

    if act == "template":
        assert (list(changes.machines), list(changes.gone)) == ([], [ref])
    else:
        assert [one.ref for one in changes.machines] == [ref]


def test_scan_costs_as_many_calls_for_more_machines(bench: VcenterBench, vmware: Vmware) -> None:
    vmware.check()
    counts = []
    for number in range(2):
        bench.relay.calls.clear()
        vmware.inventory()
        counts.append(len(bench.relay.calls))
        for each in range(5):
            bench.make_by_hand(f"hand-more-{number}-{each}")

    assert counts[0] == counts[1]
