"""Machines over the API: lists, power, leases, history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from guardian.shortcuts import assign_perm
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Machine, Operation, Rate
from tests.lifecycle.factories import make_machine
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs
from tests.portal.api.conftest import Clients

URL = "/api/v1/machines/"


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine()


def test_a_machine_tells_stage_power_lease_and_price(machine: Machine, owner: APIClient) -> None:
    shown = fine(owner.get(f"{URL}{machine.pk}/"))

    assert (shown["stage"], shown["power"], shown["holder"]["username"]) == ("active", "on", "lena")
    assert shown["lease"]["ends_at"] == machine.lease.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown["cents_per_month"] == machine.request.cents_per_month


def test_times_are_utc_for_programs_and_browsers_alike(world: World, machine: Machine, owner: APIClient) -> None:
    world.owner.zone = "Asia/Tokyo"
    world.owner.save()

    assert fine(owner.get(f"{URL}{machine.pk}/"))["lease"]["ends_at"].endswith("Z")


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["held", "teams"]),
        ("?mine=true", ["held"]),
        ("?q=team", ["teams"]),
        ("?q=nothing", []),
        ("?stage=removed", ["gone"]),
        ("?stage=quarantined", []),
    ],
)
def test_lists_show_what_was_asked_for(world: World, owner: APIClient, asked: str, names: list[str]) -> None:
    make_machine("held", holder=world.owner, endpoint=world.endpoint)
    make_machine("teams", team=world.owner.team, endpoint=world.endpoint)
    make_machine("gone", holder=world.owner, endpoint=world.endpoint, stage="removed")
    make_machine("foreign", holder=world.stranger, endpoint=world.endpoint)

    found = fine(owner.get(f"{URL}{asked}"))["results"]

    assert [machine["name"] for machine in found] == names


def test_pages_lead_forward_and_back(world: World, owner: APIClient) -> None:
    for number in range(5):
        make_machine(f"m{number}", holder=world.owner, endpoint=world.endpoint)

    first = fine(owner.get(f"{URL}?page_size=2&mine=true"))
    second = fine(owner.get(first["next"]))
    third = fine(owner.get(second["next"]))
    back = fine(owner.get(third["previous"]))

    assert [[row["name"] for row in each["results"]] for each in (first, second, third)] == [
        ["m0", "m1"], ["m2", "m3"], ["m4"],
    ]  # fmt: skip
    assert (first["previous"], third["next"]) == (None, None)
    assert back["results"] == second["results"]
    assert "mine=true" in second["next"]


def test_without_prices_a_machine_has_none(world: World, machine: Machine, owner: APIClient) -> None:
    Rate.objects.all().delete()

    assert fine(owner.get(f"{URL}{machine.pk}/"))["cents_per_month"] is None


def test_a_button_pressed_twice_is_one_operation(world: World, machine: Machine, owner: APIClient) -> None:
    first = fine(owner.post(f"{URL}{machine.pk}/shut-down/"), 202)
    again = fine(owner.post(f"{URL}{machine.pk}/shut-down/"), 202)
    problem(owner.post(f"{URL}{machine.pk}/start/"), 409)
    world.work_off()

    assert again == first
    assert fine(owner.get(f"{URL}{machine.pk}/"))["power"] == "off"
    problem(owner.post(f"{URL}{machine.pk}/restart/"), 409)
    (latest, *_earlier) = fine(owner.get(f"{URL}{machine.pk}/operations/"))["results"]
    assert (latest["id"], latest["state"]) == (first["id"], "succeeded")


@pytest.mark.parametrize("days", [-1, 20, 91, 3000])
def test_ends_in_the_past_before_the_present_one_or_past_the_cap_are_refused(
    world: World, machine: Machine, owner: APIClient, days: int
) -> None:
    answer = owner.post(f"{URL}{machine.pk}/extend/", {"last_day": str(world.day(days))})

    assert "last_day" in problem(answer, 422)["errors"]
    machine.lease.refresh_from_db()
    assert machine.lease.extensions == 0


def test_an_end_is_moved_once_for_two_clicks(world: World, machine: Machine, owner: APIClient) -> None:
    later = {"last_day": str(world.day(60))}

    assert fine(owner.post(f"{URL}{machine.pk}/extend/", later))["lease"]["extensions"] == 1
    problem(owner.post(f"{URL}{machine.pk}/extend/", later), 422)


def test_given_back_once_and_restored_once(world: World, machine: Machine, owner: APIClient) -> None:
    assert fine(owner.post(f"{URL}{machine.pk}/give-back/"))["stage"] == "expired"
    problem(owner.post(f"{URL}{machine.pk}/give-back/"), 409)
    world.work_off()
    assert fine(owner.get(f"{URL}{machine.pk}/"))["stage"] == "quarantined"

    assert fine(owner.post(f"{URL}{machine.pk}/restore/"))["stage"] == "active"
    problem(owner.post(f"{URL}{machine.pk}/restore/"), 409)
    world.work_off()

    shown = fine(owner.get(f"{URL}{machine.pk}/"))
    assert shown["power"] == "on"
    assert shown["lease"]["remove_at"] is None


def test_a_hold_stands_the_clock_still(world: World, machine: Machine, owner: APIClient, admin: APIClient) -> None:
    held = fine(admin.post(f"{URL}{machine.pk}/hold/", {"reason": "Audit"}))
    problem(admin.post(f"{URL}{machine.pk}/hold/", {"reason": "Audit"}), 409)

    world.move_to(machine.lease.ends_at + timedelta(hours=1))

    assert (held["lease"]["held"], held["lease"]["held_reason"]) == (True, "Audit")
    assert fine(owner.get(f"{URL}{machine.pk}/"))["stage"] == "active"
    assert fine(admin.post(f"{URL}{machine.pk}/release/"))["lease"]["held"] is False


def test_an_orphan_has_no_lease_to_act_on(world: World, admin: APIClient) -> None:
    found = make_machine("found", endpoint=world.endpoint)

    assert fine(admin.get(f"{URL}{found.pk}/"))["lease"] is None
    problem(admin.post(f"{URL}{found.pk}/give-back/"), 409)


def test_history_tells_who_did_what_from_the_request_on(machine: Machine, owner: APIClient) -> None:
    told = fine(owner.get(f"{URL}{machine.pk}/history/?page_size=200"))["results"]

    acts = [entry["verb"] for entry in told]
    assert acts[-2:] == ["request.approved", "request.submitted"]
    assert "machine.active" in acts
    assert set(acts) <= set(verbs())
    assert told[-1]["actor_name"] == "lena"


def test_cost_is_told_to_the_second(world: World, machine: Machine, owner: APIClient) -> None:
    clock.move_to(clock.now() + timedelta(days=2))

    spent = fine(owner.get(f"{URL}{machine.pk}/cost/"))

    assert spent["cents"] >= spent["cents_this_month"] >= 0
    assert spent["cents"] > 0


def test_a_grant_shows_one_machine_and_a_right_to_work_it(world: World, machine: Machine, client_of: Clients) -> None:
    client = client_of("stranger")
    assign_perm("lifecycle.view_machine", world.stranger, machine)
    assert [row["id"] for row in fine(client.get(URL))["results"]] == [machine.pk]
    problem(client.post(f"{URL}{machine.pk}/shut-down/"), 403)

    assign_perm("lifecycle.operate_machine", world.stranger, machine)
    fine(client.post(f"{URL}{machine.pk}/shut-down/"), 202)
    assert Operation.objects.latest("pk").asked_by == world.stranger
