"""The order page: what it offers, what it refuses, and what it keeps."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle.catalog.models import Blueprint, Size
from lifecycle.money.models import RateCard
from lifecycle.money.quotes import quote
from lifecycle.requests.models import Request
from tests.lifecycle.factories import make_user
from tests.lifecycle.world import GIB, World

ORDER, PRICE = reverse("order"), reverse("order-price")


@pytest.fixture
def sent(world: World) -> dict[str, Any]:
    return {
        "key": uuid.uuid4().hex,
        "blueprint": world.blueprint.pk,
        "size": world.small.pk,
        "name": "churn-scoring",
        "purpose": "Nightly scoring",
        "last_day": world.day(30).isoformat(),
        "holder": "me",
    }


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


def test_page_comes_filled_in_so_that_name_and_purpose_are_all_that_is_typed(client: Client, world: World) -> None:
    form, draft = (client.get(ORDER).context[name] for name in ("form", "draft"))

    assert (draft.blueprint, draft.size, draft.last_day) == (world.blueprint, world.large, world.day(30))
    sent = {name: form[name].value() for name in form.fields} | {"name": "churn-scoring", "purpose": "Scoring"}
    assert client.post(ORDER, sent).headers["Location"] == reverse("request", args=[Request.objects.get().pk])


def test_order_is_written_with_the_price_that_was_shown(client: Client, sent: dict) -> None:
    shown = client.get(PRICE, sent).context["draft"].quote

    client.post(ORDER, sent)

    request = Request.objects.get()
    assert (request.cents_per_month, request.cents_until_end) == (shown.cents_per_month, shown.cents_until_end)


def test_order_for_the_team_is_held_by_the_team(client: Client, world: World, sent: dict) -> None:
    client.post(ORDER, sent | {"holder": "team"})

    assert (Request.objects.get().holder, Request.objects.get().team) == (None, world.owner.team)


def test_two_presses_are_one_order(client: Client, sent: dict) -> None:
    first, second = client.post(ORDER, sent), client.post(ORDER, sent)

    assert first.headers["Location"] == second.headers["Location"]
    assert Request.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("blueprint", "4711"),
        ("blueprint", "x"),
        ("size", "4711"),
        ("size", ""),
        ("name", ""),
        ("name", "Bad Name"),
        ("name", "a\0b"),
        ("purpose", "  "),
        ("last_day", "2001-01-01"),
        ("last_day", "9999-12-31"),
        ("last_day", "whenever"),
        ("last_day", ""),
        ("holder", "somebody"),
        ("key", "x" * 65),
    ],
)
def test_bad_input_is_refused_at_its_field_and_what_was_typed_is_kept(
    client: Client, sent: dict, field: str, value: str
) -> None:
    answer = client.post(ORDER, sent | {"name": "kept-name", "purpose": "Kept purpose"} | {field: value})

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not Request.objects.exists()
    for name, typed in {"name": "kept-name", "purpose": "Kept purpose"}.items():
        assert name == field or typed in answer.content.decode()


def test_size_that_the_blueprint_does_not_have_is_refused(client: Client, sent: dict) -> None:
    huge = Size.objects.create(name="Huge", vcpus=64, memory_mib=512 * GIB, disk_mib=60 * GIB)

    answer = client.post(ORDER, sent | {"size": huge.pk})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["size"])


def test_everything_that_is_wrong_is_said_at_once(client: Client, sent: dict) -> None:
    answer = client.post(ORDER, sent | {"name": "Bad Name", "purpose": "", "last_day": "2001-01-01"})

    assert set(answer.context["form"].errors) == {"name", "purpose", "last_day"}
    assert 'href="#id_last_day"' in answer.content.decode()


def test_taken_name_says_who_has_it_and_what_is_free(client: Client, world: World, sent: dict) -> None:
    world.machine("churn-scoring", by=world.teammate)

    answer = client.post(ORDER, sent)

    assert answer.status_code == 422
    assert answer.context["form"].errors["name"] == ["Taken by piotr. Try churn-scoring-2."]


def test_blueprint_that_is_not_offered_any_more_is_refused(client: Client, world: World, sent: dict) -> None:
    Blueprint.objects.create(
        name="Other", image=world.blueprint.image, pool=world.blueprint.pool, default_days=1, max_days=1, grace_days=1
    ).sizes.set([world.small])
    Blueprint.objects.filter(pk=world.blueprint.pk).update(offered=False)

    answer = client.post(ORDER, sent)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["blueprint"])


@pytest.mark.parametrize("words", ["31 Mar 2026", "31 March 2026", "2026-03-31", "31.03.2026", "Tue 31 Mar 2026"])
def test_days_are_read_as_people_write_them(client: Client, sent: dict, words: str) -> None:
    draft = client.get(PRICE, sent | {"last_day": words}).context["draft"]

    assert draft.last_day == date(2026, 3, 31)


def test_earlier_request_fills_the_page_in(client: Client, world: World) -> None:
    answer = client.get(ORDER, {"size": str(world.small.pk), "name": "again", "purpose": "As before"})

    assert answer.context["draft"].size == world.small
    assert answer.context["form"]["name"].value() == "again"
    assert "As before" in answer.content.decode()


@pytest.mark.parametrize("pressed", [{"show": "price"}, {"preset": "1m"}])
def test_without_script_a_button_only_shows_the_price(client: Client, sent: dict, pressed: dict) -> None:
    answer = client.post(ORDER, sent | pressed)

    assert (answer.status_code, Request.objects.count()) == (200, 0)
    assert "Nightly scoring" in answer.content.decode()


def test_price_follows_the_choice(client: Client, world: World, sent: dict) -> None:
    draft = client.get(PRICE, sent | {"size": world.large.pk}).context["draft"]

    large = quote(vcpus=8, memory_mib=32 * GIB, disk_mib=60 * GIB, starts_at=draft.now, ends_at=draft.ends_at)
    assert draft.quote == large


def test_price_without_a_valid_day_says_so(client: Client, sent: dict) -> None:
    answer = client.get(PRICE, sent | {"last_day": "2001-01-01"})

    assert answer.status_code == 200
    assert "The total needs a valid last day." in answer.content.decode()


def test_preset_chooses_the_longest_lease(client: Client, world: World, sent: dict) -> None:
    draft = client.get(PRICE, sent | {"preset": "longest"}).context["draft"]

    assert draft.last_day in (world.day(89), world.day(90))
    assert not draft.day_problem


@pytest.mark.parametrize(("name", "words"), [("free-name", "Free."), ("Bad Name", "Lower case letters")])
def test_name_is_checked_when_it_is_left(client: Client, name: str, words: str) -> None:
    answer = client.get(PRICE, {"changed": "name", "name": name})

    assert words in answer.content.decode()


def test_markup_in_a_name_is_shown_as_text(client: Client, sent: dict) -> None:
    answer = client.post(ORDER, sent | {"name": "<script>alert(1)</script>"})

    assert "<script>alert" not in answer.content.decode()


def test_who_has_no_cost_centre_reads_why_and_whom_to_ask(client: Client, world: World) -> None:
    client.force_login(make_user("new"))

    answer = client.get(ORDER)

    assert "no cost centre" in answer.content.decode()
    assert world.admin.email in answer.content.decode()


def test_without_prices_nothing_can_be_ordered(client: Client, sent: dict) -> None:
    RateCard.objects.all().delete()

    assert "No prices are set" in client.post(ORDER, sent).content.decode()
    assert not Request.objects.exists()


def test_price_is_only_read(client: Client, sent: dict) -> None:
    assert client.post(PRICE, sent).status_code == 405
