"""Power and size, where XAPI has ways of its own: guests that do not listen, tasks, refusals."""

from __future__ import annotations

import time
from typing import Any

import pytest

from hypervisors.contract import (
    Power,
    PowerOff,
    PowerOn,
    Resize,
    Restart,
    Resume,
    Shutdown,
    Suspend,
)
from hypervisors.errors import Unsupported, WrongState
from hypervisors.xen import power
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import MIB, XenBench
from tests.hypervisors.xen.conftest import Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


@pytest.mark.parametrize("behaviour", ["plain", "deaf", "stuck"])
def test_guest_that_does_not_stop_loses_its_plug(rig: XapiRig, xen: Xen, desk: Desk, ref: str, behaviour: str) -> None:
    rig.tell("guest", vm=ref, behaviour=behaviour)
    began = time.monotonic()

    desk.carry_out(xen, Shutdown(ref, patience=1))

    assert xen.machine(ref).power is Power.OFF
    assert time.monotonic() - began >= 1
    assert calls_of(rig).count("Async.VM.clean_shutdown") == 1
    assert calls_of(rig).count("Async.VM.hard_shutdown") == 1


def test_guest_that_stops_keeps_its_plug(rig: XapiRig, xen: Xen, desk: Desk, ref: str) -> None:
    rig.tell("guest", vm=ref, behaviour="agent")

    desk.carry_out(xen, Shutdown(ref, patience=60))

    assert "Async.VM.hard_shutdown" not in calls_of(rig)


def test_plug_is_pulled_once_however_long_it_takes(rig: XapiRig, xen: Xen, desk: Desk, ref: str) -> None:
    rig.settings(stop_seconds=0.3)
    try:
        desk.carry_out(xen, Shutdown(ref, patience=0))
    finally:
        rig.settings(stop_seconds=0.0)

    assert calls_of(rig).count("Async.VM.hard_shutdown") == 1


@pytest.mark.parametrize("behaviour", ["agent", "plain", "deaf", "stuck"])
def test_guest_that_does_not_restart_is_reset(rig: XapiRig, xen: Xen, desk: Desk, ref: str, behaviour: str) -> None:
    rig.tell("guest", vm=ref, behaviour=behaviour)

    desk.carry_out(xen, Restart(ref))

    assert xen.machine(ref).power is Power.ON
    assert calls_of(rig).count("Async.VM.hard_reboot") == (behaviour != "agent")


def test_guest_that_takes_for_ever_to_restart_is_reset(
    rig: XapiRig, xen: Xen, desk: Desk, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "RESTART_PATIENCE", 1)
    rig.settings(shutdown_seconds=3.0)
    rig.tell("guest", vm=ref, behaviour="stuck")

    desk.carry_out(xen, Restart(ref))

    assert calls_of(rig).count("Async.VM.hard_reboot") == 1
    rig.wait_for(lambda: not xen._client.record("VM", xen._client.by_uuid("VM", ref))["current_operations"])


def test_restart_is_not_done_twice(rig: XapiRig, xen: Xen, desk: Desk, ref: str) -> None:
    """XAPI throws tasks away; a poll that comes late does not find it any more."""
    rig.tell("guest", vm=ref, behaviour="agent")
    order = Restart(ref)
    handle = xen.submit(order)
    rig.wait_for(lambda: rig.tell("collect_tasks"))

    assert xen.poll(order, handle).done
    assert xen.poll(order, handle).done
    assert calls_of(rig).count("Async.VM.clean_reboot") == 1


def test_tasks_are_cleared_away(xen: Xen, desk: Desk, ref: str, xapi: Any) -> None:
    desk.carry_out(xen, PowerOff(ref))
    desk.carry_out(xen, PowerOn(ref))

    assert xapi.task.get_all() == []


def test_failure_is_told_again(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    """A guest without drivers cannot be suspended."""
    ref = bench.make_by_hand("hand-plain")
    rig.tell("guest", vm=ref, behaviour="plain")
    desk.carry_out(xen, PowerOn(ref))
    order = Suspend(ref)
    handle = xen.submit(order)
    rig.wait_for(lambda: not bench.xapi.VM.get_current_operations(bench.xapi.VM.get_by_uuid(ref)))
    for _ in range(2):
        with pytest.raises(WrongState) as caught:
            xen.poll(order, handle)
        assert "VM_LACKS_FEATURE" in caught.value.native


def test_what_was_in_the_way_is_tried_again(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk, ref: str) -> None:
    """OTHER_OPERATION_IN_PROGRESS ends the task, and is no end of the order."""
    rig.settings(snapshot_seconds=0.5)
    bench.xapi.Async.VM.snapshot(bench.xapi.VM.get_by_uuid(ref), "hand-slow")
    rig.settings(snapshot_seconds=0.0)

    desk.carry_out(xen, Suspend(ref))

    assert xen.machine(ref).power is Power.SUSPENDED
    assert calls_of(rig).count("Async.VM.suspend") > 1


def test_blocked_operation_is_named(bench: XenBench, xen: Xen, desk: Desk, ref: str) -> None:
    vm = bench.xapi.VM.get_by_uuid(ref)
    bench.xapi.VM.add_to_blocked_operations(vm, "hard_shutdown", "Ask Aylin")

    with pytest.raises(WrongState) as caught:
        desk.carry_out(xen, PowerOff(ref))

    bench.xapi.VM.remove_from_blocked_operations(vm, "hard_shutdown")
    assert "Ask Aylin" in caught.value.native


def test_paused_machine_runs_on(bench: XenBench, xen: Xen, desk: Desk, ref: str) -> None:
    bench.xapi.VM.pause(bench.xapi.VM.get_by_uuid(ref))
    assert xen.machine(ref).power is Power.SUSPENDED

    desk.carry_out(xen, Resume(ref))

    assert xen.machine(ref).power is Power.ON


def test_pool_without_room_for_memory_says_so(bench: XenBench, xen: Xen, desk: Desk, ref: str) -> None:
    pool = bench.xapi.pool.get_all()[0]
    before = bench.xapi.pool.get_record(pool)["suspend_image_SR"]
    bench.xapi.pool.set_suspend_image_SR(pool, "OpaqueRef:NULL")
    try:
        with pytest.raises(Unsupported):
            desk.carry_out(xen, Suspend(ref))
    finally:
        bench.xapi.pool.set_suspend_image_SR(pool, before)


def test_resize_asks_in_an_order_that_the_pool_takes(bench: XenBench, xen: Xen, desk: Desk) -> None:
    ref = bench.make_by_hand("hand-resized")
    for vcpus, memory in ((4, 512), (2, 256), (3, 1024)):
        desk.carry_out(xen, Resize(ref, vcpus, memory))
        vm = bench.xapi.VM.get_record(bench.xapi.VM.get_by_uuid(ref))
        assert (vm["VCPUs_max"], vm["VCPUs_at_startup"]) == (str(vcpus), str(vcpus))
        assert {vm[f"memory_{kind}"] for kind in ("static_min", "static_max", "dynamic_min", "dynamic_max")} == {
            str(memory * MIB)
        }
