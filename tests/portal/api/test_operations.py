"""Work on hypervisors over the API: its filters, what administrators decide about it, and how the engine does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Entry, Heartbeat, Operation
from tests.lifecycle.factories import make_endpoint, make_machine
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem, verbs
from tests.portal.api.conftest import Clients

URL = "/api/v1/operations/"


def work(world: World, **fields: Any) -> Operation:
    values: dict[str, Any] = {
        "machine": make_machine(holder=world.owner, endpoint=world.endpoint),
        "endpoint": world.endpoint,
        "kind": "restart",
        "purpose": "holder",
        "key": f"test:{Operation.objects.count()}",
        "asked_by": world.owner,
        "next_try_at": datetime.now(UTC),
        "created_at": clock.now(),
        "changed_at": clock.now(),
    }
    return Operation.objects.create(**values | fields)


def running(world: World, **fields: Any) -> Operation:
    return work(world, **{"state": "running", "started_at": clock.now()} | fields)


@pytest.mark.parametrize(
    ("asked", "states"),
    [
        ("", ["cancelled", "succeeded", "failed", "running", "waiting"]),
        ("?state=open", ["running", "waiting"]),
        ("?open=true", ["running", "waiting"]),
        ("?state=running", ["running"]),
        ("?state=waiting", ["waiting"]),
        ("?state=failed", ["failed"]),
        ("?state=ended", ["cancelled", "succeeded", "failed"]),
        ("?open=false", ["cancelled", "succeeded", "failed"]),
        ("?state=ended&open=true", []),
        ("?kind=create", ["waiting"]),
        ("?endpoint={elsewhere}", ["failed"]),
    ],
)
def test_operations_are_filtered(world: World, admin: APIClient, asked: str, states: list[str]) -> None:
    elsewhere = make_endpoint()
    work(world, kind="create", purpose="order")
    running(world)
    work(world, state="failed", endpoint=elsewhere)
    work(world, state="succeeded")
    work(world, state="cancelled")

    found = fine(admin.get(URL + asked.format(elsewhere=elsewhere.pk)))["results"]

    assert [row["state"] for row in found] == states


@pytest.mark.parametrize("asked", ["state=nonsense", "kind=nonsense", "endpoint=99999", "colour=red"])
def test_filters_that_nobody_knows_are_refused(world: World, admin: APIClient, asked: str) -> None:
    assert asked.partition("=")[0] in problem(admin.get(f"{URL}?{asked}"), 422)["errors"]


def test_work_is_cancelled_once_and_says_who_decided(world: World, admin: APIClient) -> None:
    operation = work(world)

    cancelled = fine(admin.post(f"{URL}{operation.pk}/cancel/", {"reason": "Storage moves"}))
    refused = problem(admin.post(f"{URL}{operation.pk}/cancel/", {"reason": "Again"}), 409)

    assert (cancelled["state"], cancelled["verdict"]) == ("waiting", "cancel")
    assert (cancelled["verdict_by"]["username"], cancelled["verdict_reason"]) == ("ingrid", "Storage moves")
    assert "ingrid decided already" in refused["detail"]
    assert verbs()[-1] == "operation.called_off"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 251}])
def test_a_decision_needs_a_reason(world: World, admin: APIClient, body: dict[str, str]) -> None:
    operation = running(world)

    assert "reason" in problem(admin.post(f"{URL}{operation.pk}/cancel/", body), 422)["errors"]
    resolved = admin.post(f"{URL}{operation.pk}/resolve/", body | {"verdict": "failed"})
    assert "reason" in problem(resolved, 422)["errors"]


def test_what_cannot_be_stopped_halfway_is_not_cancelled(world: World, admin: APIClient) -> None:
    assert "halfway" in problem(admin.post(f"{URL}{running(world).pk}/cancel/", {"reason": "No"}), 409)["detail"]


@pytest.mark.parametrize(("verdict", "verb"), [("done", "operation.said_done"), ("failed", "operation.given_up")])
def test_work_is_resolved_by_hand_once(world: World, admin: APIClient, verdict: str, verb: str) -> None:
    url, body = f"{URL}{running(world).pk}/resolve/", {"verdict": verdict, "reason": "Looked there"}

    assert fine(admin.post(url, body))["verdict"] == verdict
    problem(admin.post(url, body), 409)

    assert verbs()[-1] == verb


@pytest.mark.parametrize("verdict", ["cancel", "", None, "nonsense"])
def test_only_done_and_failed_are_said_by_hand(world: World, admin: APIClient, verdict: str | None) -> None:
    answer = admin.post(f"{URL}{running(world).pk}/resolve/", {"verdict": verdict, "reason": "x"}, format="json")

    assert "verdict" in problem(answer, 422)["errors"]


def test_what_has_not_begun_is_cancelled_and_not_resolved(world: World, admin: APIClient) -> None:
    answer = admin.post(f"{URL}{work(world).pk}/resolve/", {"verdict": "failed", "reason": "x"})

    assert "Cancel it instead" in problem(answer, 409)["detail"]


@pytest.mark.parametrize("act", ["cancel", "resolve"])
def test_a_decision_sent_again_with_its_key_is_answered_again(world: World, admin: APIClient, act: str) -> None:
    operation = work(world) if act == "cancel" else running(world)
    body = {"reason": "Storage moves"} | ({"verdict": "failed"} if act == "resolve" else {})
    url, key = f"{URL}{operation.pk}/{act}/", {"Idempotency-Key": "decide-1"}

    first = fine(admin.post(url, body, headers=key))
    again = admin.post(url, body, headers=key)

    assert (fine(again), again["Idempotency-Replayed"]) == (first, "true")
    assert Entry.objects.filter(object_type="operation").count() == 1


def test_the_holder_reads_what_was_decided_but_not_the_hypervisors_words(world: World, owner: APIClient) -> None:
    operation = running(world, verdict="cancel", verdict_by=world.admin, verdict_reason="x", native_error="vim.fault")

    (row,) = fine(owner.get(f"/api/v1/machines/{operation.machine_id}/operations/"))["results"]

    assert (row["verdict"], row["attempt"]) == ("cancel", 0)
    assert {"native_error", "verdict_by", "verdict_reason", "next_try_at"} & row.keys() == set()


def test_health_tells_of_endpoints_the_pause_and_workers(world: World, admin: APIClient) -> None:
    now = datetime.now(UTC)
    since = now - timedelta(minutes=5)
    make_endpoint("Bremen", mode="observe", failing_since=since, failures=4, rests_until=now + timedelta(minutes=1))
    running(world)
    work(world)
    Heartbeat.objects.create(name="sweep", at=now - timedelta(hours=1))
    Heartbeat.objects.create(name="worker host-1", at=now, ahead=7.5)
    fine(admin.post("/api/v1/pause/", {"reason": "Fire drill"}))

    found = fine(admin.get(f"{URL}health/"))

    bremen, hamburg = found["endpoints"]
    assert (bremen["name"], bremen["mode"], bremen["rests"], bremen["failures"]) == ("Bremen", "observe", True, 4)
    assert bremen["failing_since"] and bremen["rests_until"]
    assert (hamburg["running"], hamburg["parallel"], hamburg["waiting"], hamburg["rests"]) == (1, 8, 1, False)
    assert (found["pause"]["paused"], found["pause"]["by"]["username"]) == (True, "ingrid")
    signs = [(sign["name"], sign["is_worker"], sign["alive"], sign["fits"]) for sign in found["signs"]]
    assert signs == [("sweep", False, False, True), ("host-1", True, True, False)]
    assert found["signs"][1]["clock_ahead"] == 7.5


@pytest.mark.parametrize("count", [1, 3])
def test_health_asks_the_same_number_of_questions(
    world: World, admin: APIClient, settings: Any, django_assert_num_queries: Any, count: int
) -> None:
    settings.CLOCK_SHIFTABLE = False
    for number in range(count):
        work(world, endpoint=make_endpoint())
        Heartbeat.objects.create(name=f"worker host-{number}", at=datetime.now(UTC))

    with django_assert_num_queries(7):
        admin.get(f"{URL}health/")


def test_health_names_machines_that_nothing_takes_further(world: World, admin: APIClient) -> None:
    machine = world.machine()
    assert fine(admin.get(f"{URL}health/"))["abandoned"] == []

    type(machine).objects.filter(pk=machine.pk).update(stage="removing")

    assert fine(admin.get(f"{URL}health/"))["abandoned"] == [machine.pk]


def test_health_is_for_the_house(world: World, client_of: Clients) -> None:
    problem(client_of("owner").get(f"{URL}health/"), 403)
    problem(client_of("approver").get(f"{URL}health/"), 403)
    assert "colour" in problem(client_of("admin").get(f"{URL}health/?colour=red"), 422)["errors"]
