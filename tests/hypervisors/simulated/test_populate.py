"""The estate of Nordhafen Werke."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from hypervisors.contract import Inventory, Target
from hypervisors.simulated import nordhafen, populate
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.populate import Resident
from tests.hypervisors.simulated.conftest import NOW


def make(path: Path, machines: int = 300, seed: int = 7) -> tuple[list[Resident], Inventory]:
    centre = DataCentre(path, clock=lambda: NOW)
    residents = populate.fill(centre, machines=machines, seed=seed, now=NOW)
    hv = Simulated(Target("simulated", path=str(path), clock=lambda: NOW))
    scan = hv.inventory()
    hv.close()
    centre.close()
    return residents, scan


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Resident], Inventory]:
    return make(tmp_path_factory.mktemp("estate") / "a.dc.sqlite3")


def test_same_seed_gives_the_same_estate(estate: tuple[list[Resident], Inventory], tmp_path: Path) -> None:
    residents, scan = make(tmp_path / "b.dc.sqlite3")

    # Anything else names the data centre itself, of which there are two.
    assert (residents, scan.machines, scan.hosts, scan.images) == (
        estate[0], estate[1].machines, estate[1].hosts, estate[1].images,
    )  # fmt: skip


def test_another_seed_gives_another_estate(estate: tuple[list[Resident], Inventory], tmp_path: Path) -> None:
    assert make(tmp_path / "b.dc.sqlite3", seed=8)[0] != estate[0]


def test_records_match_what_a_scan_sees(estate: tuple[list[Resident], Inventory]) -> None:
    residents, scan = estate
    told = {(who.ref, who.uuid, who.name, who.created_at, who.disk_mib, who.pool_ref, who.note) for who in residents}

    assert told == {(m.ref, str(m.uuid), m.name, m.created_at, m.disk_mib, m.pool_ref, m.note) for m in scan.machines}


def test_kinds_are_as_in_the_story(estate: tuple[list[Resident], Inventory]) -> None:
    assert Counter(who.kind for who in estate[0]) == {"held": 263, "orphan": 31, "managed": 6}


def test_names_are_unique_and_accepted_by_the_data_centre(estate: tuple[list[Resident], Inventory]) -> None:
    names = [who.name.lower() for who in estate[0]]

    assert len(set(names)) == len(names)
    assert not any(set(name) & set("/\\%") for name in names)


def test_pools_have_room_for_a_few_more(estate: tuple[list[Resident], Inventory]) -> None:
    _, scan = estate
    for pool in scan.pools:
        memory = sum(host.memory_mib for host in scan.hosts if host.pool_ref == pool.ref)
        used = sum(m.memory_mib for m in scan.machines if m.pool_ref == pool.ref and m.power == "on")
        assert nordhafen.POOLS[pool.name][2] - 0.1 < used / memory < nordhafen.POOLS[pool.name][2] + 0.01


def test_datastores_have_room(estate: tuple[list[Resident], Inventory]) -> None:
    assert all(store.free_mib > store.capacity_mib // 10 for store in estate[1].datastores)


def test_nobody_was_created_in_the_future(estate: tuple[list[Resident], Inventory]) -> None:
    assert all(NOW - timedelta(days=2300) < who.created_at < NOW for who in estate[0])


def test_idle_machines_are_idle(estate: tuple[list[Resident], Inventory]) -> None:
    idle = {who.ref for who in estate[0] if who.idle_from is not None and who.power == "on"}
    use = [m.cpu_percent for m in estate[1].machines if m.ref in idle]

    assert len(use) > 20
    assert all(percent is not None and percent < 2 for percent in use)


def test_users_have_user_names(estate: tuple[list[Resident], Inventory]) -> None:
    assert all(who.created_by.replace("-", "").isalnum() for who in estate[0])


@pytest.mark.parametrize("machines", [5, 60])
def test_small_estates_hold_as_many_as_asked(machines: int, tmp_path: Path) -> None:
    residents, scan = make(tmp_path / "small.dc.sqlite3", machines=machines)

    assert len(residents) == len(scan.machines) == machines


def test_copies_have_the_uuid_of_what_they_were_made_from(estate: tuple[list[Resident], Inventory]) -> None:
    several = {uuid: n for uuid, n in Counter(machine.uuid for machine in estate[1].machines).items() if n > 1}
    copies = [machine.name for machine in estate[1].machines if machine.uuid in several]

    assert sorted(copies) == ["shop-lt-runner-7", "shop-lt-runner-8"]


def test_old_snapshots_stand_where_the_story_says(estate: tuple[list[Resident], Inventory]) -> None:
    snapshots = {machine.name: machine.snapshots for machine in estate[1].machines if machine.snapshots}
    chain = snapshots["sapd9-snap-src"]

    assert len(snapshots) > 10
    assert [snapshot.parent_ref for snapshot in chain] == ["", *(snapshot.ref for snapshot in chain[:-1])]
    assert all(snapshot.created_at and snapshot.created_at < NOW for each in snapshots.values() for snapshot in each)


def test_traces_lead_to_people(estate: tuple[list[Resident], Inventory]) -> None:
    machines = {machine.name: machine for machine in estate[1].machines}

    assert machines["vm-0417"].labels == {"contact": "Tomasz Wieczorek"}
    assert machines["vm-0417"].folder == "Nordhafen/Data Platform"
    assert set(nordhafen.TRACES) <= set(machines)


def test_what_is_off_was_stopped_by_somebody(estate: tuple[list[Resident], Inventory]) -> None:
    assert all(who.powered for who in estate[0] if who.power == "off")
