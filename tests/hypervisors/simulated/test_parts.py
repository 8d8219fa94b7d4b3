"""Disks, NICs, snapshots and seeds of the data centre, where it says no or takes its time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hypervisors.contract import (
    AddDisk,
    AddNic,
    CreateMachine,
    GrowDisk,
    PowerOn,
    Progress,
    RemoveDisk,
    RemoveMachine,
    Rename,
    Resize,
    Resume,
    RevertSnapshot,
    Seed,
    Suspend,
    TakeSnapshot,
)
from hypervisors.errors import Busy, InvalidRequest, NoCapacity, NotFound, WrongState
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.client import Client
from hypervisors.simulated.datacentre import DataCentre

Drive = Callable[[Any], Progress]


def changing(dc: DataCentre) -> list[str]:
    return [call["call"] for call in dc.calls(changing=True)]


@pytest.fixture
def ref(dc: DataCentre, hv: Simulated) -> str:
    scan = hv.inventory()
    return dc.make_machine_by_hand(
        "web-1", power="off", pool_ref=scan.pools[0].ref, datastore_ref=scan.datastores[0].ref, disks_mib=(1_000,),
        network_ref=scan.networks[0].ref,
    )  # fmt: skip


def test_work_on_one_machine_takes_turns(dc: DataCentre, hv: Simulated, ref: str) -> None:
    dc.set("duration.add_disk", 60)
    hv.submit(AddDisk(ref, "data", 16))

    with pytest.raises(Busy):
        hv.submit(TakeSnapshot(ref, "before"))


def test_disk_under_way_is_not_made_twice(dc: DataCentre, hv: Simulated, ref: str) -> None:
    dc.set("duration.add_disk", 60)
    handle = hv.submit(AddDisk(ref, "data", 16))
    with pytest.raises(Busy):
        hv.submit(AddDisk(ref, "data", 16))

    assert not hv.poll(AddDisk(ref, "data", 16), handle).done
    assert changing(dc) == ["add_disk", "add_disk"]


def test_disk_that_finds_no_room_is_no_capacity(hv: Simulated, ref: str) -> None:
    order = AddDisk(ref, "data", 2_000_000)
    handle = hv.submit(order)

    for _ in range(2):
        with pytest.raises(NoCapacity):
            hv.poll(order, handle)


def test_disk_is_made_in_the_datastore_that_was_named(dc: DataCentre, drive: Drive, hv: Simulated, ref: str) -> None:
    other = dc.add_datastore("hdd-1", capacity_mib=1_000)

    drive(AddDisk(ref, "data", 16, other))

    assert [disk.datastore_ref for disk in hv.machine(ref).disks][1:] == [other]


def test_removed_disk_leaves_its_number_to_the_next(drive: Drive, hv: Simulated, ref: str) -> None:
    for key in ("a", "b"):
        drive(AddDisk(ref, key, 16))
    drive(RemoveDisk(ref, hv.machine(ref).disks[1].ref))
    drive(AddDisk(ref, "c", 16))

    assert sorted(disk.name for disk in hv.machine(ref).disks) == ["Hard disk 1", "Hard disk 2", "Hard disk 3"]


@pytest.mark.parametrize("kind", [GrowDisk, RemoveDisk])
def test_disk_with_snapshots_stays_as_it_is(kind: Any, drive: Drive, hv: Simulated, ref: str) -> None:
    disk = drive(AddDisk(ref, "data", 16)).ref
    drive(TakeSnapshot(ref, "before"))

    with pytest.raises(WrongState):
        hv.submit(GrowDisk(ref, disk, 32) if kind is GrowDisk else RemoveDisk(ref, disk))


def test_revert_takes_a_disk_away_that_came_later(drive: Drive, hv: Simulated, ref: str) -> None:
    snapshot = drive(TakeSnapshot(ref, "before")).ref
    drive(AddDisk(ref, "data", 16))

    drive(RevertSnapshot(ref, snapshot))

    assert len(hv.machine(ref).disks) == 1


def test_revert_of_a_running_machine_is_told_as_a_stop(dc: DataCentre, drive: Drive, ref: str) -> None:
    snapshot = drive(TakeSnapshot(ref, "before")).ref
    drive(PowerOn(ref))

    drive(RevertSnapshot(ref, snapshot))

    assert [event["what"] for event in dc.events(ref)][-2:] == ["powered off", "reverted to a snapshot"]


def test_revert_is_done_again_once_the_machine_has_run(dc: DataCentre, drive: Drive, ref: str) -> None:
    snapshot = drive(TakeSnapshot(ref, "before")).ref
    for _ in range(2):
        drive(RevertSnapshot(ref, snapshot))
    drive(PowerOn(ref))
    drive(RevertSnapshot(ref, snapshot))

    assert changing(dc).count("revert") == 2


@pytest.mark.parametrize("facts", [{"managed_by": "vCLS"}, {"is_template": True}], ids=["managed", "image"])
def test_what_others_manage_keeps_its_shape(facts: dict[str, Any], dc: DataCentre, hv: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1", power="off", **facts)

    for order in (Resize(ref, 8, 64), AddDisk(ref, "data", 16), TakeSnapshot(ref, "before"), Rename(ref, "web-2")):
        with pytest.raises(InvalidRequest):
            hv.submit(order)

    assert changing(dc) == []


def test_nic_of_a_clone_has_an_address_of_its_own(dc: DataCentre, ref: str) -> None:
    copy = dc.clone_by_hand(ref, "web-2")

    macs = {nic["machine_ref"]: nic["mac"] for nic in dc.nics()}
    assert len(macs) == len(set(macs.values())) == 2
    assert copy in macs


def test_what_is_on_a_disk_is_cloned(dc: DataCentre, ref: str) -> None:
    dc.write_on_disk(ref, "hello")

    copy = dc.clone_by_hand(ref, "web-2")

    assert [disk["content"] for disk in dc.disks() if disk["machine_ref"] == copy] == ["hello"]


def test_nic_in_a_network_that_went_away_fails_with_its_reason(dc: DataCentre, hv: Simulated, ref: str) -> None:
    with pytest.raises(NotFound):
        hv.submit(AddNic(ref, "second", "network-0"))

    assert len(hv.machine(ref).nics) == 1


def test_suspended_machine_gives_its_memory_to_others(dc: DataCentre, drive: Drive, hv: Simulated, ref: str) -> None:
    drive(Resize(ref, 2, 60_000))
    drive(PowerOn(ref))
    drive(Suspend(ref))
    other = dc.make_machine_by_hand("db-1", power="off", pool_ref=hv.inventory().pools[0].ref, memory_mib=60_000)
    drive(PowerOn(other))

    with pytest.raises(NoCapacity):
        hv.submit(Resume(ref))


def test_nothing_starts_on_a_host_that_is_out_of_order(dc: DataCentre, hv: Simulated, ref: str) -> None:
    host = hv.inventory().hosts[0].ref
    dc.connect_host(host, False)

    assert not hv.inventory().hosts[0].connected
    with pytest.raises(NoCapacity):
        hv.submit(PowerOn(ref))


def test_create_with_a_seed_takes_one_call_more(dc: DataCentre, drive: Drive, order: CreateMachine) -> None:
    drive(replace(order, seed=Seed("web-01", (), "#cloud-config\n")))

    assert changing(dc) == ["clone", "reconfigure", "put_seed", "annotate", "power_on", "rename"]
    assert dc.machines()[0]["guest_name"] == "web-01"


def test_seed_is_in_no_task_and_no_call(dc: DataCentre, drive: Drive, order: CreateMachine) -> None:
    drive(replace(order, seed=Seed("web-01", (), "password: hunter2")))

    assert "hunter2" not in json.dumps([*dc.tasks(), *dc.calls(), *dc.events()])


def test_create_on_an_unknown_datastore_makes_no_changing_call(
    dc: DataCentre, hv: Simulated, order: CreateMachine
) -> None:
    with pytest.raises(NotFound):
        hv.submit(replace(order, datastore_ref="datastore-0"))

    assert changing(dc) == []


def test_removal_that_ends_between_two_looks_is_no_error(
    dc: DataCentre, hv: Simulated, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = RemoveMachine(ref, UUID(next(row["uuid"] for row in dc.machines())))
    real = Client.task

    def slow(self: Client, *args: Any, **kwargs: Any) -> Any:
        dc.delete_by_hand(ref)
        monkeypatch.setattr(Client, "task", real)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Client, "task", slow)
    handle = hv.submit(order)

    assert hv.poll(order, handle).done
