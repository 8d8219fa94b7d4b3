"""Filters under a name: one's own, those for everybody, and what is not kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from lifecycle.models import Entry
from lifecycle.sprawl import views
from lifecycle.sprawl.models import SavedView
from tests.lifecycle.factories import make_finding, make_machine
from tests.lifecycle.world import World

IDLE = {"page": "findings", "name": "Idle and dear", "query": "kind=idle&min=50&page=abc&pool="}


@pytest.fixture
def lena(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


def test_saving_leads_back_to_the_same_filters_without_the_page(lena: Client) -> None:
    answer = lena.post("/views/", IDLE)

    assert (answer.status_code, answer["Location"]) == (302, "/findings/?kind=idle&min=50")
    view = SavedView.objects.get()
    assert lena.get(f"/views/{view.pk}/")["Location"] == "/findings/?kind=idle&min=50"
    assert Entry.objects.filter(verb="view.saved", object_id=view.pk).exists()


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"name": " "}, 422, "Give it a name"),
        ({"name": "x" * 81}, 422, "Give it a name"),
        ({"page": "account"}, 422, "cannot be kept"),
        ({"query": "q=" + "x" * 2100}, 422, "more filters than can be kept"),
    ],
)
def test_what_is_not_kept(lena: Client, changes: dict[str, str], status: int, words: str) -> None:
    answer = lena.post("/views/", IDLE | changes)

    assert answer.status_code == status
    assert words in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_name_is_taken_once_per_person_and_page(lena: Client, world: World) -> None:
    lena.post("/views/", IDLE)

    assert lena.post("/views/", IDLE).status_code == 409
    assert lena.post("/views/", IDLE | {"page": "machines"}).status_code == 302
    lena.force_login(world.teammate)
    assert lena.post("/views/", IDLE).status_code == 302


def test_nobody_keeps_any_number(lena: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 1)
    lena.post("/views/", IDLE)

    assert b"Delete one first" in lena.post("/views/", IDLE | {"name": "Another"}).content


def test_others_see_what_is_for_everybody_and_only_what_they_may(lena: Client, world: World) -> None:
    make_finding(make_machine("lena-s-idle-one", holder=world.owner), cents_per_month=9000)
    lena.post("/views/", IDLE)
    lena.post("/views/", IDLE | {"name": "For all", "shared": "on"})
    own, shared = SavedView.objects.order_by("pk")

    jonas = Client()
    jonas.force_login(world.stranger)

    page = jonas.get("/views/").content.decode()
    assert "For all" in page and "Idle and dear" not in page
    assert jonas.get(f"/views/{own.pk}/").status_code == 404
    answer: Any = jonas.get(f"/views/{shared.pk}/", follow=True)
    assert answer.context["rows"] == []
    assert jonas.post(f"/views/{shared.pk}/delete/").status_code == 403
    assert jonas.post(f"/views/{own.pk}/delete/").status_code == 404


def test_deleting_one_s_own_and_by_the_house_what_is_for_everybody(lena: Client, world: World) -> None:
    lena.post("/views/", IDLE)
    lena.post("/views/", IDLE | {"name": "For all", "shared": "on"})
    own, shared = SavedView.objects.order_by("pk")

    assert lena.post(f"/views/{own.pk}/delete/").status_code == 302
    assert lena.post(f"/views/{own.pk}/delete/").status_code == 404
    lena.force_login(world.admin)
    assert lena.post(f"/views/{shared.pk}/delete/").status_code == 302
    assert not SavedView.objects.exists()


def test_names_and_filters_are_hostile_text(lena: Client) -> None:
    lena.post("/views/", {"page": "findings", "name": "<b>x</b>", "query": 'q="><script>alert(1)</script>'})

    page = lena.get("/views/").content.decode()
    assert "<b>x" not in page and "<script>alert" not in page
    opened = lena.get(f"/views/{SavedView.objects.get().pk}/", follow=True).content.decode()
    assert "<script>alert" not in opened


def test_programs_keep_open_and_delete(world: World) -> None:
    client = APIClient()
    client.force_authenticate(world.owner)

    made: Any = client.post("/api/v1/saved-views/", IDLE | {"shared": True}, format="json")

    assert made.status_code == 201
    assert made.data["query"] == "kind=idle&min=50"
    assert client.get("/api/v1/saved-views/").data["results"][0]["name"] == "Idle and dear"
    assert client.delete(f"/api/v1/saved-views/{made.data['id']}/").status_code == 204


@pytest.mark.parametrize("page", ["findings", "sprawl", "machines"])
def test_each_of_these_pages_offers_to_keep_its_filters(client: Client, world: World, page: str) -> None:
    client.force_login(world.admin)

    shown = client.get(f"/{page}/?team={world.owner.team_id}").content.decode()

    assert f'name="page" value="{page}"' in shown
    assert f'name="query" value="team={world.owner.team_id}"' in shown
