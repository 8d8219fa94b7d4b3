"""Deciding: what is seen before, who may, and what happens twice."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle.estate.models import Machine
from lifecycle.people.models import User
from lifecycle.requests import actions
from lifecycle.requests.models import Request, Step
from lifecycle.requests.models import Request as Asked
from tests.lifecycle.world import World

INBOX = reverse("approvals")


def at(request: Asked, name: str = "approval") -> str:
    return reverse(name, args=[request.pk])


def approve(client: Client, request: Asked, **fields: object):
    return client.post(at(request, "approve"), {"cents_seen": request.cents_until_end} | fields)


@pytest.fixture
def request_(world: World) -> Asked:
    return world.submit()


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.approver)
    return client


def test_inbox_opens_on_what_waits_longest(client: Client, world: World, request_: Asked) -> None:
    world.submit("later")

    answer = client.get(INBOX)

    assert [row.name for row in answer.context["rows"]] == ["churn-scoring", "later"]
    assert answer.context["decision"].request == request_


def test_page_says_what_it_costs_for_what_and_what_is_held_already(client: Client, world: World) -> None:
    world.machine("held-already")
    request = world.submit()

    text = client.get(at(request)).content.decode()

    for words in (
        "held-already",
        "lena",
        "Nightly scoring",
        "€36.00",
        "Debian 12",
        "you approved 1 of 1",
    ):
        assert words in text


def test_two_clicks_decide(client: Client, request_: Asked) -> None:
    answer = approve(client, request_, comment="Fine.")

    assert answer.headers["Location"] == INBOX
    assert Step.objects.get().comment == "Fine."
    assert Machine.objects.get().name == "churn-scoring"


def test_second_press_learns_who_decided_and_when(client: Client, request_: Asked) -> None:
    approve(client, request_)

    again = approve(client, request_, comment="Once more")

    assert again.status_code == 409
    assert "tomasz already decided on" in again.content.decode()
    assert Machine.objects.count() == 1


def test_refusal_needs_words_and_keeps_the_page(client: Client, request_: Asked) -> None:
    answer = client.post(at(request_, "refuse"), {"comment": " "})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["comment"])
    assert Asked.objects.get().state == Request.State.WAITING


def test_refusal_with_words_ends_it(client: Client, request_: Asked) -> None:
    client.post(at(request_, "refuse"), {"comment": "Take Small."})

    assert Asked.objects.get().state == Request.State.REFUSED


def test_price_that_changed_meanwhile_is_not_approved(client: Client, request_: Asked) -> None:
    answer = client.post(at(request_, "approve"), {"cents_seen": 1, "comment": "Typed words"})

    assert answer.status_code == 409
    assert "Typed words" in answer.content.decode()
    assert not Machine.objects.exists()


def test_answer_after_a_price_that_changed_shows_the_new_one(client: Client, request_: Asked) -> None:
    answer = client.post(at(request_, "approve"), {"cents_seen": 1})

    assert f'name="cents_seen" value="{request_.cents_until_end}"' in answer.content.decode()


@pytest.mark.parametrize("name", ["approve", "refuse"])
@pytest.mark.parametrize("who", ["owner", "admin"])
def test_own_request_is_refused_also_for_an_admin(client: Client, world: World, who: str, name: str) -> None:
    User.objects.update(cost_centre=world.owner.cost_centre)
    request = world.submit(by=User.objects.get(pk=getattr(world, who).pk))
    client.force_login(request.requester)

    answer = client.post(at(request, name), {"comment": "I want it", "cents_seen": request.cents_until_end})

    assert answer.status_code == 403
    assert "Nobody decides on their own request" in answer.content.decode()
    assert Asked.objects.get().state == Request.State.WAITING


def test_own_request_shows_no_buttons(client: Client, world: World, request_: Asked) -> None:
    client.force_login(world.owner)

    text = client.get(at(request_)).content.decode()

    assert at(request_, "approve") not in text
    assert "Nobody decides on their own request" in text


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("teammate", 404), ("admin", 302)])
def test_who_may_decide(client: Client, world: World, request_: Asked, who: str, status: int) -> None:
    client.force_login(getattr(world, who))

    assert approve(client, request_).status_code == status


def test_teammate_who_sees_it_does_not_decide(client: Client, world: World) -> None:
    request = world.submit(for_team=True)
    client.force_login(world.teammate)

    assert approve(client, request).status_code == 403


@pytest.mark.parametrize("name", ["approve", "refuse"])
def test_deciding_needs_a_post(client: Client, request_: Asked, name: str) -> None:
    assert client.get(at(request_, name)).status_code == 405


def test_empty_inbox_says_so(client: Client) -> None:
    assert "Nothing waits for you" in client.get(INBOX).content.decode()


def test_decided_ones_stay_to_be_read(client: Client, world: World, request_: Asked) -> None:
    actions.refuse(request_, by=world.approver, comment="Take Small.")

    answer = client.get(INBOX, {"show": "decided"})

    assert [row.name for row in answer.context["rows"]] == ["churn-scoring"]
    assert "Take Small." in answer.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
def test_inbox_costs_the_same_for_one_row_as_for_three(
    client: Client, world: World, django_assert_num_queries, rows: int
) -> None:
    for number in range(rows):
        world.submit(f"machine-{number}")
    client.get(INBOX)

    with django_assert_num_queries(19):
        assert len(client.get(INBOX).context["rows"]) == rows
