"""Requests: who sees them, what they tell, and withdrawing one."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

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
        ("busy", "Hamburg is busy"),
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
    copied = client.get(answer.context["copy_url"])
    assert (copied.context["form"]["name"].value(), copied.context["draft"].size) == (request.name, world.small)


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
