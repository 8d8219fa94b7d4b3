"""The catalogue over the API: what is offered, its administration, prices."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Blueprint, Image, Pool, RateCard, Size
from lifecycle.money import calendar
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs

PRICES = {"vcpu": {"micros": 7_000_000}, "memory_mib": {"micros": 2_000_000, "per": 1024}, "disk_mib": {"micros": 98}}


def blueprint(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "name": "Debian 12 short", "image": Image.objects.get().pk, "pool": Pool.objects.get().pk,
        "sizes": [world.small.pk], "default_days": 7, "max_days": 14, "grace_days": 3,
    } | changes  # fmt: skip


def test_people_see_what_is_offered(world: World, owner: APIClient) -> None:
    (found,) = fine(owner.get("/api/v1/blueprints/"))["results"]

    assert (found["name"], found["image"]["name"], found["endpoint"]["name"]) == ("Debian 12", "Debian 12", "Hamburg")
    assert [size["name"] for size in found["sizes"]] == ["Small", "Large"]


def test_what_is_retired_is_for_administrators(world: World, owner: APIClient, admin: APIClient) -> None:
    url = f"/api/v1/blueprints/{world.blueprint.pk}/"
    assert fine(admin.patch(url, {"offered": False}))["offered"] is False

    problem(owner.get(url), 404)
    problem(owner.get("/api/v1/blueprints/?every=true"), 403)
    assert fine(owner.get("/api/v1/blueprints/"))["results"] == []
    assert len(fine(admin.get("/api/v1/blueprints/?every=true"))["results"]) == 1
    assert fine(admin.get(url))["id"] == world.blueprint.pk


def test_a_blueprint_is_made_and_changed(world: World, admin: APIClient) -> None:
    made = fine(admin.post("/api/v1/blueprints/", blueprint(world)), 201)
    changed = fine(admin.patch(f"/api/v1/blueprints/{made['id']}/", {"sizes": [world.large.pk], "warn_days": [5, 1]}))

    assert (made["offered"], made["warn_days"]) == (True, [14, 7, 3, 1])
    assert ([size["name"] for size in changed["sizes"]], changed["warn_days"]) == (["Large"], [5, 1])
    assert verbs() == ["blueprint.added", "blueprint.changed"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Debian 12"}, "name"),
        ({"image": 99999}, "image"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [99999]}, "sizes"),
        ({"default_days": 30}, ""),
        ({"grace_days": 0}, "grace_days"),
        ({"max_days": 10**9}, "max_days"),
        ({"warn_days": [1, 7]}, "warn_days"),
        ({"warn_days": ["x"]}, "warn_days.0"),
        ({"approval": "anybody"}, "approval"),
        ({"position": -1}, "position"),
    ],
)
def test_blueprints_that_cannot_be_are_refused(
    world: World, admin: APIClient, changes: dict[str, Any], field: str
) -> None:
    body = problem(admin.post("/api/v1/blueprints/", blueprint(world, **changes)), 422)

    assert not field or field in body["errors"]
    assert Blueprint.objects.count() == 1


def test_sizes_are_made_and_changed(world: World, admin: APIClient) -> None:
    tiny = {"name": "Tiny", "vcpus": 1, "memory_mib": 1024, "disk_mib": 20480}
    made = fine(admin.post("/api/v1/sizes/", tiny), 201)

    assert fine(admin.patch(f"/api/v1/sizes/{made['id']}/", {"vcpus": 2}))["vcpus"] == 2
    assert "name" in problem(admin.post("/api/v1/sizes/", tiny), 422)["errors"]
    assert "vcpus" in problem(admin.post("/api/v1/sizes/", tiny | {"name": "Vast", "vcpus": 10**20}), 422)["errors"]
    assert Size.objects.count() == 3


def test_prices_are_published_from_a_month_on(world: World, owner: APIClient, admin: APIClient) -> None:
    month = calendar.next_month(calendar.month_of(clock.now()))
    card = {"name": "Next", "valid_from": month.isoformat(), "prices": PRICES}

    made = fine(admin.post("/api/v1/rate-cards/", card), 201)
    problem(admin.post("/api/v1/rate-cards/", card), 409)

    assert {rate["meter"]: (rate["micros"], rate["per"]) for rate in made["rates"]} == {
        "vcpu": (7_000_000, 1), "memory_mib": (2_000_000, 1024), "disk_mib": (98, 1),
    }  # fmt: skip
    assert fine(owner.get("/api/v1/rate-cards/"))["results"][0]["name"] == "Next"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"valid_from": "2030-01-02"}, "valid_from"),
        ({"prices": {}}, "prices.vcpu"),
        ({"prices": PRICES | {"vcpu": {"micros": -1}}}, "prices.vcpu.micros"),
        ({"prices": PRICES | {"vcpu": {"micros": 10**30}}}, "prices.vcpu.micros"),
        ({"prices": PRICES | {"vcpu": {"micros": 1, "per": 0}}}, "prices.vcpu.per"),
        ({"prices": PRICES | {"gpu": {"micros": 1}}}, "prices.gpu"),
        ({"prices": [1]}, "prices"),
    ],
)
def test_rate_cards_that_cannot_be_are_refused(
    world: World, admin: APIClient, changes: dict[str, Any], field: str
) -> None:
    card = {"name": "Next", "valid_from": "2030-01-01", "prices": PRICES} | changes

    assert field in problem(admin.post("/api/v1/rate-cards/", card), 422)["errors"]
    assert RateCard.objects.count() == 1


def test_a_quote_changes_nothing_and_says_what_it_is_made_of(world: World, owner: APIClient) -> None:
    asked = {"blueprint": world.blueprint.pk, "size": world.small.pk, "last_day": str(world.day(30))}

    price = fine(owner.post("/api/v1/quotes/", asked))

    assert price["cents_until_end"] == sum(line["cents_until_end"] for line in price["lines"])
    assert [line["meter"] for line in price["lines"]] == ["vcpu", "memory_mib", "disk_mib"]
    assert verbs() == []


@pytest.mark.parametrize("days", [-1, 91])
def test_no_price_for_an_end_that_cannot_be(world: World, owner: APIClient, days: int) -> None:
    asked = {"blueprint": world.blueprint.pk, "size": world.small.pk, "last_day": str(world.day(days))}

    assert "last_day" in problem(owner.post("/api/v1/quotes/", asked), 422)["errors"]
