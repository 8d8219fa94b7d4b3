"""What administrators do over the API: orphans, endpoints, work, the pause, the record, look-ups."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from lifecycle.models import Endpoint, Finding, Machine, Operation
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs


def test_an_orphan_gets_one_holder_for_two_clicks(world: World, admin: APIClient, orphan: Finding) -> None:
    (found,) = fine(admin.get("/api/v1/orphans/"))["results"]
    assert found["machine"]["name"] == "found-by-chance"
    assert found["cents_per_month"] > 0
    keep = {"holder": world.stranger.pk, "purpose": "The shop's preview", "last_day": str(world.day(30))}

    kept = fine(admin.post(f"/api/v1/orphans/{orphan.pk}/assign/", keep))
    problem(admin.post(f"/api/v1/orphans/{orphan.pk}/assign/", keep), 409)

    assert (kept["stage"], kept["holder"]["username"], kept["purpose"]) == ("active", "jonas", "The shop's preview")
    assert kept["lease"]["ends_at"]
    assert fine(admin.get("/api/v1/orphans/"))["results"] == []
    assert Machine.objects.get(findings=orphan).tenures.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"holder": None}, "holder"),
        ({"team": "team"}, "holder"),
        ({"holder": 99999}, "holder"),
        ({"purpose": " "}, "purpose"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"last_day": "8000-01-01"}, "last_day"),
    ],
)
def test_an_assignment_that_is_not_whole_changes_nothing(
    world: World, admin: APIClient, orphan: Finding, changes: dict[str, object], field: str
) -> None:
    if "team" in changes:
        changes = {"team": world.owner.team_id}
    keep = {"holder": world.stranger.pk, "purpose": "Kept", "last_day": str(world.day(30))} | changes

    assert field in problem(admin.post(f"/api/v1/orphans/{orphan.pk}/assign/", keep), 422)["errors"]

    assert Machine.objects.get(findings=orphan).stage == "discovered"


def test_orphans_are_found_by_name_and_endpoint(world: World, admin: APIClient, orphan: Finding) -> None:
    counts = {
        asked: len(fine(admin.get(f"/api/v1/orphans/?{asked}"))["results"])
        for asked in ("q=chance", "q=nothing", f"endpoint={world.endpoint.pk}")
    }

    assert list(counts.values()) == [1, 0, 1]


def test_a_secret_goes_in_and_never_comes_out(world: World, admin: APIClient) -> None:
    made = admin.post(
        "/api/v1/endpoints/", {"name": "B", "kind": "simulated", "path": "b.dc.sqlite3", "secret": "hush-hush"}
    )

    assert fine(made, 201)["mode"] == "observe"
    assert Endpoint.objects.get(name="B").reveal_secret() == "hush-hush"
    for answer in (made, admin.get("/api/v1/endpoints/"), admin.get("/api/v1/audit/")):
        assert b"hush-hush" not in answer.content
        assert '"secret"' not in json.dumps(answer.json())


@pytest.mark.parametrize(
    ("fields", "status", "at"),
    [
        ({"name": "Hamburg", "kind": "simulated", "path": "b.dc.sqlite3"}, 422, "name"),
        ({"name": "B", "kind": "imaginary"}, 422, "kind"),
        ({"name": "B", "kind": "simulated", "path": "/etc/passwd"}, 422, "path"),
        ({"name": "B", "kind": "simulated", "path": "../b.dc.sqlite3"}, 422, "path"),
        ({"name": "B", "kind": "simulated", "path": "b.dc.sqlite3", "port": 70000}, 422, "port"),
    ],
)
def test_endpoints_that_cannot_be_are_refused(
    world: World, admin: APIClient, fields: dict[str, object], status: int, at: str
) -> None:
    assert at in problem(admin.post("/api/v1/endpoints/", fields), status)["errors"]
    assert Endpoint.objects.count() == 1


def test_only_what_is_sent_of_an_endpoint_is_changed(world: World, admin: APIClient) -> None:
    url = f"/api/v1/endpoints/{world.endpoint.pk}/"

    changed = fine(admin.patch(url, {"name": "Hamburg 2"}))
    limited = fine(admin.post(f"{url}limits/", {"blast_count": 3, "blast_percent": 2, "parallel": 4}))
    watched = fine(admin.post(f"{url}mode/", {"mode": "observe", "reason": "Night"}))

    assert (changed["name"], changed["path"]) == ("Hamburg 2", world.endpoint.path)
    assert (limited["blast_count"], limited["blast_percent"], limited["parallel"]) == (3, 2, 4)
    assert watched["mode"] == "observe"
    assert verbs()[-3:] == ["endpoint.changed", "endpoint.limits_set", "endpoint.mode_set"]


def test_a_secret_is_not_shown_to_another_place(world: World, admin: APIClient) -> None:
    world.endpoint.secret = "hush"
    world.endpoint.save()

    body = problem(admin.patch(f"/api/v1/endpoints/{world.endpoint.pk}/", {"path": "other.dc.sqlite3"}), 422)

    assert "secret" in body["errors"]


def test_an_endpoint_offers_images_and_pools(world: World, admin: APIClient) -> None:
    parts = {
        part: [row["name"] for row in fine(admin.get(f"/api/v1/endpoints/{world.endpoint.pk}/{part}/"))["results"]]
        for part in ("images", "pools")
    }

    assert parts == {"images": ["Debian 12"], "pools": ["General"]}


def test_the_pause_is_set_and_lifted_once(world: World, admin: APIClient) -> None:
    assert fine(admin.get("/api/v1/pause/")) == {"paused": False, "reason": "", "since": None, "by": None}

    paused = fine(admin.post("/api/v1/pause/", {"reason": "Fire drill"}))
    problem(admin.post("/api/v1/pause/", {"reason": "Fire drill"}), 409)
    assert (paused["paused"], paused["reason"], paused["by"]["username"]) == (True, "Fire drill", "ingrid")

    assert fine(admin.delete("/api/v1/pause/"))["paused"] is False
    problem(admin.delete("/api/v1/pause/"), 409)


def test_operations_are_told_with_what_they_wait_for(world: World, admin: APIClient) -> None:
    world.machine()
    operation = Operation.objects.latest("pk")
    Operation.objects.filter(pk=operation.pk).update(state="waiting", waits_for="blast_radius", destructive=True)

    (open_one,) = fine(admin.get("/api/v1/operations/?open=true"))["results"]
    ended = fine(admin.get(f"/api/v1/operations/?open=false&endpoint={world.endpoint.pk}"))["results"]
    cleared = fine(admin.post(f"/api/v1/operations/{operation.pk}/clear/", {"reason": "Known"}))

    assert open_one["waits_for"] == "blast_radius"
    assert operation.pk not in [row["id"] for row in ended]
    assert cleared["cleared_at"]
    problem(admin.post(f"/api/v1/operations/{operation.pk}/clear/", {"reason": "Known"}), 409)
    fine(admin.post(f"/api/v1/operations/{operation.pk}/retry/"))


@pytest.mark.parametrize(
    ("asked", "some"),
    [
        ("who=lena", True),
        ("who=jonas", False),
        ("verb=request", True),
        ("verb=request.submitted", True),
        ("verb=requ", False),
        ("about=machine", True),
        ("about=machine&object_id=999999", False),
        ("since=2000-01-01&until=2100-01-01", True),
        ("until=2000-01-01", False),
    ],
)
def test_the_record_is_filtered(world: World, admin: APIClient, asked: str, some: bool) -> None:
    world.machine()

    assert bool(fine(admin.get(f"/api/v1/audit/?{asked}"))["results"]) is some


def test_holders_are_looked_up_by_name(world: World, admin: APIClient) -> None:
    world.stranger.first_name, world.stranger.last_name = "Jonas", "Petersen"
    world.stranger.save()

    (person,) = fine(admin.get("/api/v1/people/?q=jonas+peter"))["results"]
    (team,) = fine(admin.get("/api/v1/teams/?q=shop"))["results"]

    assert (person["id"], person["name"], person["team"]["name"]) == (world.stranger.pk, "Jonas Petersen", "Web Shops")
    assert team["id"] == world.stranger.team_id and team["cost_centre"]
