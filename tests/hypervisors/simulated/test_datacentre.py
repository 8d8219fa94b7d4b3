"""The data centre for itself: tasks by its clock, things done by hand, many processes."""

from __future__ import annotations

import multiprocessing
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hypervisors.simulated.client import Client
from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.faults import NativeFault


def test_task_takes_effect_when_somebody_looks_after_its_end(dc: DataCentre) -> None:
    dc.set("duration.power_off", 0.02)
    ref = dc.make_machine_by_hand("web-1")
    client = Client(dc.path, who="somebody", timeout=5)
    client.power_off(ref)
    before = client.machine(ref).row["power"]
    time.sleep(0.03)

    assert (before, client.machine(ref).row["power"]) == ("on", "off")
    client.close()


def test_task_takes_as_long_as_the_clock_says(dc: DataCentre) -> None:
    dc.set("duration.power_off", 3600)
    ref = dc.make_machine_by_hand("web-1")
    client = Client(dc.path, who="somebody", timeout=5)
    client.power_off(ref)
    before = client.machine(ref).row["power"]
    client.clock = lambda: dc.now() + timedelta(hours=1)

    assert (before, client.machine(ref).row["power"]) == ("on", "off")
    client.close()


def test_event_of_a_task_bears_the_time_of_its_end(dc: DataCentre) -> None:
    dc.set("duration.power_off", 0.02)
    ref = dc.make_machine_by_hand("web-1")
    client = Client(dc.path, who="somebody", timeout=5, clock=dc.clock)
    client.power_off(ref)
    with dc.storage.write() as db:
        db.execute("UPDATE tasks SET ends_at = ends_at - 3600")

    event = dc.events(ref)[-1]

    assert (event["what"], event["who"]) == ("powered off", "somebody")
    assert 3590 < (dc.now() - datetime.fromisoformat(event["at"])).total_seconds() < 3610
    client.close()


def test_running_clone_can_be_cancelled(dc: DataCentre) -> None:
    dc.set("duration.clone", 60)
    client = Client(dc.path, who="somebody", timeout=5)
    image, pool = client.images()[0]["ref"], client.pools()[0]["ref"]
    task, _ = client.clone(image, name="one", uuid="u", stamp="op-1", pool_ref=pool)

    client.cancel(task)

    assert (dc.machines(), dc.disks()) == ([], [])
    client.close()


def test_deleted_by_hand_may_leave_its_disks(dc: DataCentre) -> None:
    ref = dc.make_machine_by_hand("web-1", disks_mib=(10, 20))

    dc.delete_by_hand(ref, keep_disks=True)

    assert [(disk["machine_ref"], disk["size_mib"]) for disk in dc.disks()] == [("", 10), ("", 20)]


def test_names_are_unique_whatever_their_case(dc: DataCentre) -> None:
    dc.make_machine_by_hand("Web-1")
    client = Client(dc.path, who="somebody", timeout=5)

    with pytest.raises(NativeFault) as caught:
        client.check_name("web-1")
    assert caught.value.code == "duplicate_name"
    client.close()


def test_unknown_setting_is_refused(dc: DataCentre) -> None:
    with pytest.raises(KeyError):
        dc.set("duration.nap", 3)


def test_offline_lasts_until_it_comes_back(dc: DataCentre) -> None:
    client = Client(dc.path, who="somebody", timeout=5)
    dc.go_offline()
    with pytest.raises(NativeFault):
        client.about()

    dc.come_back()

    assert client.about() == "Simulated data centre 1.0"
    client.close()


def test_call_log_tells_who_changed_what(dc: DataCentre) -> None:
    ref = dc.make_machine_by_hand("web-1")
    client = Client(dc.path, who="somebody", timeout=5)
    client.about()
    client.power_off(ref)

    assert [(call["call"], call["target"]) for call in dc.calls(changing=True)] == [("power_off", ref)]
    client.close()


def _make_many(path: str, prefix: str) -> None:
    centre = DataCentre(path)
    for number in range(25):
        centre.make_machine_by_hand(f"{prefix}-{number}")
    centre.close()


def test_many_processes_write_one_new_file(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    path = str(tmp_path / "shared.dc.sqlite3")
    workers = [fork.Process(target=_make_many, args=(path, f"w{number}")) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    centre = DataCentre(path)
    assert len({machine["ref"] for machine in centre.machines()}) == 100
    centre.close()
