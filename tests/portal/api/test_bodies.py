"""What programs get wrong: addresses, methods, bodies, filters. Always a problem, never a fault, nothing changed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from lifecycle.models import Entry, Request
from portal.api.parsing import MOST_BYTES
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem

HUGE = 10**30

ADDRESSES = {
    "nothing-here/": 404,
    "": 404,
    "machines": 404,  # no redirect that would lose a body
    "machines/1": 404,
    f"machines/{HUGE}/": 404,
    "machines/-1/": 404,
    "machines/0x1/": 404,
    "machines/1%00/": 404,
    "machines/99999999/": 404,
    f"lines/{HUGE}/why/": 404,
    f"requests/{HUGE}/operation/": 404,
    "cost-centres/1/statements/2026-13/": 404,
    "cost-centres/1/statements/soon/": 404,
    "machines/?stage=imaginary": 422,
    "machines/?stgae=active": 422,
    "machines/?mine=perhaps": 422,
    "machines/?endpoint=99999": 422,
    "machines/?endpoint=x": 422,
    f"machines/?endpoint={HUGE}": 422,
    f"lines/?machine={HUGE}": 422,
    "machines/?q=%00": 422,
    f"machines/?q={'x' * 201}": 422,
    "machines/?page=damaged": 422,
    "machines/?page_size=0": 422,
    "machines/?page_size=201": 422,
    "machines/?page_size=²": 422,
    f"machines/?page_size={HUGE}": 422,
    "lines/?month=soon": 422,
    "lines/?month=2026-00": 422,
    "lines/?month=٢٠٢٦-١١": 422,
    "costs/?month=0001-01": 422,
    "costs/months/?month=2026-11": 422,
    "requests/?state=unsure": 422,
    "requests/?waiting=": 422,
    "notices/?unread=2": 422,
}


@pytest.mark.parametrize(("path", "status"), ADDRESSES.items())
def test_wrong_addresses_and_filters_are_problems(owner: APIClient, path: str, status: int) -> None:
    problem(owner.get(f"/api/v1/{path}"), status)


BODIES: dict[str, tuple[bytes, int]] = {
    "not JSON": (b"{", 400),
    "not UTF-8": (b'{"name": "\xff"}', 400),
    "no number": (b'{"size": NaN}', 400),
    "a number without end": (b'{"size": ' + b"9" * 5000 + b"}", 400),
    "too deep": (b"[" * 100_000, 400),
    "too deep in an object": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 413),
    "too long": (b'{"name": "' + b"x" * MOST_BYTES + b'"}', 413),
    "nothing": (b"", 422),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "a text": (b'"machine"', 422),
    "an empty object": (b"{}", 422),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_unreadable_bodies_are_problems(owner: APIClient, body: bytes, status: int) -> None:
    answer = raw(owner, "requests/", body)

    problem(answer, status)
    assert not Request.objects.exists()


VALUES: dict[str, tuple[str, Any]] = {
    "unknown blueprint": ("blueprint", 99999),
    "blueprint of 30 digits": ("blueprint", HUGE),
    "infinite blueprint": ("blueprint", float("1e300")),
    "blueprint as text": ("blueprint", "1"),
    "blueprint as truth": ("blueprint", True),
    "blueprint as list": ("blueprint", [1]),
    "unknown size": ("size", 99999),
    "upper case": ("name", "Churn"),
    "blanks in the name": ("name", "churn scoring"),
    "too long a name": ("name", "x" * 41),
    "a name with NUL": ("name", "a\0b"),
    "a name like a path": ("name", "../etc/passwd"),
    "no purpose": ("purpose", "   "),
    "a purpose with NUL": ("purpose", "a\0b"),
    "too long a purpose": ("purpose", "x" * 1001),
    "yesterday": ("last_day", "2020-01-01"),
    "the far future": ("last_day", "8999-12-31"),
    "the end of the calendar": ("last_day", "9999-12-31"),
    "the beginning of the calendar": ("last_day", "0001-01-01"),
    "not a day": ("last_day", "soon"),
    "a day that never was": ("last_day", "2026-02-30"),
    "neither true nor false": ("for_team", "maybe"),
    "misspelt": ("nmae", "churn-scoring"),
}


@pytest.mark.parametrize(("field", "value"), VALUES.values(), ids=VALUES)
def test_wrong_values_are_told_by_their_field(world: World, owner: APIClient, field: str, value: Any) -> None:
    body = problem(owner.post("/api/v1/requests/", order(world) | {field: value}), 422)

    assert list(body["errors"]) == [field]
    assert not Request.objects.exists() and not Entry.objects.filter(verb="request.submitted").exists()


def test_infinity_by_another_name_is_refused(owner: APIClient) -> None:
    answer = raw(owner, "quotes/", b'{"blueprint": 1e999}')

    assert "blueprint" in problem(answer, 422)["errors"]


def test_everything_wrong_is_told_at_once(world: World, owner: APIClient) -> None:
    wrong = {"name": "Churn", "purpose": "x" * 1001, "last_day": "2020-01-01"}

    assert problem(owner.post("/api/v1/requests/", order(world) | wrong), 422)["errors"].keys() == wrong.keys()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_only_json_is_read(owner: APIClient, kind: str) -> None:
    problem(raw(owner, "requests/", b"name=x", kind), 415)


def test_only_json_is_written(owner: APIClient) -> None:
    problem(owner.get("/api/v1/me/", headers={"Accept": "text/html"}), 406)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "me/"),
        ("post", "lines/"),
        ("put", "machines/1/"),
        ("get", "machines/1/start/"),
        ("get", "notices/mark-read/"),
        ("get", "quotes/"),
        ("patch", "requests/1/"),
    ],
)
def test_wrong_methods_name_the_right_ones(owner: APIClient, method: str, path: str) -> None:
    answer = getattr(owner, method)(f"/api/v1/{path}")

    problem(answer, 405)
    assert answer["Allow"]


def test_a_browser_s_session_needs_its_token(world: World) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(world.owner)

    problem(client.post("/api/v1/notices/mark-read/"), 403)


def test_a_wrong_origin_names_the_setting(world: World) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(world.owner)

    answer = client.post("/api/v1/notices/mark-read/", headers={"Origin": "https://portal.example.org"})

    assert "https://portal.example.org" in problem(answer, 403)["detail"]
    assert "CSRF_TRUSTED_ORIGINS" in answer.json()["detail"]


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_programs_sign_in_with_name_and_password(world: World, client_of: Any) -> None:
    answer = client_of("anonymous").get("/api/v1/me/", headers=basic("lena", "secret-for-tests"))

    assert fine(answer)["username"] == "lena"


def test_who_is_not_signed_in_is_told_how(client_of: Any) -> None:
    answer = client_of("anonymous").get("/api/v1/machines/")

    problem(answer, 401)
    assert answer["WWW-Authenticate"] == 'Basic realm="Leasehold", Bearer realm="Leasehold"'


@pytest.mark.parametrize("header", ["Basic", "Basic x y", "Basic ????", "Bearer abc", "Basic " + "YTpi" * 500])
def test_broken_credentials_are_problems(client_of: Any, header: str) -> None:
    problem(client_of("anonymous").get("/api/v1/me/", headers={"Authorization": header}), 401)


@pytest.mark.parametrize(("name", "password"), [("lena", "wrong"), ("nobody", "x"), ("a\0b", "x"), ("lena", "x\0")])
def test_wrong_names_and_passwords_are_problems(client_of: Any, name: str, password: str) -> None:
    problem(client_of("anonymous").get("/api/v1/me/", headers=basic(name, password)), 401)


def test_trying_out_passwords_is_braked(world: World, client_of: Any) -> None:
    client = client_of("anonymous")
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        problem(client.get("/api/v1/me/", headers=basic("jonas", "guess")), 401)
    problem(client.get("/api/v1/me/", headers=basic("jonas", "guess")), 429)

    answer = client.get("/api/v1/me/", headers=basic("jonas", "secret-for-tests"))

    problem(answer, 429)
    assert int(answer["Retry-After"]) > 0


def test_who_has_left_the_house_is_not_let_in(world: World, client_of: Any) -> None:
    world.stranger.is_active = False
    world.stranger.save()

    problem(client_of("anonymous").get("/api/v1/me/", headers=basic("jonas", "secret-for-tests")), 401)


def order(world: World) -> dict[str, Any]:
    return {
        "blueprint": world.blueprint.pk, "size": world.small.pk, "name": "churn-scoring", "purpose": "Nightly scoring",
        "last_day": str(world.day(30)),
    }  # fmt: skip


def raw(client: Any, path: str, body: bytes, kind: str = "application/json") -> Any:
    """Just these bytes."""
    return client.generic("POST", f"/api/v1/{path}", body, content_type=kind)
