"""From an error to an answer: pages for people, problem documents for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import OperationalError, connection
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions

from hypervisors.errors import Unreachable
from lifecycle.errors import Conflict, DomainError, Forbidden, Held, Invalid, InvalidMany
from portal import errors
from tests.lifecycle.world import World
from tests.portal.api.answers import problem

FACTORY = RequestFactory()

DOMAIN = [
    (Invalid("Too far.", field="last_day"), 422, {"last_day": ["Too far."]}),
    (Invalid("Too far."), 422, None),
    (InvalidMany({"name": "Taken.", "size": "Too large."}), 422, {"name": ["Taken."], "size": ["Too large."]}),
    (InvalidMany({"": "Neither.", "size": "Too large."}), 422, {"size": ["Too large."]}),
    (Forbidden("Not yours."), 403, None),
    (Conflict("Too late."), 409, None),
    (Conflict("Taken.", field="name"), 409, {"name": ["Taken."]}),
    (Held("Paused."), 409, None),
    (DomainError("No."), 400, None),
]


@pytest.mark.parametrize(("error", "status", "fields"), DOMAIN, ids=lambda value: getattr(value, "code", None))
def test_domain_errors_become_problems(error: DomainError, status: int, fields: Any) -> None:
    answer = errors.api_exception(error, {})

    assert answer is not None
    body = json.loads(answer.content)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert body["type"] == f"urn:leasehold:{error.code}"
    assert body["detail"] == error.message
    assert body.get("errors") == fields


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unreachable("No answer."), 502),
        (ObjectDoesNotExist(), 404),
        (Http404(), 404),
        (PermissionDenied(), 403),
        (exceptions.NotAuthenticated(), 401),
        (exceptions.MethodNotAllowed("PUT"), 405),
        (exceptions.Throttled(wait=5), 429),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_errors_become_problems(error: Exception, status: int) -> None:
    answer = errors.api_exception(error, {})

    assert answer is not None
    assert json.loads(answer.content)["status"] == answer.status_code == status


def test_nested_errors_are_told_by_their_path() -> None:
    nested: Any = {
        "prices": {"vcpu": {"micros": ["Too low."]}},
        "days": [{}, {"first": ["No."]}],
        "non_field_errors": ["?"],
    }

    answer = errors.api_exception(exceptions.ValidationError(nested), {})

    assert answer is not None
    body = json.loads(answer.content)
    assert body["errors"] == {"prices.vcpu.micros": ["Too low."], "days.1.first": ["No."]}
    assert body["detail"] == "?"


def test_what_is_nobodys_business_stays_an_error() -> None:
    assert errors.api_exception(ZeroDivisionError(), {}) is None
    assert errors.page(FACTORY.get("/"), ZeroDivisionError()) is None


@pytest.mark.parametrize(
    ("error", "status"),
    [(Forbidden("Not yours."), 403), (Conflict("Too late."), 409), (Invalid("Wrong."), 422), (Http404(), None)],
    ids=lambda value: type(value).__name__,
)
def test_domain_errors_become_pages(world: World, client: Client, error: Exception, status: int | None) -> None:
    request = FACTORY.get("/machines/")
    request.user = world.owner

    answer = errors.page(request, error)

    assert (answer.status_code if answer else None) == status


def test_a_fault_of_ours_tells_programs_a_reference_and_no_more() -> None:
    answer = errors.server_error(FACTORY.get("/api/v1/machines/"))

    body = problem(_readable(answer), 500)
    assert "log" in body["detail"]


def _readable(answer: Any) -> Any:
    answer.json = lambda: json.loads(answer.content)
    return answer


def test_a_fault_in_a_view_of_the_api_is_a_problem(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.api import notices

    def broken(user: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(notices, "notices_of", broken)
    client.raise_request_exception = False
    client.force_login(world.owner)

    problem(client.get("/api/v1/notices/"), 500)


def test_a_database_that_is_away_leaves_a_page(world: World, client: Client) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("could not connect to db.internal")

    client.raise_request_exception = False
    client.force_login(world.owner)

    for path in ("/machines/", "/sign-in/", "/no-such-page/"):
        with connection.execute_wrapper(away):
            answer = client.get(path)
        text = answer.content.decode()
        assert answer.status_code == 503, path
        assert "Leasehold is not available at the moment" in text
        assert f'<span class="mono">{answer["X-Request-ID"]}</span>' in text
        assert "db.internal" not in text


def test_a_database_that_is_away_is_a_problem_of_the_api(world: World, client: Client) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("could not connect to db.internal")

    client.raise_request_exception = False
    client.force_login(world.owner)

    with connection.execute_wrapper(away):
        body = problem(client.get("/api/v1/notices/"), 503)

    assert "db.internal" not in body["detail"]


def test_a_frame_that_is_broken_leaves_a_page(world: World, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.context.navigation.build", lambda *_, **__: 1 / 0)
    client.raise_request_exception = False
    client.force_login(world.owner)

    answer = client.get("/machines/")

    assert answer.status_code == 500
    assert answer["X-Request-ID"] in answer.content.decode()
