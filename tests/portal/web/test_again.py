"""Asking again: the order page filled in as an earlier request was, with everything open to change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.catalog.models import Blueprint, Size
from lifecycle.money.models import Rate
from lifecycle.requests import actions
from lifecycle.requests.models import Request
from tests.lifecycle.world import GIB, World

ORDER = reverse("order")


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


@pytest.fixture
def earlier(world: World) -> Request:
    """Refused, of a kind that nobody would be offered by itself."""
    request = world.submit(last_day=world.day(44), purpose="Quarter's <i>figures</i>")
    return actions.refuse(request, by=world.approver, comment="Not this month.")


def ask(client: Client, asked: object) -> Any:
    return client.get(ORDER, {"again": str(asked)})


def shown(answer: Any) -> dict[str, Any]:
    draft, form = answer.context["draft"], answer.context["form"]
    return {
        "blueprint": draft.blueprint, "size": draft.size, "last_day": draft.last_day, "holder": draft.holder,
        "name": form["name"].value(), "purpose": form["purpose"].value(),
    }  # fmt: skip


def test_it_is_filled_in_as_it_was_asked_for(client: Client, world: World, earlier: Request) -> None:
    answer = ask(client, earlier.pk)

    assert shown(answer) == {
        "blueprint": world.blueprint, "size": world.small, "last_day": world.day(44), "holder": "me",
        "name": "churn-scoring", "purpose": "Quarter's <i>figures</i>",
    }  # fmt: skip
    text = answer.content.decode()
    assert f"Filled in as R-{earlier.pk} was asked for." in text
    assert "any more" not in text and "<i>figures" not in text


def test_it_is_a_new_request_with_what_was_changed(client: Client, world: World, earlier: Request) -> None:
    form = ask(client, earlier.pk).context["form"]
    sent = {name: form[name].value() for name in form.fields}

    client.post(ORDER, sent | {"size": world.large.pk, "name": "churn-scoring-2"})

    made = Request.objects.exclude(pk=earlier.pk).get()
    assert (made.size, made.name, made.purpose, made.state) == (
        world.large, "churn-scoring-2", "Quarter's <i>figures</i>", "waiting",
    )  # fmt: skip
    assert Request.objects.get(pk=earlier.pk).state == "refused"


def test_its_price_is_that_of_today(client: Client, earlier: Request) -> None:
    Rate.objects.update(micros=99_000_000)

    assert ask(client, earlier.pk).context["draft"].cents_per_month > earlier.cents_per_month


@pytest.mark.parametrize("who", ["stranger", "teammate"])
def test_what_one_may_not_see_is_as_if_it_were_not_there(
    client: Client, world: World, earlier: Request, who: str
) -> None:
    client.force_login(getattr(world, who))

    answer = ask(client, earlier.pk)

    assert (answer.status_code, shown(answer)) == (200, shown(client.get(ORDER)))
    assert "Filled in" not in answer.content.decode()


@pytest.mark.parametrize("asked", ["999999", "", "-1", "1 OR 1", "٣", "9" * 40, "\0"])
def test_what_is_no_request_is_as_if_nothing_were_asked(client: Client, earlier: Request, asked: str) -> None:
    answer = ask(client, asked)

    assert answer.status_code == 200
    assert shown(answer) == shown(client.get(ORDER))


def test_a_blueprint_that_is_not_offered_any_more_is_named(client: Client, world: World, earlier: Request) -> None:
    old = world.blueprint
    new = Blueprint.objects.create(
        name="Debian 13", image=old.image, pool=old.pool, default_days=30, max_days=90, grace_days=7
    )
    new.sizes.set([world.large])
    Blueprint.objects.filter(pk=old.pk).update(offered=False)

    answer = ask(client, earlier.pk)

    assert "Debian 12 is not offered any more. Choose another." in answer.content.decode()
    assert (shown(answer)["blueprint"], shown(answer)["name"]) == (new, "churn-scoring")


def test_a_size_that_is_not_offered_any_more_is_named(client: Client, world: World, earlier: Request) -> None:
    other = Size.objects.create(name="Other", vcpus=1, memory_mib=GIB, disk_mib=10 * GIB)
    world.blueprint.sizes.set([other])

    answer = ask(client, earlier.pk)

    assert "Small is not offered any more. Choose another size." in answer.content.decode()
    assert shown(answer)["size"] == other


@pytest.mark.parametrize("days", [1, 60])
def test_a_last_day_that_cannot_be_had_any_more_moves(
    client: Client, world: World, earlier: Request, days: int
) -> None:
    if days == 1:
        Blueprint.objects.update(max_days=10, default_days=5)
    else:
        clock.move_to(clock.now() + timedelta(days=days))

    answer = ask(client, earlier.pk)

    assert "Its last day cannot be had any more." in answer.content.decode()
    assert shown(answer)["last_day"] == world.day(5 if days == 1 else 30)
    assert not answer.context["draft"].day_problem


def test_a_teammate_asks_again_for_what_the_team_asked(client: Client, world: World) -> None:
    request = actions.cancel(world.submit(for_team=True), by=world.owner)
    client.force_login(world.teammate)

    assert f"{ORDER}?again={request.pk}" in client.get(reverse("request", args=[request.pk])).content.decode()
    assert shown(ask(client, request.pk))["holder"] == "team"


def test_what_was_for_another_team_says_who_would_hold_it(client: Client, world: World) -> None:
    request = actions.cancel(world.submit(for_team=True), by=world.owner)
    world.owner.team = world.stranger.team
    world.owner.save()

    answer = ask(client, request.pk)

    assert shown(answer)["holder"] == "me"
    assert "It was for the team Data Platform, which is not yours" in answer.content.decode()


def test_what_stands_in_the_address_itself_goes_before(client: Client, world: World, earlier: Request) -> None:
    answer = client.get(ORDER, {"again": str(earlier.pk), "name": "another-name"})

    assert (shown(answer)["name"], shown(answer)["size"]) == ("another-name", world.small)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("refused", "Ask again"), ("failed", "Ask again"), ("cancelled", "Ask again"), ("lapsed", "Ask again"),
        ("done", "Copy"), ("waiting", "Copy"),
    ],
)  # fmt: skip
def test_the_way_stands_on_the_page_of_the_request(client: Client, world: World, state: str, words: str) -> None:
    request = world.machine().request if state == "done" else world.submit()
    Request.objects.update(state=state, ended_at=request.created_at)

    text = client.get(reverse("request", args=[request.pk])).content.decode()

    link = text.partition(f'{ORDER}?again={request.pk}"')[2].partition("</a>")[0]
    assert words in link


@pytest.mark.parametrize("who", ["approver", "admin"])
def test_who_only_looks_is_not_asked_to_copy(client: Client, world: World, earlier: Request, who: str) -> None:
    client.force_login(getattr(world, who))

    assert "again=" not in client.get(reverse("request", args=[earlier.pk])).content.decode()
