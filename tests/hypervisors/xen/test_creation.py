"""New machines, on a pool where cloning takes a moment, is begun by several, fails, or finds no room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from hypervisors.contract import Power, PowerOn, Progress, RemoveMachine, Seed, Stamp
from hypervisors.errors import Busy, InvalidRequest, NameTaken, NoCapacity, NotFound, Unreachable, WrongState
from hypervisors.xen import cloning, notes
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import MIB, XenBench
from tests.hypervisors.xen.conftest import Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig


def working_name(stamp: Stamp) -> str:
    return f"lh-{stamp.operation}-{stamp.uuid.hex[:8]}"


@pytest.fixture
def slow(rig: XapiRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clones take half a second, and submit waits for none of them."""
    rig.settings(clone_seconds=0.5)
    monkeypatch.setattr(cloning, "QUICK", 0.0)


@pytest.mark.usefixtures("slow")
def test_clone_under_way_is_followed_and_no_second_one_begun(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    order = desk.order()
    handle = xen.submit(order)
    assert not xen.poll(order, handle).done

    again = xen.submit(order)
    ref = desk.carry_out(xen, order).ref

    assert again["task"] == handle["task"]
    assert desk.left()[0] == {ref}
    assert calls_of(rig).count("Async.VM.clone") == 1


@pytest.mark.usefixtures("slow")
def test_clone_whose_answer_was_lost_is_waited_for(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    """There is a note that says what was about to be done, and the image says that it is being cloned."""
    order = desk.order()
    with rig.fault("Async.VM.clone", "drop", when="after", times=1), pytest.raises(Unreachable):
        xen.submit(order)

    with pytest.raises(Busy):
        xen.submit(order)
    ref = desk.carry_out(xen, order).ref

    assert calls_of(rig).count("Async.VM.clone") == 1
    machines, disks, notes = desk.left()
    assert (machines, len(disks), notes) == ({ref}, 1, [])


@pytest.mark.usefixtures("slow")
def test_clone_whose_note_was_lost_is_found_by_its_name(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    order = desk.order()
    with rig.fault("task.create", "drop", when="before", skip=1, times=1), pytest.raises(Unreachable):
        xen.submit(order)

    ref = desk.carry_out(xen, order).ref

    assert calls_of(rig).count("Async.VM.clone") == 1
    assert desk.left()[0] == {ref}


@pytest.mark.usefixtures("slow")
def test_clone_that_never_reached_the_pool_is_begun_again(
    rig: XapiRig, xen: Xen, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once whoever left the note had time enough."""
    monkeypatch.setattr(notes, "YOUNG", 1.0)
    order = desk.order()
    with rig.fault("Async.VM.clone", "drop", when="before", times=1), pytest.raises(Unreachable):
        xen.submit(order)
    with pytest.raises(Busy):
        xen.submit(order)

    ref = desk.carry_out(xen, order).ref

    assert desk.left()[0] == {ref}
    assert desk.left()[2] == []


@pytest.mark.usefixtures("slow")
def test_clone_of_another_order_is_not_waited_for(xen: Xen, desk: Desk) -> None:
    other, order = desk.order("web-2"), desk.order()
    xen.submit(other)

    xen.submit(order)

    assert len({desk.carry_out(xen, one).ref for one in (order, other)}) == 2


@pytest.mark.usefixtures("slow")
def test_clone_under_way_is_broken_off_by_discard(xen: Xen, desk: Desk) -> None:
    order = desk.order()
    xen.submit(order)
    with pytest.raises(Busy):
        xen.discard(order.stamp)

    for _ in range(100):
        try:
            xen.discard(order.stamp)
        except Busy:
            continue
        break

    assert desk.left() == (set(), set(), [])


def test_failed_clone_is_told_again_and_again(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    order = desk.order()
    full = ["SR_BACKEND_FAILURE_44", "", "There is insufficient space", ""]
    with rig.fault("Async.VM.clone", "fail", details=full, times=1), pytest.raises(NoCapacity):
        xen.submit(order)
    xen.discard(order.stamp)

    assert desk.left() == (set(), set(), [])


def test_machine_of_a_double_that_was_not_finished_goes(bench: XenBench, xen: Xen, desk: Desk) -> None:
    """As two workers would have left it that both cloned."""
    order = desk.order()
    image = bench.xapi.VM.get_by_uuid(order.image_ref)
    for _ in range(2):
        bench.xapi.VM.clone(image, working_name(order.stamp))

    ref = desk.carry_out(xen, order).ref

    machines, disks, _ = desk.left()
    assert (machines, len(disks)) == ({ref}, 1)


def test_finished_doubles_are_left_for_people(bench: XenBench, xen: Xen, desk: Desk, xapi: Any) -> None:
    order = desk.order()
    ref = xapi.VM.get_by_uuid(desk.carry_out(xen, order).ref)
    double = xapi.VM.clone(xapi.VM.get_by_uuid(order.image_ref), "hand-double")
    said = xapi.VM.get_other_config(ref) | {"leasehold.tie": xapi.VM.get_uuid(double)}
    xapi.VM.set_other_config(double, said)
    xapi.VDI.set_name_label(bench._disks(xapi.VM.get_record(double))[0], working_name(order.stamp))
    xapi.VM.provision(double)

    assert len(xen.find(order.stamp)) == 2
    with pytest.raises(WrongState):
        xen.discard(order.stamp)
    assert len(desk.left()[0]) == 2


def test_no_room_is_told_host_by_host(rig: XapiRig, bench: XenBench, xen: Xen) -> None:
    ref = bench.make_by_hand("hand-roomless")
    bench.xapi.host.disable(bench.xapi.host.get_by_name_label("xen-1")[0])
    rig.tell("set_host_free", host="xen-2", free=64 * MIB)
    try:
        with pytest.raises(NoCapacity) as caught:
            desk_start(xen, ref)
    finally:
        bench.xapi.host.enable(bench.xapi.host.get_by_name_label("xen-1")[0])
        rig.tell("set_host_free", host="xen-2", free=64 * 1024 * MIB)

    assert "xen-1: The host is in maintenance." in caught.value.message
    assert "xen-2: The host has 64 MiB of memory left" in caught.value.message
    assert "HOST_DISABLED" in caught.value.native


def desk_start(xen: Xen, ref: str) -> None:
    order = PowerOn(ref)
    handle = xen.submit(order)
    while not xen.poll(order, handle).done:
        pass


def test_storage_that_was_asked_for_is_copied_to(bench: XenBench, xen: Xen, desk: Desk, rig: XapiRig) -> None:
    local = next(store for store in xen.inventory().datastores if store.name == "Local storage of xen-2")

    ref = desk.make(xen, datastore_ref=local.ref)

    assert {disk.datastore_ref for disk in xen.machine(ref).disks} == {local.ref}
    assert calls_of(rig).count("Async.VM.copy") == 1


def test_seed_is_written_by_a_host_that_has_the_storage(bench: XenBench, xen: Xen, desk: Desk, rig: XapiRig) -> None:
    local = next(store for store in xen.inventory().datastores if store.name == "Local storage of xen-2")

    ref = desk.make(xen, datastore_ref=local.ref, seed=Seed("web-1", user_data="#cloud-config\n{}\n"))

    found = bench.seed_in(ref)
    assert found is not None and found.hostname == "web-1"


def test_sockets_are_taken_apart_for_an_odd_number_of_vcpus(xen: Xen, desk: Desk, xapi: Any) -> None:
    image = xapi.VM.get_by_name_label("debian-12")[0]
    before = xapi.VM.get_platform(image)
    xapi.VM.set_platform(image, before | {"cores-per-socket": "2"})
    try:
        refs = [xapi.VM.get_by_uuid(desk.make(xen, f"web-{vcpus}", vcpus=vcpus)) for vcpus in (3, 4)]
    finally:
        xapi.VM.set_platform(image, before)

    assert [xapi.VM.get_platform(ref)["cores-per-socket"] for ref in refs] == ["1", "2"]


def test_what_the_image_was_stamped_with_is_not_inherited(xen: Xen, desk: Desk, xapi: Any) -> None:
    """People make images of machines."""
    image = xapi.VM.get_by_name_label("debian-12")[0]
    before = xapi.VM.get_other_config(image)
    xapi.VM.set_other_config(image, before | {"leasehold.holder": "Somebody else", "leasehold.portal_ref": "M-1"})
    xapi.VM.set_name_description(image, "An image of the rig, golden")
    try:
        order = desk.order(holding=type(desk.order().holding)("Piotr", "Another test", "2032-01-01"))
        ref = desk.carry_out(xen, order).ref
    finally:
        xapi.VM.set_other_config(image, before)

    said = xapi.VM.get_other_config(xapi.VM.get_by_uuid(ref))
    assert said["leasehold.holder"] == "Piotr"
    assert "leasehold.portal_ref" not in said
    assert xen.machine(ref).note == ""


def test_names_are_given_once(bench: XenBench, xen: Xen, desk: Desk) -> None:
    bench.make_by_hand("hand-web-1")

    with pytest.raises(NameTaken):
        xen.submit(desk.order())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "a/b"}, InvalidRequest),
        ({"vcpus": 0}, InvalidRequest),
        ({"memory_mib": 1 << 30}, NoCapacity),
        ({"disk_mib": 4095}, InvalidRequest),
        ({"network_ref": "nothing"}, NotFound),
        ({"datastore_ref": "nothing"}, NotFound),
        ({"image_ref": "nothing"}, NotFound),
        ({"pool_ref": "nothing"}, NotFound),
        ({"stamp": Stamp("Not One", UUID(int=1))}, InvalidRequest),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    rig: XapiRig, xen: Xen, desk: Desk, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        xen.submit(desk.order(**changes))

    assert desk.left() == (set(), set(), [])
    assert "Async.VM.clone" not in calls_of(rig)


def test_machine_that_was_finished_is_not_started_again(xen: Xen, desk: Desk, xapi: Any) -> None:
    """Its holder may have switched it off since."""
    order = desk.order()
    ref = desk.carry_out(xen, order).ref
    xapi.VM.hard_shutdown(xapi.VM.get_by_uuid(ref))

    assert desk.carry_out(xen, order).ref == ref
    assert xen.machine(ref).power is Power.OFF


@pytest.mark.usefixtures("slow")
def test_progress_never_falls(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    rig.settings(start_seconds=0.5)
    order = desk.order(seed=Seed("web-1"))
    handle = xen.submit(order)
    told: list[Progress] = []
    try:
        while not told or not told[-1].done:
            told.append(xen.poll(order, handle))
            handle = handle if told[-1].handle is None else told[-1].handle
    finally:
        rig.settings(start_seconds=0.0)

    percents = [progress.percent for progress in told]
    assert percents == sorted(percents)
    assert {"copying", "starting"} <= {progress.step for progress in told}
    assert len(set(percents)) > 4


def test_machine_that_fits_nowhere_says_why_and_can_be_discarded(rig: XapiRig, xen: Xen, desk: Desk) -> None:
    """Each host has so much memory, and too little of it left."""
    order = desk.order(memory_mib=2048)
    for host in ("xen-1", "xen-2"):
        rig.tell("set_host_free", host=host, free=512 * MIB)
    try:
        with pytest.raises(NoCapacity) as caught:
            desk.carry_out(xen, order)
    finally:
        for host in ("xen-1", "xen-2"):
            rig.tell("set_host_free", host=host, free=64 * 1024 * MIB)
    xen.discard(order.stamp)

    assert "xen-1: The host has 512 MiB of memory left" in caught.value.message
    assert desk.left() == (set(), set(), [])


def test_machine_that_was_removed_is_not_made_again_by_a_late_poll(xen: Xen, desk: Desk) -> None:
    order = desk.order()
    handle = xen.submit(order)
    ref = desk.carry_out(xen, order).ref
    desk.carry_out(xen, RemoveMachine(ref, order.stamp.uuid))

    with pytest.raises(NotFound):
        xen.poll(order, handle)
    assert desk.left() == (set(), set(), [])
