"""Requests over the API: asking, deciding, and doing either twice."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from lifecycle.models import Notice, Operation, Reply, Request
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs
from tests.portal.api.conftest import Clients

URL = "/api/v1/requests/"


def order(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "blueprint": world.blueprint.pk, "size": world.small.pk, "name": "churn-scoring", "purpose": "Nightly scoring",
        "last_day": str(world.day(30)),
    } | changes  # fmt: skip


def test_an_order_waits_for_the_supervisor_at_the_quoted_price(world: World, owner: APIClient) -> None:
    asked = {name: value for name, value in order(world).items() if name in {"blueprint", "size", "last_day"}}
    price = fine(owner.post("/api/v1/quotes/", asked))

    made = fine(owner.post(URL, order(world)), 201)

    assert made["state"] == "waiting"
    assert made["steps"][0]["approver"]["username"] == "tomasz"
    assert (made["holder"]["username"], made["team"]) == ("lena", None)
    assert (
        made["cents_per_month"] == price["cents_per_month"] == sum(line["cents_per_month"] for line in price["lines"])
    )
    assert verbs()[-1] == "request.submitted"
    assert Notice.objects.get().recipient == world.approver


def test_a_team_may_hold_it(world: World, owner: APIClient) -> None:
    made = fine(owner.post(URL, order(world, for_team=True)), 201)

    assert (made["holder"], made["team"]["name"]) == (None, "Data Platform")


def test_who_is_in_no_team_cannot_ask_for_one(world: World, owner: APIClient) -> None:
    world.owner.team = None
    world.owner.save()

    assert "for_team" in problem(owner.post(URL, order(world, for_team=True)), 422)["errors"]


def test_a_size_that_the_blueprint_is_not_offered_in_is_refused(world: World, owner: APIClient) -> None:
    world.blueprint.sizes.remove(world.large)

    assert "size" in problem(owner.post(URL, order(world, size=world.large.pk)), 422)["errors"]
    assert not Request.objects.exists()


def test_a_name_that_is_taken_is_refused_with_a_free_one(world: World, owner: APIClient) -> None:
    owner.post(URL, order(world))

    body = problem(owner.post(URL, order(world)), 422)

    assert "churn-scoring-2" in body["errors"]["name"][0]
    assert Request.objects.count() == 1


@pytest.mark.parametrize("forgotten", [False, True])
def test_an_order_sent_again_with_its_key_answers_the_first(world: World, owner: APIClient, forgotten: bool) -> None:
    key = {"Idempotency-Key": "4b0e-try"}

    first = fine(owner.post(URL, order(world), headers=key), 201)
    if forgotten:  # after its day, or because the process died before the answer was kept
        Reply.objects.all().delete()
    again = fine(owner.post(URL, order(world), headers=key), 201)

    assert again == first
    assert Request.objects.count() == 1


def test_two_people_may_choose_the_same_key(world: World, client_of: Clients) -> None:
    key = {"Idempotency-Key": "1"}

    mine = fine(client_of("owner").post(URL, order(world), headers=key), 201)
    theirs = fine(client_of("teammate").post(URL, order(world, name="other"), headers=key), 201)

    assert mine["id"] != theirs["id"]


@pytest.mark.parametrize("key", ["", "with blanks", "x" * 256, "ключ"])
def test_keys_that_cannot_be_told_apart_are_refused(world: World, owner: APIClient, key: str) -> None:
    answer = owner.post(URL, order(world), HTTP_IDEMPOTENCY_KEY=key)

    assert "Idempotency-Key" in problem(answer, 422)["errors"]
    assert not Request.objects.exists()


def test_two_clicks_on_approve_build_one_machine(world: World, approver: APIClient) -> None:
    request = world.submit()

    first = fine(approver.post(f"{URL}{request.pk}/approve/", {"cents_seen": request.cents_until_end}))
    body = problem(approver.post(f"{URL}{request.pk}/approve/", {}), 409)

    assert first["state"] == "building"
    assert "tomasz" in body["detail"]
    assert Operation.objects.filter(kind="create").count() == 1


def test_a_price_that_is_no_longer_as_seen_stops_the_approval(world: World, approver: APIClient) -> None:
    request = world.submit()

    problem(approver.post(f"{URL}{request.pk}/approve/", {"cents_seen": request.cents_until_end - 1}), 409)

    request.refresh_from_db()
    assert request.state == "waiting"
    assert not Operation.objects.exists()


def test_nobody_approves_their_own_request_not_even_an_administrator(world: World, admin: APIClient) -> None:
    world.admin.cost_centre = world.owner.cost_centre
    world.admin.save()
    request = world.submit("own", by=world.admin)

    problem(admin.post(f"{URL}{request.pk}/approve/", {}), 403)


def test_a_refusal_needs_words_that_the_requester_reads(world: World, owner: APIClient, approver: APIClient) -> None:
    request = world.submit()

    assert "comment" in problem(approver.post(f"{URL}{request.pk}/refuse/", {"comment": " "}), 422)["errors"]
    fine(approver.post(f"{URL}{request.pk}/refuse/", {"comment": "Take a smaller one."}))

    seen = fine(owner.get(f"{URL}{request.pk}/"))
    assert (seen["state"], seen["steps"][0]["comment"]) == ("refused", "Take a smaller one.")
    problem(approver.post(f"{URL}{request.pk}/refuse/", {"comment": "Again"}), 409)


def test_a_request_is_withdrawn_once(world: World, owner: APIClient) -> None:
    request = world.submit()

    assert fine(owner.post(f"{URL}{request.pk}/cancel/"))["state"] == "cancelled"
    problem(owner.post(f"{URL}{request.pk}/cancel/"), 409)


def test_what_is_being_built_is_taken_back_once(world: World, owner: APIClient, approver: APIClient) -> None:
    request = world.submit()
    fine(approver.post(f"{URL}{request.pk}/approve/", {}))
    problem(approver.post(f"{URL}{request.pk}/cancel/"), 403)

    taken = fine(owner.post(f"{URL}{request.pk}/cancel/"))
    body = problem(owner.post(f"{URL}{request.pk}/cancel/"), 409)

    assert (taken["state"], body["detail"]) == ("building", "It is being taken back already.")
    assert fine(owner.get(f"{URL}{request.pk}/operation/"))["verdict"] == "cancel"
    world.work_off()
    assert fine(owner.get(f"{URL}{request.pk}/"))["state"] == "cancelled"
    problem(owner.post(f"{URL}{request.pk}/cancel/"), 409)
    assert world.native() == []


def test_the_work_of_a_request_is_there_after_the_decision(world: World, owner: APIClient, approver: APIClient) -> None:
    request = world.submit()
    problem(owner.get(f"{URL}{request.pk}/operation/"), 404)

    approver.post(f"{URL}{request.pk}/approve/", {})
    assert fine(owner.get(f"{URL}{request.pk}/operation/"))["state"] == "waiting"
    world.work_off()

    assert fine(owner.get(f"{URL}{request.pk}/operation/"))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("role", "asked", "names"),
    [
        ("owner", "", ["second", "first"]),
        ("owner", "?mine=true", ["second", "first"]),
        ("owner", "?waiting=true", []),
        ("approver", "?waiting=true", ["first", "second"]),
        ("approver", "?mine=true", []),
        ("owner", "?state=refused", []),
        ("owner", "?state=waiting", ["second", "first"]),
        ("stranger", "", []),
    ],
)
def test_lists_show_what_was_asked_for(
    world: World, client_of: Clients, role: str, asked: str, names: list[str]
) -> None:
    world.submit("first")
    world.submit("second")

    found = fine(client_of(role).get(f"{URL}{asked}"))["results"]

    assert [request["name"] for request in found] == names
