"""What addresses answer to whom is in tests/permissions; here is what else all of them have in common."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.lifecycle.world import World


def client_of(world: World, role: str) -> Client:
    # Errors become pages, as they do for people.
    client = Client(raise_request_exception=False)
    if role != "anonymous":
        client.force_login(getattr(world, role))
    return client


def test_whoever_must_sign_in_first_comes_back_to_where_they_wanted_to_go(world: World) -> None:
    answer = client_of(world, "anonymous").get("/costs/")

    assert answer["Location"] == "/sign-in/?next=/costs/"


def test_pages_that_do_not_exist_say_so(world: World) -> None:
    answer = client_of(world, "owner").get("/nothing/here/")

    assert answer.status_code == 404
    assert "<h1" in answer.content.decode()


def is_a_problem(answer: Any) -> None:
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert answer.json()["type"].startswith("urn:leasehold:")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "machines/99999/", None, 404),
        ("get", "machines/?stage=imaginary", None, 422),
        ("get", "lines/?month=soon", None, 422),
        ("delete", "me/", None, 405),
        ("post", "requests/", "{", 400),
        ("post", "requests/", "{}", 422),
        ("post", "requests/", '{"nmae": "misspelt"}', 422),
        ("post", "quotes/", '{"blueprint": 99999, "size": 1, "last_day": "never"}', 422),
    ],
)
def test_every_refusal_of_the_interface_is_a_problem(
    world: World, method: str, path: str, body: str | None, status: int
) -> None:
    client = client_of(world, "owner")

    answer = getattr(client, method)(f"/api/v1/{path}", data=body, content_type="application/json")

    assert answer.status_code == status
    is_a_problem(answer)


def test_one_order_sent_twice_is_one_request(world: World) -> None:
    client = client_of(world, "owner")
    body = {"blueprint": world.blueprint.pk, "size": world.small.pk, "name": "twice", "purpose": "Sent two times"}
    body |= {"last_day": str(world.day(20))}
    key = {"Idempotency-Key": uuid.uuid4().hex}

    answers = [client.post("/api/v1/requests/", body, content_type="application/json", headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]


def test_the_interface_describes_itself_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))

    assert "/api/v1/requests/" in (tmp_path / "schema.yaml").read_text()
