"""Disks of no machine on XAPI, which knows them by a UUID and people by a label."""

from __future__ import annotations

from typing import Any

import pytest

from hypervisors.contract import RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import Busy, HypervisorError, InvalidRequest, WrongState
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import XenBench
from tests.hypervisors.xen.conftest import Desk

pytestmark = pytest.mark.rig

NEW = "leasehold-retired-op-1-hand-old"


@pytest.fixture
def old(bench: XenBench, xapi: Any) -> str:
    """A loose disk on which others have written a note."""
    uuid = bench.loose_disk_by_hand("hand-old")
    xapi.VDI.add_to_other_config(xapi.VDI.get_by_uuid(uuid), "others", "stays")
    return uuid


def shown(xapi: Any, uuid: str) -> tuple[str, dict[str, str]]:
    ref = xapi.VDI.get_by_uuid(uuid)
    return xapi.VDI.get_name_label(ref), xapi.VDI.get_other_config(ref)


def write(xapi: Any, uuid: str, label: str, **said: str) -> None:
    ref = xapi.VDI.get_by_uuid(uuid)
    xapi.VDI.set_name_label(ref, label)
    for key, value in said.items():
        xapi.VDI.add_to_other_config(ref, f"leasehold.{key}", value)


def refused(xen: Xen, order: Any, kind: type[HypervisorError] = WrongState) -> None:
    with pytest.raises(kind):
        xen.submit(order)


def test_mark_goes_and_what_others_wrote_stays(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    desk.carry_out(xen, RetireDiskFile(old, "op-1"))
    retired = shown(xapi, old)
    desk.carry_out(xen, RestoreDiskFile(old, "op-1", old))

    assert retired == (NEW, {"leasehold.retired": f"op-1:{old}", "others": "stays"})
    assert shown(xapi, old) == ("hand-old", {"others": "stays"})


def test_label_is_told_beside_the_name(xen: Xen, old: str) -> None:
    told = next(file for file in xen.disk_files().files if file.ref == old)

    assert (told.name, told.label) == (old, "hand-old")


def test_retiring_that_was_cut_off_goes_on(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    write(xapi, old, NEW)
    before = [file.name for file in xen.disk_files().files if file.ref == old]

    desk.carry_out(xen, RetireDiskFile(old, "op-1"))

    assert before == [old]
    assert shown(xapi, old)[0] == NEW
    assert [file.name for file in xen.disk_files().files if file.ref == old] == [f"leasehold-retired-op-1-{old}"]


@pytest.mark.parametrize("marked", [True, False])
def test_retiring_that_was_cut_off_can_be_taken_back(desk: Desk, xen: Xen, xapi: Any, old: str, marked: bool) -> None:
    write(xapi, old, NEW, **({"retired": f"op-1:{old}"} if marked else {}))

    desk.carry_out(xen, RestoreDiskFile(old, "op-1", old))

    assert shown(xapi, old) == ("hand-old", {"others": "stays"})


def test_mark_that_was_left_behind_counts_for_nothing(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    write(xapi, old, "hand-old", retired=f"op-1:{old}")
    before = [file.name for file in xen.disk_files().files if file.ref == old]
    desk.carry_out(xen, RetireDiskFile(old, "op-2"))

    assert before == [old]
    assert shown(xapi, old)[1]["leasehold.retired"] == f"op-2:{old}"


def test_disk_without_a_label_has_none_again(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    xapi.VDI.set_name_label(xapi.VDI.get_by_uuid(old), "")
    desk.carry_out(xen, RetireDiskFile(old, "op-1"))
    label = shown(xapi, old)[0]

    desk.carry_out(xen, RestoreDiskFile(old, "op-1", old))

    assert (label, shown(xapi, old)[0]) == ("leasehold-retired-op-1-", "")


def test_copy_of_a_retired_disk_is_not_removed(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    desk.carry_out(xen, RetireDiskFile(old, "op-1"))
    copy = xapi.VDI.get_uuid(xapi.VDI.clone(xapi.VDI.get_by_uuid(old), {}))

    refused(xen, RemoveDiskFile(copy, "op-1"), InvalidRequest)

    assert xapi.VDI.get_by_uuid(copy)


def test_label_that_somebody_gave_it_keeps_the_disk(desk: Desk, xen: Xen, xapi: Any, old: str) -> None:
    desk.carry_out(xen, RetireDiskFile(old, "op-1"))
    write(xapi, old, "do not touch!")

    refused(xen, RemoveDiskFile(old, "op-1"), InvalidRequest)
    desk.carry_out(xen, RestoreDiskFile(old, "op-1", old))

    assert shown(xapi, old) == ("do not touch!", {"others": "stays"})


def test_disk_of_a_medium_and_of_the_pool_itself_is_left(xen: Xen, xapi: Any) -> None:
    library = next(ref for ref, sr in xapi.SR.get_all_records().items() if sr["content_type"] == "iso")
    pool = next(iter(xapi.pool.get_all_records().values()))
    record = {"name_label": "hand-one", "name_description": "", "virtual_size": "1048576", "sharable": False}
    record |= {"read_only": False, "other_config": {}, "xenstore_data": {}, "sm_config": {}, "tags": []}

    for place in ({"SR": library, "type": "user"}, {"SR": pool["default_SR"], "type": "ha_statefile"}):
        refused(xen, RetireDiskFile(xapi.VDI.get_uuid(xapi.VDI.create(record | place)), "op-1"))


def test_storage_that_no_host_has_is_waited_for(bench: XenBench, xen: Xen, xapi: Any, old: str) -> None:
    sr = xapi.VDI.get_SR(xapi.VDI.get_by_uuid(old))
    plugs = [ref for ref, pbd in xapi.PBD.get_all_records().items() if pbd["SR"] == sr]
    for plug in plugs:
        xapi.PBD.unplug(plug)
    try:
        refused(xen, RetireDiskFile(old, "op-1"), Busy)
    finally:
        for plug in plugs:
            xapi.PBD.plug(plug)

    assert shown(xapi, old)[0] == "hand-old"


def test_disk_that_was_plugged_in_while_it_was_destroyed_is_in_use(
    bench: XenBench, desk: Desk, xen: Xen, xapi: Any, old: str
) -> None:
    desk.carry_out(xen, RetireDiskFile(old, "op-1"))
    ref = bench.make_by_hand("hand-web-1")
    bench.attach_by_hand(ref, old)

    refused(xen, RemoveDiskFile(old, "op-1"))
    with pytest.raises(WrongState):
        xen.poll(RemoveDiskFile(old, "op-1"), {"task": "OpaqueRef:gone"})

    assert xapi.VDI.get_by_uuid(old)
