"""Requests: who sees them, what they tell, and withdrawing one."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle.operations import actions as operations
from lifecycle.operations.models import Operation
from lifecycle.requests import actions
from lifecycle.requests.models import Request
from tests.lifecycle.world import World

LIST = reverse("requests")


def page_of(request: Request, name: str = "request") -> str:
    return reverse(name, args=[request.pk])


def test_waiting_request_names_who_decides_and_asks_again_by_itself(client: Client, world: World) -> None:
    request = world.submit()
    client.force_login(world.owner)

    text = client.get(page_of(request)).content.decode()

    assert "Waits for tomasz" in text
    assert 'hx-trigger="every 2s"' in text


def test_building_request_shows_its_step(client: Client, world: World) -> None:
    request = world.submit()
    actions.approve(request, by=world.approver, comment="Fine.")
    Operation.objects.update(step="copying", progress=64)
    client.force_login(world.owner)

    text = client.get(page_of(request, "request-live")).content.decode()

    assert "Step 2 of 4: copying the disk" in text
    assert "Fine." in text


@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        ("paused", "have paused all work"),
        ("observe", "Hamburg is only watched"),
        ("endpoint", "Hamburg does not answer at the moment"),
        ("full", "Hamburg is busy with other work. This takes its turn."),
        ("busy", "Hamburg could not take this on just now. It is tried again by itself."),
        ("portal", "A fault of ours"),
        ("something-new", "something-new"),
    ],
)
def test_waiting_work_says_in_words_what_it_waits_for(client: Client, world: World, waits_for: str, words: str) -> None:
    request = world.submit()
    actions.approve(request, by=world.approver)
    Operation.objects.update(waits_for=waits_for)
    client.force_login(world.owner)

    assert words in client.get(page_of(request)).content.decode()


def test_finished_request_links_to_its_machine_and_asks_no_more(client: Client, world: World) -> None:
    machine = world.machine()
    request = Request.objects.get()
    client.force_login(world.owner)

    text = client.get(page_of(request, "request-live")).content.decode()

    assert reverse("machine", args=[machine.pk]) in text
    assert "hx-trigger" not in text


def test_refused_request_says_why_on_its_page_and_in_the_list(client: Client, world: World) -> None:
    request = world.submit()
    actions.refuse(request, by=world.approver, comment="Take <b>Small</b> first.")
    client.force_login(world.owner)

    for address in (page_of(request), LIST):
        assert "Take &lt;b&gt;Small&lt;/b&gt; first." in client.get(address).content.decode()


def test_failed_request_says_what_went_wrong_and_offers_to_ask_again(client: Client, world: World) -> None:
    request = world.submit()
    Request.objects.update(state="failed", failure="No room on the datastore.", ended_at=request.created_at)
    client.force_login(world.owner)

    answer = client.get(page_of(request))

    assert "No room on the datastore." in answer.content.decode()
    assert f"{reverse('order')}?again={request.pk}" in answer.content.decode()
    assert "Ask again" in answer.content.decode()


@pytest.mark.parametrize("name", ["request", "request-live", "request-cancel"])
def test_stranger_finds_nothing(client: Client, world: World, name: str) -> None:
    request = world.submit()
    client.force_login(world.stranger)

    assert client.post(page_of(request, name)).status_code == (404 if name == "request-cancel" else 405)
    assert name == "request-cancel" or client.get(page_of(request, name)).status_code == 404


def test_teammate_sees_what_the_team_asked_for_and_nothing_else(client: Client, world: World) -> None:
    ours, hers = world.submit("ours", for_team=True), world.submit("hers")
    client.force_login(world.teammate)

    assert client.get(page_of(ours)).status_code == 200
    assert client.get(page_of(hers)).status_code == 404


def test_requester_withdraws_and_a_second_press_changes_nothing(client: Client, world: World) -> None:
    request = world.submit()
    client.force_login(world.owner)

    assert client.post(page_of(request, "request-cancel")).headers["Location"] == page_of(request)
    again = client.post(page_of(request, "request-cancel"))

    assert again.status_code == 409
    assert "cannot be withdrawn any more" in again.content.decode()
    assert Request.objects.get().state == Request.State.CANCELLED


def building(world: World, **changes: object) -> Request:
    """Approved, and under way on the hypervisor."""
    request = actions.approve(world.submit(), by=world.approver)
    changes = {"state": "running", "started_at": request.created_at, "step": "copying"} | changes
    Operation.objects.filter(machine=request.machine).update(**changes)
    return request


def test_what_is_being_built_is_taken_back_with_one_press(client: Client, world: World) -> None:
    request = building(world)
    client.force_login(world.owner)
    assert "Take it back" in client.get(page_of(request)).content.decode()

    taken = client.post(page_of(request, "request-cancel"), follow=True).content.decode()
    again = client.post(page_of(request, "request-cancel"))

    assert "churn-scoring is being taken back. Nothing is charged." in taken
    assert "You took it back." in taken and "Being taken back" in taken
    assert "Take it back" not in taken
    assert again.status_code == 409
    assert "It is being taken back already." in again.content.decode()


def test_what_was_taken_back_says_so_when_nothing_is_left(client: Client, world: World) -> None:
    request = actions.approve(world.submit(), by=world.approver)
    actions.cancel(request, by=world.owner)
    world.work_off()
    client.force_login(world.owner)

    text = client.get(page_of(request)).content.decode()

    assert "Taken back" in text and "Ask again" in text
    assert "hx-trigger" not in text


@pytest.mark.parametrize("who", ["approver", "admin", "teammate"])
def test_nobody_else_takes_it_back(client: Client, world: World, who: str) -> None:
    request = building(world)
    request.team, request.holder = world.owner.team, None
    request.save()
    client.force_login(getattr(world, who))

    assert "Take it back" not in client.get(page_of(request)).content.decode()
    assert client.post(page_of(request, "request-cancel")).status_code == 403
    assert Operation.objects.get().verdict == ""


def test_what_was_handed_over_meanwhile_is_not_taken_back(client: Client, world: World) -> None:
    request = building(world, state="succeeded")
    client.force_login(world.owner)

    answer = client.post(page_of(request, "request-cancel"))

    assert answer.status_code == 409
    assert "Give the machine back instead" in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verdict": "cancel"}, "ingrid cancelled it: “Ordered twice”."),
        ({"verdict": "failed"}, "ingrid gave it up: “Ordered twice”."),
        ({"error_code": "no_room", "error": "No room."}, "It could not be made. No room."),
        ({"waits_for": "busy", "attempt": 3}, "Tried 3 times so far."),
        ({"attempt": 2}, "Tried 2 times so far."),
    ],
)
def test_work_that_is_ended_or_tried_again_says_so(
    client: Client, world: World, fields: dict[str, object], words: str
) -> None:
    request = building(world, verdict_by=world.admin, verdict_reason="Ordered twice", **fields)
    client.force_login(world.owner)

    for name in ("request", "request-live"):
        assert words in client.get(page_of(request, name)).content.decode()
    assert ("Take it back" in client.get(page_of(request)).content.decode()) == ("attempt" in fields)


def test_what_an_administrator_cancelled_says_who_and_why(client: Client, world: World) -> None:
    request = actions.approve(world.submit(), by=world.approver)
    operations.cancel(Operation.objects.get(), by=world.admin, reason="Ordered <b>twice</b>")
    world.work_off()
    client.force_login(world.owner)

    text = client.get(page_of(request)).content.decode()

    assert "Cancelled by ingrid" in text
    assert "“Ordered &lt;b&gt;twice&lt;/b&gt;”" in text
    assert "Ordered &lt;b&gt;twice" in client.get(LIST).content.decode()


@pytest.mark.parametrize(("who", "leads"), [("owner", False), ("admin", True)])
def test_only_the_house_is_led_to_the_work_itself(client: Client, world: World, who: str, leads: bool) -> None:
    request = building(world)
    client.force_login(getattr(world, who))

    assert (
        reverse("operation", args=[Operation.objects.get().pk]) in client.get(page_of(request)).content.decode()
    ) == leads


def test_home_says_that_it_is_being_taken_back(client: Client, world: World) -> None:
    building(world, verdict="cancel", waits_for="paused")
    client.force_login(world.owner)

    assert "Being taken back. The administrators have paused all work." in client.get("/").content.decode()


@pytest.mark.parametrize("who", ["approver", "admin"])
def test_nobody_else_withdraws(client: Client, world: World, who: str) -> None:
    request = world.submit()
    client.force_login(getattr(world, who))

    assert client.post(page_of(request, "request-cancel")).status_code == 403
    assert Request.objects.get().state == Request.State.WAITING


def test_list_shows_open_ones_and_others_on_demand(client: Client, world: World) -> None:
    old = world.submit("old")
    actions.cancel(old, by=world.owner)
    world.submit("new")
    client.force_login(world.approver)

    assert [row.name for row in client.get(LIST).context["page"].rows] == []
    everything = client.get(LIST, {"whose": "all"})
    assert [row.name for row in everything.context["page"].rows] == ["new", "old"]
    assert [row.name for row in client.get(LIST, {"whose": "all", "show": "open"}).context["page"].rows] == ["new"]


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_for_one_row_as_for_three(
    client: Client, world: World, django_assert_num_queries, rows: int
) -> None:
    for number in range(rows):
        world.submit(f"machine-{number}")
    client.force_login(world.owner)
    client.get(LIST)

    with django_assert_num_queries(12):
        assert len(client.get(LIST).context["page"].rows) == rows
