"""Killing the worker in the middle of making a machine, and counting what there is afterwards."""

from __future__ import annotations

from datetime import timedelta

from tests.journeys import people
from tests.journeys.estates import Estate
from tests.journeys.job import METERS
from tests.journeys.site import Site, eventually

RECOVERY = 150.0
"""Seconds: a claim of 60 that nobody gives back, the new worker's start, and the rest of the copy."""


def ask_and_approve(site: Site, estate: Estate, name: str) -> int:
    """Through the programming interface. Returns the request's number."""
    asked = site.api(
        "lena",
        "requests/",
        {
            "blueprint": site.rows("SELECT id FROM lifecycle_blueprint WHERE name = ?", estate.blueprint)[0]["id"],
            "size": site.rows("SELECT id FROM lifecycle_size WHERE name = ?", estate.size)[0]["id"],
            "name": name,
            "purpose": "Outlives its worker",
            "last_day": (people.today(site) + timedelta(days=60)).isoformat(),
        },
    )
    site.api("tomasz", f"requests/{asked['id']}/approve/", {})
    return int(asked["id"])


def kill_while_copying(site: Site, estate: Estate, name: str) -> None:
    """kill -9 for main process and children; a new worker goes on, and makes nothing twice."""
    stray = estate.stray()
    request = ask_and_approve(site, estate, name)
    row = people.machine_of(site, request)
    uuid = people.uuid_of(row)
    eventually(lambda: estate.copying(uuid), every=0.02, what="the copy to be under way")

    killed = site.kill_worker()

    assert state(site, request) == "building"
    eventually(lambda: site.program("worker") not in (0, killed), what="another worker")
    eventually(lambda: state(site, request) != "building", within=RECOVERY, every=0.5, what="the request to end")
    assert state(site, request) == "done"
    is_there_once(site, estate, name=name, uuid=uuid, machine=row["id"])
    assert estate.stray() == stray


def state(site: Site, request: int) -> str:
    return str(site.rows("SELECT state FROM lifecycle_request WHERE id = ?", request)[0]["state"])


def is_there_once(site: Site, estate: Estate, *, name: str, uuid: str, machine: int) -> None:
    """One VM, one row, one open span per meter, one tenure, one operation that made it."""
    theirs = [vm for vm in estate.machines() if uuid == vm.uuid or name in (vm.name, *vm.words.split())]
    assert [(vm.uuid, vm.name, vm.on, len(vm.disks)) for vm in theirs] == [(uuid, name, True, 1)]
    assert [vm.uuid for vm in estate.machines() if vm.stamp == theirs[0].stamp] == [uuid]
    rows = site.rows("SELECT id, stage FROM lifecycle_machine WHERE name = ? OR uuid = ?", name, uuid.replace("-", ""))
    assert rows == [{"id": machine, "stage": "active"}]
    assert people.open_spans(site, machine) == METERS
    assert len(site.rows("SELECT 1 FROM lifecycle_tenure WHERE machine_id = ? AND ended_at IS NULL", machine)) == 1
    made = site.rows("SELECT state FROM lifecycle_operation WHERE machine_id = ? AND kind = 'create'", machine)
    assert made == [{"state": "succeeded"}]
