"""Snapshots and removal: XAPI leaves disks behind, and takes back more than disks."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from hypervisors.contract import (
    AddDisk,
    Annotate,
    DetachSeed,
    PowerOff,
    PowerOn,
    RemoveDisk,
    RemoveMachine,
    RemoveNic,
    RemoveSnapshot,
    RevertSnapshot,
    Seed,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, Unreachable, WrongState
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import MIB, XenBench
from tests.hypervisors.xen.conftest import HOLDING, Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


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
