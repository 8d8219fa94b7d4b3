"""Disks and cards, where XAPI has ways of its own: what is plugged, what is held, what was asked before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from hypervisors.contract import (
    AddDisk,
    AddNic,
    GrowDisk,
    PowerOff,
    PowerOn,
    RemoveDisk,
    RemoveMachine,
)
from hypervisors.errors import InvalidRequest, Unreachable, WrongState
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import MIB, XenBench
from tests.hypervisors.xen.conftest import Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


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
