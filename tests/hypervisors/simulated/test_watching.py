"""What the data centre tells of changes, use, events, storage and rights."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from hypervisors.contract import Event, Target, What
from hypervisors.errors import Unreachable
from hypervisors.simulated import storage
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.usage import WINDOW


def test_token_of_another_data_centre_tells_everything(dc: DataCentre, watching: Simulated, tmp_path: Path) -> None:
    ref = dc.make_machine_by_hand("web-1")
    other = DataCentre(tmp_path / "other.dc.sqlite3")
    hv = Simulated(Target("simulated", path=other.path))
    foreign = hv.changes("").token
    hv.close()
    other.close()

    told = watching.changes(foreign)

    assert (told.whole, [machine.ref for machine in told.machines]) == (True, [ref])


@pytest.mark.parametrize("part", ["disks", "nics", "snapshots"])
def test_part_that_is_written_past_everything_is_a_change(part: str, dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    token = watching.changes("").token
    rows = {
        "disks": "INSERT INTO disks (ref, machine_ref, name, path, size_mib) VALUES ('d', ?, 'n', 'p', 1)",
        "nics": "INSERT INTO nics (ref, machine_ref, mac, network_ref) VALUES ('n', ?, 'm', 'n')",
        "snapshots": "INSERT INTO snapshots VALUES ('s', ?, 'n', '', '', '[]')",
    }
    with dc.storage.write() as db:
        db.execute(rows[part], (ref,))

    assert [machine.ref for machine in watching.changes(token).machines] == [ref]


def test_machine_that_was_registered_again_is_gone_and_there(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    token = watching.changes("").token
    new = dc.register_again(ref)

    told = watching.changes(token)

    assert ([machine.ref for machine in told.machines], list(told.gone)) == ([new], [ref])


def test_machine_that_became_an_image_is_gone(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1", power="off")
    token = watching.changes("").token
    dc.change_by_hand(ref, is_template=1)

    told = watching.changes(token)

    assert (list(told.machines), list(told.gone)) == ([], [ref])


def test_use_is_the_same_when_asked_twice(dc: DataCentre, watching: Simulated) -> None:
    refs = [dc.make_machine_by_hand(f"web-{number}", profile="busy", vcpus=4) for number in range(3)]

    first, second = watching.usage(refs), watching.usage(refs)

    assert first == second or first[0].at != second[0].at
    assert all(0 < (sample.cpu_seconds or 0) <= 4 * WINDOW for sample in first)
    assert len({sample.cpu_seconds for sample in first}) > 1


def test_use_of_more_machines_than_a_statement_takes(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")

    assert [sample.ref for sample in watching.usage([*(f"vm-0{number}" for number in range(2_500)), ref])] == [ref]


def test_events_are_at_most_ten_thousand_and_go_on(
    dc: DataCentre, watching: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hypervisors.simulated.looking.EVENTS_AT_ONCE", 2)
    start = dc.now() - timedelta(hours=1)
    for number in range(5):
        dc.make_machine_by_hand(f"web-{number}", created_at=start + timedelta(minutes=number + 1))

    seen: list[Event] = []
    while told := watching.events(seen[-1].at if seen else start):
        seen += told

    assert [event.machine_name for event in seen][:5] == [f"web-{number}" for number in range(5)]
    assert {event.what for event in seen} == {What.CREATED}


def test_events_of_one_moment_are_not_parted(
    dc: DataCentre, watching: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hypervisors.simulated.looking.EVENTS_AT_ONCE", 2)
    start = dc.now() - timedelta(hours=1)
    for number in range(3):
        dc.make_machine_by_hand(f"web-{number}", created_at=start + timedelta(minutes=1 + (number > 0)))

    told = watching.events(start)

    assert [event.machine_name for event in told] == ["web-0"]
    assert [event.machine_name for event in watching.events(told[-1].at)] == ["web-1", "web-2"]


def test_storage_tells_its_identity_and_who_may_mount_it(dc: DataCentre, watching: Simulated) -> None:
    dc.add_datastore("nfs-1", capacity_mib=10, identity="nfs://filer/vol1", shared=True)

    own, shared = watching.inventory().datastores

    assert (own.identity, own.shared) == ("north.dc.sqlite3/" + own.ref, False)
    assert (shared.identity, shared.shared) == ("nfs://filer/vol1", True)


def test_missing_rights_are_those_that_were_set(dc: DataCentre, watching: Simulated) -> None:
    dc.set("missing_rights", ["VirtualMachine.Provisioning.Clone"])

    assert watching.missing_rights() == ["VirtualMachine.Provisioning.Clone"]


def test_fields_of_others_are_labels_and_ours_are_not(dc: DataCentre, watching: Simulated) -> None:
    ref = dc.make_machine_by_hand("web-1")
    dc.change_by_hand(ref, fields='{"backup": "nightly", "leasehold.holder": "Lena", "tag": ""}')

    assert watching.machine(ref).labels == {"backup": "nightly", "tag": ""}


def test_file_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "old.dc.sqlite3"
    storage.create(str(path))
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    hv = Simulated(Target("simulated", path=str(path)))

    with pytest.raises(Unreachable) as caught:
        hv.check()
    assert "another version" in caught.value.native
