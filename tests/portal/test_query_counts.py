"""How many questions the pages of the floors ask; what they take is measured by `make bench`.

As in production, where the clock is not asked for its shift. Every page but the API's has seven around it: session,
person, whether they supervise or own a cost centre, unread notices, the brake, and their team.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lifecycle.estate.models import Machine, Tenure
from lifecycle.sprawl.models import Kind
from portal import paging
from tests.lifecycle.factories import make_finding
from tests.lifecycle.world import World

API = "/api/v1"
TRANSACTIONS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
ADMIN, OWNER = "admin", "owner"


@pytest.fixture(params=[1, 3])
def machines(world: World, request: pytest.FixtureRequest, settings: Any) -> list[Machine]:
    made = [world.machine(f"churn-{number}") for number in range(request.param)]
    # Whoever holds a machine since this very second has spent nothing, and nothing is asked about it.
    Tenure.objects.update(started_at=BEFORE)
    settings.CLOCK_SHIFTABLE = False
    return made


@pytest.fixture
def asked(world: World) -> Callable[..., int]:
    """How many questions a request asks, apart from what begins and ends transactions."""

    def count(role: str, send: Callable[[Client], HttpResponse], status: int = 200) -> int:
        client = Client()
        client.force_login(getattr(world, role))
        with CaptureQueriesContext(connection) as captured:
            response = send(client)
        assert response.status_code == status, response.content
        return sum(not query["sql"].startswith(TRANSACTIONS) for query in captured.captured_queries)

    return count


@pytest.mark.parametrize(
    ("path", "role", "queries"),
    [
        ("/machines/", OWNER, 10),
        ("/machines/", ADMIN, 9),
        ("/machines/?q=churn", OWNER, 12),
        ("/machines/?q=churn", ADMIN, 11),
        (f"{API}/machines/", OWNER, 5),
        (f"{API}/machines/", ADMIN, 5),
        (f"{API}/machines/?q=churn", OWNER, 7),
        (f"{API}/machines/?q=churn", ADMIN, 7),
    ],
)
def test_lists_ask(asked: Callable[..., int], machines: list[Machine], path: str, role: str, queries: int) -> None:
    assert asked(role, lambda client: client.get(path)) == queries


@pytest.mark.parametrize(
    ("path", "role", "queries"), [("/machines/", OWNER, 11), ("/machines/", ADMIN, 10), (f"{API}/machines/", ADMIN, 5)]
)
def test_later_pages_ask(
    asked: Callable[..., int], machines: list[Machine], path: str, role: str, queries: int
) -> None:
    last = paging._write(Machine(pk=0, next_at=BEFORE), ("next_at", "id"), backwards=False)

    assert asked(role, lambda client: client.get(path, {"page": last})) == queries


@pytest.mark.parametrize(
    ("path", "role", "queries"),
    [
        ("/machines/{}/", OWNER, 19),
        ("/machines/{}/", ADMIN, 18),
        (f"{API}/machines/{{}}/", OWNER, 4),
        (f"{API}/machines/{{}}/", ADMIN, 4),
    ],
)
def test_one_machine_asks(
    asked: Callable[..., int], machines: list[Machine], path: str, role: str, queries: int
) -> None:
    assert asked(role, lambda client: client.get(path.format(machines[0].pk))) == queries


def test_orders_ask(asked: Callable[..., int], machines: list[Machine], world: World) -> None:
    order = {"blueprint": world.blueprint.pk, "size": world.small.pk, "purpose": "Counts", "last_day": world.day(20)}
    form = order | {"holder": "me", "key": uuid.uuid4().hex, "name": "counted-1"}
    body = order | {"name": "counted-2"}

    assert asked(OWNER, lambda client: client.post(reverse("order"), form), 302) == 18
    json = "application/json"
    assert asked(OWNER, lambda client: client.post(f"{API}/requests/", body, content_type=json), 201) == 19


@pytest.fixture
def findings(machines: list[Machine], world: World) -> None:
    """Of kinds that lists look something up for."""
    cache.clear()
    for machine in machines:
        for kind in (Kind.IDLE, Kind.ORPHAN, Kind.SNAPSHOTS):
            make_finding(machine, kind)


@pytest.mark.parametrize(
    ("path", "role", "queries"),
    [
        ("/sprawl/", ADMIN, 13),
        ("/findings/", OWNER, 10),
        ("/findings/", ADMIN, 11),
        ("/findings/?kind=orphan", ADMIN, 12),
        ("/findings/?kind=snapshots", ADMIN, 12),
        ("/findings/?q=churn", OWNER, 12),
        ("/findings/?q=churn", ADMIN, 13),
        (f"{API}/findings/", OWNER, 4),
        (f"{API}/findings/?q=churn", ADMIN, 6),
        (f"{API}/sprawl/", ADMIN, 9),
    ],
)
def test_reports_ask(asked: Callable[..., int], findings: None, path: str, role: str, queries: int) -> None:
    assert asked(role, lambda client: client.get(path)) == queries


def test_what_was_just_counted_is_not_counted_again(asked: Callable[..., int], findings: None) -> None:
    asked(ADMIN, lambda client: client.get("/sprawl/"))

    assert asked(ADMIN, lambda client: client.get("/sprawl/")) == 10
