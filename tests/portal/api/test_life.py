"""The whole job through the API alone: ordered, approved, worked, paid, extended, given back, restored, adopted."""

from __future__ import annotations

from datetime import timedelta

from lifecycle import clock
from lifecycle.estate.sync import sync
from lifecycle.money.actions import draft
from lifecycle.sprawl.actions import scan
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem
from tests.portal.api.conftest import Clients

API = "/api/v1"


def test_the_whole_job_is_done_through_the_api(world: World, client_of: Clients) -> None:
    owner, approver, admin = client_of("owner"), client_of("approver"), client_of("admin")

    # Order.
    (blueprint,) = fine(owner.get(f"{API}/blueprints/"))["results"]
    size = blueprint["sizes"][0]
    wish = {"blueprint": blueprint["id"], "size": size["id"], "last_day": str(world.day(30))}
    price = fine(owner.post(f"{API}/quotes/", wish))
    request = fine(owner.post(f"{API}/requests/", wish | {"name": "churn-scoring", "purpose": "Nightly scoring"}), 201)
    assert request["cents_until_end"] == price["cents_until_end"]

    # Approve.
    (waiting,) = fine(approver.get(f"{API}/requests/?waiting=true"))["results"]
    seen = {"cents_seen": waiting["cents_until_end"], "comment": "Go ahead."}
    fine(approver.post(f"{API}/requests/{waiting['id']}/approve/", seen))

    # Progress and power.
    world.work_off()
    assert fine(owner.get(f"{API}/requests/{request['id']}/operation/"))["progress"] == 100
    built = fine(owner.get(f"{API}/requests/{request['id']}/"))["machine"]
    machine = f"{API}/machines/{built}"
    assert [vm["name"] for vm in world.native()] == ["churn-scoring"]
    fine(owner.post(f"{machine}/shut-down/"), 202)
    world.work_off()
    assert fine(owner.get(f"{machine}/"))["power"] == "off"
    fine(owner.post(f"{machine}/start/"), 202)
    world.work_off()
    assert fine(owner.get(f"{machine}/"))["power"] == "on"

    # Lease: extension, return, restore.
    fine(owner.post(f"{machine}/extend/", {"last_day": str(world.day(60))}))
    clock.move_to(clock.now() + timedelta(days=1))
    fine(owner.post(f"{machine}/give-back/"))
    world.work_off()
    assert fine(owner.get(f"{machine}/"))["stage"] == "quarantined"
    fine(owner.post(f"{machine}/restore/"))
    world.work_off()
    assert fine(owner.get(f"{machine}/"))["power"] == "on"

    # Orphans.
    world.dc.make_machine_by_hand("found-by-chance")
    sync(world.endpoint)
    scan()
    (orphan,) = fine(admin.get(f"{API}/orphans/"))["results"]
    (holder,) = fine(admin.get(f"{API}/people/?q=jonas"))["results"]
    keep = {"holder": holder["id"], "purpose": "The shop's preview", "last_day": str(world.day(30))}
    kept = fine(admin.post(f"{API}/orphans/{orphan['id']}/assign/", keep))
    problem(owner.get(f"{API}/machines/{kept['id']}/"), 404)
    assert fine(client_of("stranger").get(f"{API}/machines/"))["results"][0]["name"] == "found-by-chance"

    # Costs.
    clock.move_to(clock.now() + timedelta(days=1))
    draft()
    lines = fine(owner.get(f"{API}/lines/"))["results"]
    assert sum(line["cents"] for line in lines) == fine(owner.get(f"{machine}/cost/"))["cents"] > 0
    assert all(fine(owner.get(f"{API}/lines/{line['id']}/why/"))["agrees"] for line in lines)
