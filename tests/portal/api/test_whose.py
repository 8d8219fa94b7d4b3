"""Whose machines might be, rules and inventories by the interface."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from lifecycle.models import CmdbFile, EstateRule, Finding, HolderCandidate, Machine
from lifecycle.sprawl.attribution import attribute
from tests.lifecycle.factories import make_machine
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem

API = "/api/v1"
HINT = {"name": "CI", "effect": "hint", "machine_name": "found-*"}


@pytest.fixture
def named(orphan: Finding) -> Finding:
    Machine.objects.filter(findings=orphan).update(created_by="CORP\\lena", note="Data Platform")
    attribute()
    return orphan


def _tried(admin: APIClient, text: str = "name,owner,odd\nfound-by-chance,lena,x\nelse,lena,\n,,\nvm,Fred,\n") -> Any:
    return admin.generic("POST", f"{API}/inventories/?file_name=cmdb.csv", text, content_type="text/csv")


def test_an_orphan_says_whose_it_might_be(world: World, admin: APIClient, named: Finding) -> None:
    found = fine(admin.get(f"{API}/orphans/{named.pk}/"))["candidates"]
    same = fine(admin.get(f"{API}/machines/{named.machine_id}/candidates/"))

    assert found == same
    assert [(each["score"], each["confidence"]) for each in found] == [(40, "guess"), (15, "guess")]
    assert (found[0]["person"]["username"], found[0]["team"]) == ("lena", None)
    assert (found[1]["person"], found[1]["team"]["name"]) == (None, "Data Platform")
    assert found[0]["evidence"] == [{"what": "created_by", "value": "CORP\\lena", "points": 40}]


def test_whoever_only_sees_a_machine_does_not_see_whose_it_might_be(world: World, client_of: Any) -> None:
    machine = make_machine("held", holder=world.owner, endpoint=world.endpoint)

    problem(client_of("owner").get(f"{API}/machines/{machine.pk}/candidates/"), 403)
    problem(client_of("stranger").get(f"{API}/machines/{machine.pk}/candidates/"), 404)
    assert fine(client_of("admin").get(f"{API}/machines/{machine.pk}/candidates/")) == []


def test_a_rule_is_tried_made_changed_and_removed(world: World, admin: APIClient, orphan: Finding) -> None:
    rule = HINT | {"person": world.owner.pk}

    tried = fine(admin.post(f"{API}/rules/try/", rule))
    assert (tried["count"], tried["machines"][0]["name"]) == (1, "found-by-chance")
    assert not EstateRule.objects.exists()

    made = fine(admin.post(f"{API}/rules/", rule), 201)
    url = f"{API}/rules/{made['id']}/"
    assert made["enabled"] and made["person"]["username"] == "lena"
    assert fine(admin.get(f"{url}matches/"))["count"] == 1
    assert fine(admin.patch(url, {"machine_name": "x*"}))["machine_name"] == "x*"
    assert fine(admin.patch(url, {"enabled": False}))["enabled"] is False
    assert [each["id"] for each in fine(admin.get(f"{API}/rules/"))["results"]] == [made["id"]]
    assert admin.delete(url).status_code == 204
    problem(admin.delete(url), 404)


def test_a_rule_gives_holders_and_says_so_of_each(world: World, admin: APIClient, orphan: Finding) -> None:
    terms = {"effect": "adopt", "person": world.owner.pk, "purpose": "Builds", "lease_days": 30}
    made = fine(admin.post(f"{API}/rules/", HINT | terms), 201)
    url = f"{API}/rules/{made['id']}/apply/"

    (given,) = fine(admin.post(url))

    assert (given["given"], given["problem"], given["machine"]["name"]) == (True, "", "found-by-chance")
    assert Machine.objects.get(findings=orphan).holder == world.owner
    assert fine(admin.post(url)) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "person"),
        ({"effect": "managed"}, "managed_by"),
        ({"machine_name": ""}, "machine_name"),
        ({"effect": "burn"}, "effect"),
        ({"lease_days": "soon"}, "lease_days"),
        ({"odd": 1}, "odd"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told_at_its_field(admin: APIClient, changes: Any, field: str) -> None:
    for path in ("rules/", "rules/try/"):
        assert field in problem(admin.post(f"{API}/{path}", HINT | changes), 422)["errors"]
    assert not EstateRule.objects.exists()


def test_an_inventory_is_tried_looked_at_put_in_force_and_removed(
    world: World, admin: APIClient, orphan: Finding
) -> None:
    made = fine(_tried(admin), 201)
    url = f"{API}/inventories/{made['id']}/"

    assert made["counts"] == {"fits": 1, "owner_unknown": 1, "no_machine": 1, "refused": 0}
    assert (made["state"], made["unknown_columns"], made["file_name"]) == ("tried", ["odd"], "cmdb.csv")
    rows = fine(admin.get(f"{url}rows/"))["results"]
    assert [(row["number"], row["outcome"]) for row in rows] == [(2, "fits"), (3, "no_machine"), (5, "owner_unknown")]

    assert fine(admin.post(f"{url}apply/"))["state"] == "in_force"
    problem(admin.post(f"{url}apply/"), 409)
    attribute()
    assert HolderCandidate.objects.get(machine=orphan.machine_id).person == world.owner
    assert [each["id"] for each in fine(admin.get(f"{API}/inventories/"))["results"]] == [made["id"]]
    assert admin.delete(url).status_code == 204
    problem(admin.delete(url), 404)


def test_inventories_are_csv_and_say_what_is_wrong(admin: APIClient, world: World) -> None:
    problem(admin.post(f"{API}/inventories/", {"name": "x"}), 415)
    assert "file" in problem(_tried(admin, "name\nx\n"), 422)["errors"]
    assert not CmdbFile.objects.exists()
