"""Disk files of the data centre, where it says no, takes its time or loses an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hypervisors.contract import Progress, RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import Busy, InvalidRequest, NameTaken, Unreachable, WrongState
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre

Drive = Callable[[Any], Progress]
PATH = "old/old.vmdk"


@pytest.fixture
def file(dc: DataCentre, hv: Simulated) -> str:
    return dc.add_loose_disk(PATH, size_mib=500, datastore_ref=hv.inventory().datastores[0].ref)


def path_of(dc: DataCentre, ref: str) -> str:
    return next(str(disk["path"]) for disk in dc.disks() if disk["ref"] == ref)


def machine(dc: DataCentre, hv: Simulated) -> str:
    return dc.make_machine_by_hand("web-1", power="off", pool_ref=hv.inventory().pools[0].ref)


def test_answer_that_was_lost_is_no_second_name(dc: DataCentre, hv: Simulated, file: str, drive: Drive) -> None:
    dc.add_fault("rename_file", "lost_answer")
    with pytest.raises(Unreachable):
        hv.submit(RetireDiskFile(file, "op-1"))

    drive(RetireDiskFile(file, "op-1"))

    assert path_of(dc, file) == "old/leasehold-retired-op-1-old.vmdk"


def test_two_workers_follow_one_task(dc: DataCentre, hv: Simulated, file: str) -> None:
    dc.set("duration.rename_file", 60)

    first = hv.submit(RetireDiskFile(file, "op-1"))

    assert hv.submit(RetireDiskFile(file, "op-1")) == first
    assert not hv.poll(RetireDiskFile(file, "op-1"), {}).done


@pytest.mark.parametrize("order", [RetireDiskFile, RemoveDiskFile])
def test_machine_that_came_while_the_task_ran_keeps_its_file(
    dc: DataCentre, hv: Simulated, file: str, drive: Drive, order: Callable[[str, str], Any]
) -> None:
    if order is RemoveDiskFile:
        drive(RetireDiskFile(file, "op-1"))
    before = path_of(dc, file)
    dc.set_durations(60)
    handle = hv.submit(order(file, "op-1"))
    dc.attach_disk(machine(dc, hv), file)
    dc.set("duration.rename_file", 0)
    with dc.storage.write() as db:
        db.execute("UPDATE tasks SET ends_at = 0")

    with pytest.raises(WrongState):
        hv.poll(order(file, "op-1"), handle)
    assert path_of(dc, file) == before


def test_failed_task_leaves_the_file_as_it_was(dc: DataCentre, hv: Simulated, file: str) -> None:
    dc.add_fault("rename_file.task", "busy")
    handle = hv.submit(RetireDiskFile(file, "op-1"))

    with pytest.raises(Busy):
        hv.poll(RetireDiskFile(file, "op-1"), handle)
    assert path_of(dc, file) == PATH


def test_name_that_is_taken_meanwhile_is_not_overwritten(
    dc: DataCentre, hv: Simulated, file: str, drive: Drive
) -> None:
    drive(RetireDiskFile(file, "op-1"))
    dc.add_loose_disk(PATH, size_mib=1, datastore_ref=hv.inventory().datastores[0].ref)

    with pytest.raises(NameTaken):
        hv.submit(RestoreDiskFile(file, "op-1", PATH))


def test_file_is_restored_under_its_name_only(hv: Simulated, file: str, drive: Drive) -> None:
    drive(RetireDiskFile(file, "op-1"))

    with pytest.raises(InvalidRequest):
        hv.submit(RestoreDiskFile(file, "op-1", "old/other.vmdk"))


def test_file_whose_name_cannot_be_told_whole_is_kept(dc: DataCentre, hv: Simulated) -> None:
    ref = dc.add_loose_disk("old/line\nbreak.vmdk", size_mib=1, datastore_ref=hv.inventory().datastores[0].ref)

    told = next(one for one in hv.disk_files().files if one.ref == ref)

    assert told.kept_for
    with pytest.raises(WrongState):
        hv.submit(RetireDiskFile(ref, "op-1"))
