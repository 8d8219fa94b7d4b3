"""How often one may ask, and what is said to who asks too often."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem
from tests.portal.api.conftest import Clients
from tests.portal.api.test_bodies import basic

URL = "/api/v1/me/"


@pytest.fixture(autouse=True)
def limits(settings: Any, world: World) -> Any:
    settings.API_RATE, settings.API_RATE_ANONYMOUS = 3, 2
    cache.clear()  # of what other tests asked in this very minute
    with time_machine.travel("2026-11-20T10:00:15+00:00", tick=False) as traveller:
        yield traveller


def rate(answer: Any) -> tuple[str, ...]:
    return tuple(answer[f"RateLimit-{name}"] for name in ("Policy", "Limit", "Remaining", "Reset"))


def test_answers_say_how_much_is_left(owner: APIClient) -> None:
    assert rate(owner.get(URL)) == ("3;w=60", "3", "2", "45")
    assert rate(owner.get("/api/v1/machines/99999/")) == ("3;w=60", "3", "1", "45")


def test_who_asks_too_often_waits_for_the_next_minute(owner: APIClient, limits: Any) -> None:
    for _time in range(3):
        fine(owner.get(URL))

    answer = owner.get(URL)

    assert problem(answer, 429)["type"] == "urn:leasehold:throttled"
    assert answer.json()["detail"] == "Too often. Ask again in 45 seconds."
    assert (answer["Retry-After"], rate(answer)[2]) == ("45", "0")
    limits.shift(45)
    fine(owner.get(URL))


def test_each_person_has_a_rate_of_their_own(owner: APIClient, client_of: Clients) -> None:
    for _time in range(4):
        owner.get(URL)

    fine(client_of("stranger").get(URL))


@pytest.mark.parametrize(
    "headers", [{}, basic("lena", "wrong"), basic("nobody", "x")], ids=["none", "wrong", "unknown"]
)
def test_strangers_are_counted_by_their_address(client_of: Clients, headers: dict[str, str]) -> None:
    client = client_of("anonymous")
    for _time in range(2):
        problem(client.get(URL, headers=headers), 401)

    problem(client.get(URL, headers=headers), 429)
    problem(client.get(URL, headers=headers, REMOTE_ADDR="192.0.2.7"), 401)


def test_who_is_signed_in_passes_where_strangers_have_to_wait(client_of: Clients, owner: APIClient) -> None:
    for _time in range(3):
        client_of("anonymous").get(URL)

    fine(owner.get(URL))


def test_a_limit_of_nought_is_none(owner: APIClient, settings: Any) -> None:
    settings.API_RATE = 0

    assert "RateLimit-Limit" not in owner.get(URL)


def test_a_cache_that_is_away_stops_nobody(owner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "add", away)

    fine(owner.get(URL))


def test_addresses_where_nothing_is_are_counted_too(owner: APIClient) -> None:
    assert rate(owner.get("/api/v1/nothing-here/"))[2] == "2"
