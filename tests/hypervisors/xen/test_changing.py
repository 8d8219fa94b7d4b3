"""Orders on machines that exist, where XAPI has ways of its own: power, devices, snapshots, what is left behind."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

import pytest

from hypervisors.contract import (
    AddDisk,
    AddNic,
    Annotate,
    DetachSeed,
    GrowDisk,
    Power,
    PowerOff,
    PowerOn,
    RemoveDisk,
    RemoveMachine,
    RemoveNic,
    RemoveSnapshot,
    Resize,
    Restart,
    Resume,
    RevertSnapshot,
    Seed,
    Shutdown,
    Suspend,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, Unreachable, Unsupported, WrongState
from hypervisors.xen import power
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import MIB, XenBench
from tests.hypervisors.xen.conftest import HOLDING, Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


@pytest.fixture
def ref(bench: XenBench) -> str:
    """A machine that runs; its guest has drivers and does not listen."""
    return bench.make_by_hand("hand-web-1", on=True)


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


# Devices


def test_disk_whose_answer_was_lost_is_used(rig: XapiRig, xen: Xen, desk: Desk, ref: str) -> None:
    order = AddDisk(ref, "data", 16)
    with rig.fault("VDI.create", "drop", when="after", times=1), pytest.raises(Unreachable):
        xen.submit(order)

    desk.carry_out(xen, order)

    assert calls_of(rig).count("VDI.create") == 1
    assert len(desk.left()[1]) == 2


@pytest.mark.parametrize("kind", ["disk", "card"])
def test_what_a_running_guest_cannot_take_leaves_nothing(
    rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk, kind: str
) -> None:
    ref = bench.make_by_hand("hand-plain")
    rig.tell("guest", vm=ref, behaviour="plain")
    desk.carry_out(xen, PowerOn(ref))
    order = AddDisk(ref, "data", 16) if kind == "disk" else AddNic(ref, "data", bench.network_ref)

    for _ in range(2):
        with pytest.raises(WrongState):
            desk.carry_out(xen, order)

    assert len(desk.left()[1]) == 1
    assert xen.machine(ref).nics == []


def test_running_guest_that_holds_its_disk_is_left_alone(rig: XapiRig, xen: Xen, desk: Desk, ref: str) -> None:
    disk = desk.carry_out(xen, AddDisk(ref, "data", 16)).ref
    rig.tell("guest", vm=ref, holds_devices=True)

    with pytest.raises(WrongState):
        desk.carry_out(xen, RemoveDisk(ref, disk))

    assert disk in {one.ref for one in xen.machine(ref).disks}


def test_storage_may_round_up(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    """Asking again for what was asked last is no shrinking."""
    ref = bench.make_by_hand("hand-round")
    disk = xen.machine(ref).disks[0].ref
    desk.carry_out(xen, GrowDisk(ref, disk, 4097))
    rig.tell("set_fields", cls="VDI", name=disk, fields={"virtual_size": 4098 * MIB})

    desk.carry_out(xen, GrowDisk(ref, disk, 4097))
    with pytest.raises(InvalidRequest):
        desk.carry_out(xen, GrowDisk(ref, disk, 4096))


@pytest.mark.parametrize("can", [True, False])
def test_disk_of_a_running_machine_grows_where_its_storage_can(
    rig: XapiRig, xen: Xen, desk: Desk, ref: str, can: bool
) -> None:
    rig.tell("set_resize_online", sr="Shared storage", on=can)
    disk = xen.machine(ref).disks[0].ref
    try:
        if can:
            desk.carry_out(xen, GrowDisk(ref, disk, 4200))
        else:
            with pytest.raises(WrongState):
                desk.carry_out(xen, GrowDisk(ref, disk, 4200))
    finally:
        rig.tell("set_resize_online", sr="Shared storage", on=True)

    assert xen.machine(ref).disks[0].size_mib == (4200 if can else 4096)


def test_disk_that_another_machine_uses_is_left(bench: XenBench, xen: Xen, desk: Desk, xapi: Any) -> None:
    ref, other = bench.make_by_hand("hand-one"), bench.make_by_hand("hand-other")
    disk = desk.carry_out(xen, AddDisk(ref, "shared", 16)).ref
    vdi = xapi.VDI.get_by_uuid(disk)
    drive = xapi.VBD.get_record(xapi.VDI.get_VBDs(vdi)[0])
    keys = ("mode", "type", "empty", "bootable", "unpluggable", "qos_algorithm_type", "qos_algorithm_params")
    record = {key: drive[key] for key in keys} | {"VDI": vdi, "userdevice": "1", "other_config": {}}
    xapi.VBD.create(record | {"VM": xapi.VM.get_by_uuid(other)})

    with pytest.raises(InvalidRequest):
        desk.carry_out(xen, RemoveDisk(ref, disk))
    desk.carry_out(xen, RemoveMachine(ref, UUID(ref)))

    assert disk in {one.ref for one in xen.machine(other).disks}
    assert disk in desk.left()[1]


def test_card_keeps_its_address(xen: Xen, desk: Desk, ref: str, bench: XenBench) -> None:
    first = desk.carry_out(xen, AddNic(ref, "backup", bench.network_ref)).ref
    desk.carry_out(xen, PowerOff(ref))
    desk.carry_out(xen, PowerOn(ref))

    assert desk.carry_out(xen, AddNic(ref, "backup", bench.network_ref)).ref == first


# Snapshots and removal


def test_revert_keeps_what_we_and_people_wrote_since(bench: XenBench, xen: Xen, desk: Desk, xapi: Any) -> None:
    """XAPI takes name, description and other_config back with the disks."""
    ref = bench.make_by_hand("hand-before", note="Aylin's")
    uuid = xen.machine(ref).uuid
    assert uuid is not None
    snapshot = desk.carry_out(xen, TakeSnapshot(ref, "before")).ref
    stamp = type(desk.order().stamp)("op-adopted", uuid)
    desk.carry_out(xen, Annotate(ref, HOLDING, stamp))
    bench.rename_by_hand(ref, "hand-after")

    desk.carry_out(xen, RevertSnapshot(ref, snapshot))

    seen = xen.machine(ref)
    assert (seen.name, seen.note, seen.stamp_operation) == ("hand-after", "Aylin's", "op-adopted")
    assert HOLDING.holder in bench.shown_on(ref)
    assert [found.ref for found in xen.find(stamp)] == [ref]


def test_revert_is_not_done_twice(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    ref = bench.make_by_hand("hand-reverted")
    order = RevertSnapshot(ref, desk.carry_out(xen, TakeSnapshot(ref, "before")).ref)
    handle = xen.submit(order)
    rig.wait_for(lambda: rig.tell("collect_tasks"))

    assert xen.poll(order, handle).done
    assert calls_of(rig).count("Async.VM.revert") == 1


def test_disks_that_a_revert_left_behind_are_cleared(
    rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk, xapi: Any
) -> None:
    """As when the storage was busy just then."""
    ref = bench.make_by_hand("hand-leftover")
    order = RevertSnapshot(ref, desk.carry_out(xen, TakeSnapshot(ref, "before")).ref)
    uuid, sr = xen.machine(ref).disks[0].ref, xapi.SR.get_by_name_label("Shared storage")[0]
    handle = xen.submit(order)
    rig.wait_for(lambda: xen.machine(ref).disks[0].ref != uuid)
    record = {"name_label": "old", "name_description": "", "SR": sr, "virtual_size": str(MIB), "type": "user"}
    record |= {"sharable": False, "read_only": False, "other_config": {}, "xenstore_data": {}, "sm_config": {}}
    left = xapi.VDI.get_uuid(xapi.VDI.create(record | {"tags": []}))

    assert xen.poll(order, {**handle, "disks": f"{uuid},{left}"}).done

    assert left not in desk.left()[1]


def test_removal_that_was_cut_off_is_finished(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    """The machine is gone and its disks are not: their name leads to them."""
    order = desk.order(seed=Seed("web-1"))
    ref = desk.carry_out(xen, order).ref
    desk.carry_out(xen, AddDisk(ref, "data", 16))
    desk.carry_out(xen, TakeSnapshot(ref, "before"))
    desk.carry_out(xen, PowerOff(ref))
    removal = RemoveMachine(ref, order.stamp.uuid)
    for method in ("VM.destroy", "VDI.destroy"):
        with rig.fault(method, "drop", when="after", skip=1, times=1), pytest.raises(Unreachable):
            xen.submit(removal)

    desk.carry_out(xen, removal)

    assert desk.left() == (set(), set(), [])


def test_disk_that_storage_still_holds_is_come_back_for(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    order = desk.order()
    ref = desk.carry_out(xen, order).ref
    busy = ["VDI_IN_USE", "OpaqueRef:x", "destroy"]
    with rig.fault("VDI.destroy", "fail", details=busy, times=2):
        desk.carry_out(xen, RemoveMachine(ref, order.stamp.uuid))

    assert desk.left() == (set(), set(), [])


def test_removed_snapshot_takes_its_disks_along(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    ref = bench.make_by_hand("hand-snapped")
    before = desk.left()[1]
    snapshot = desk.carry_out(xen, TakeSnapshot(ref, "before")).ref
    with rig.fault("VM.destroy", "drop", when="after", times=1), pytest.raises(Unreachable):
        xen.submit(RemoveSnapshot(ref, snapshot))

    desk.carry_out(xen, RemoveSnapshot(ref, snapshot))

    assert desk.left()[1] == before


def test_what_is_gone_with_its_machine_counts_as_removed(xen: Xen, desk: Desk) -> None:
    gone, part = str(uuid4()), str(uuid4())
    stamp = desk.order().stamp
    for order in (RemoveDisk(gone, part), RemoveNic(gone, part), RemoveSnapshot(gone, part), DetachSeed(gone, stamp)):
        assert desk.carry_out(xen, order).done


def test_replicas_of_a_backup_are_not_touched(bench: XenBench, xen: Xen, desk: Desk, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-replica")
    vm = xapi.VM.get_by_uuid(ref)
    xapi.VM.add_to_other_config(vm, "xo:backup:job", "nightly")
    assert xen.machine(ref).managed_by == ""
    xapi.VM.add_to_blocked_operations(vm, "start", "Replicated: clone it to use it")

    assert "replica" in xen.machine(ref).managed_by
    with pytest.raises(InvalidRequest):
        desk.carry_out(xen, PowerOn(ref))


def test_seed_that_a_running_guest_holds_is_asked_for_again(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    order = desk.order(seed=Seed("web-1", user_data="#cloud-config\n{}\n"))
    ref = desk.carry_out(xen, order).ref
    rig.tell("guest", vm=ref, holds_devices=True)
    with pytest.raises(WrongState):
        desk.carry_out(xen, DetachSeed(ref, order.stamp))
    rig.tell("guest", vm=ref, holds_devices=False)

    desk.carry_out(xen, DetachSeed(ref, order.stamp))

    assert len(desk.left()[1]) == 1
