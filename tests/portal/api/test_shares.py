"""Sharing a machine, by the API."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from lifecycle.models import Machine
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem
from tests.portal.api.conftest import Clients


@pytest.fixture
def address(world: World) -> str:
    machine: Machine = world.machine("kafka")
    return f"/api/v1/machines/{machine.pk}/"


def test_a_share_is_made_listed_changed_and_withdrawn(
    world: World, owner: APIClient, client_of: Clients, address: str
) -> None:
    body = {"person": "jonas", "level": "operate", "until": str(world.day(5))}
    made = fine(owner.post(f"{address}shares/", body), 201)
    assert (made["person"]["username"], made["level"], made["until"]) == ("jonas", "operate", str(world.day(5)))
    assert fine(client_of("stranger").get(f"{address}shares/")) == [made]

    one = f"{address}shares/{made['key']}/"
    assert fine(owner.patch(one, {"until": None}))["until"] is None
    assert fine(owner.patch(one, {"level": "see"}))["level"] == "see"
    assert fine(owner.delete(one))["key"] == made["key"]
    problem(client_of("stranger").get(address), 404)
    problem(owner.delete(one), 404)


def test_a_share_with_a_team(world: World, owner: APIClient, client_of: Clients, address: str) -> None:
    made = fine(owner.post(f"{address}shares/", {"team": "Web Shops", "level": "see"}), 201)

    assert (made["person"], made["team"]["name"], made["until"]) == (None, "Web Shops", None)
    fine(client_of("stranger").get(address))


def test_a_share_is_refused_with_its_field(world: World, owner: APIClient, address: str) -> None:
    for body, field in [
        ({"level": "see"}, "person"),
        ({"person": "jonas", "team": "Web Shops", "level": "see"}, "person"),
        ({"person": "nobody", "level": "see"}, "person"),
        ({"team": "nobody", "level": "see"}, "team"),
        ({"person": "jonas", "level": "own"}, "level"),
        ({"person": "jonas"}, "level"),
        ({"person": "jonas", "level": "see", "until": str(world.day(-1))}, "until"),
    ]:
        assert field in problem(owner.post(f"{address}shares/", body), 422)["errors"]


def test_a_share_twice_is_a_conflict(owner: APIClient, address: str) -> None:
    fine(owner.post(f"{address}shares/", {"person": "jonas", "level": "see"}), 201)

    problem(owner.post(f"{address}shares/", {"person": "jonas", "level": "see"}), 409)


def test_a_share_is_for_those_who_manage(client_of: Clients, owner: APIClient, address: str) -> None:
    fine(owner.post(f"{address}shares/", {"person": "jonas", "level": "operate"}), 201)

    problem(client_of("stranger").post(f"{address}shares/", {"person": "piotr", "level": "see"}), 403)
    problem(client_of("teammate").post(f"{address}shares/", {"person": "jonas", "level": "see"}), 404)
