"""People, teams, cost centres and lists of people by the interface."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from lifecycle.models import CostCentre, Team, User
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem

CSV = "username,email,team,cost_centre\nlena,new@x.org,,4120\nkim,kim@x.org,Ships,42\neve,nomail,,\n"


def tried(admin: APIClient, text: str = CSV) -> dict[str, Any]:
    answer = admin.generic("POST", "/api/v1/people/imports/?file_name=hr.csv", text, content_type="text/csv")
    found: dict[str, Any] = fine(answer, 201)
    return found


def test_a_person_is_added_changed_leaves_and_returns(world: World, admin: APIClient) -> None:
    made = fine(admin.post("/api/v1/people/", {"username": "nora", "role": "finance"}), 201)
    url = f"/api/v1/people/{made['id']}/"

    changed = fine(admin.patch(url, {"supervisor": world.approver.pk, "team": world.owner.team_id, "email": "n@x.org"}))
    gone = fine(admin.post(f"{url}leave/", {"left_on": str(world.day(-2))}))
    back = fine(admin.post(f"{url}return/"))

    assert (made["role"], changed["supervisor"]["username"], changed["email"]) == ("finance", "tomasz", "n@x.org")
    assert (gone["is_active"], back["is_active"], back["left_on"]) == (False, True, None)


def test_what_the_rules_refuse_is_told_at_its_field(world: World, admin: APIClient) -> None:
    url = f"/api/v1/people/{world.approver.pk}/"

    assert "supervisor" in problem(admin.patch(url, {"supervisor": world.owner.pk}), 422)["errors"]
    assert "password" in problem(admin.post(f"{url}password/", {"password": "12345678"}), 422)["errors"]
    problem(admin.patch(f"/api/v1/people/{world.admin.pk}/", {"supervisor": world.owner.pk}), 403)


def test_leavers_are_listed_apart(world: World, admin: APIClient) -> None:
    fine(admin.post(f"/api/v1/people/{world.owner.pk}/leave/", {"left_on": str(world.day(-2))}))

    here = [row["username"] for row in fine(admin.get("/api/v1/people/?page_size=200"))["results"]]
    gone = [row["username"] for row in fine(admin.get("/api/v1/people/?left=true"))["results"]]

    assert "lena" not in here and gone == ["lena"]


def test_teams_and_cost_centres_are_made_and_removed(world: World, admin: APIClient) -> None:
    centre = fine(admin.post("/api/v1/cost-centres/", {"code": "42", "name": "Ships", "owner": world.owner.pk}), 201)
    team = fine(admin.post("/api/v1/teams/", {"name": "Ships", "cost_centre": centre["id"]}), 201)

    assert centre["owner"]["username"] == "lena" and team["cost_centre"]["code"] == "42"
    problem(admin.delete(f"/api/v1/cost-centres/{centre['id']}/"), 409)
    assert admin.delete(f"/api/v1/teams/{team['id']}/").status_code == 204
    assert admin.delete(f"/api/v1/cost-centres/{centre['id']}/").status_code == 204
    assert not Team.objects.filter(pk=team["id"]).exists() and not CostCentre.objects.filter(code="42").exists()


def test_a_list_is_tried_applied_and_undone(world: World, admin: APIClient) -> None:
    dry = tried(admin)
    url = f"/api/v1/people/imports/{dry['id']}/"

    assert (dry["state"], dry["file_name"]) == ("tried", "hr.csv")
    assert dry["counts"] == {"added": 1, "changed": 1, "unchanged": 0, "refused": 1}
    assert [new["name"] for new in dry["teams"] + dry["cost_centres"]] == ["Ships", "42"]
    assert not User.objects.filter(username="kim").exists()

    applied = fine(admin.post(f"{url}apply/", {"teams": ["Ships"], "cost_centres": ["42"]}))
    undone = fine(admin.post(f"{url}undo/"))

    assert applied["state"] == "applied" and [row["outcome"] for row in applied["rows"]] == [
        "changed", "added", "refused",
    ]  # fmt: skip
    assert [row["undone"] for row in undone["rows"]] == ["restored", "deleted", ""]
    assert fine(admin.get(url)) == undone
    assert [row["id"] for row in fine(admin.get("/api/v1/people/imports/"))["results"]] == [dry["id"]]


def test_a_list_is_not_applied_to_other_people_than_were_seen(world: World, admin: APIClient) -> None:
    dry = tried(admin)
    fine(admin.patch(f"/api/v1/people/{world.owner.pk}/", {"email": "third@x.org"}))

    problem(admin.post(f"/api/v1/people/imports/{dry['id']}/apply/", {}), 409)


def test_what_is_no_list_is_refused(world: World, admin: APIClient) -> None:
    post = admin.generic
    url = "/api/v1/people/imports/"

    assert "file" in problem(post("POST", url, "name\nx\n", content_type="text/csv"), 422)["errors"]
    problem(post("POST", url, "username\n" + "x" * 3_000_000, content_type="text/csv"), 413)
    problem(post("POST", url, "{}", content_type="application/json"), 415)
