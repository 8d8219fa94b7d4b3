"""Who may open what: every address of the portal, asked for by everybody."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from lifecycle import clock
from lifecycle.estate.models import Level
from lifecycle.estate.sharing import share
from lifecycle.estate.sync import sync
from lifecycle.models import Finding, Line, Operation
from lifecycle.money.actions import draft
from lifecycle.people.imports import try_import
from lifecycle.sprawl.actions import scan
from portal import urls
from portal.api import urls as api_urls
from tests.lifecycle.world import World

ROLES = ("anonymous", "stranger", "owner", "approver", "admin")

EVERYBODY = (200, 200, 200, 200, 200)
SIGN_IN_PAGE = (200, 302, 302, 302, 302)  # whoever is signed in is sent home
SIGNED_IN = (302, 200, 200, 200, 200)
CONCERNED = (302, 404, 200, 200, 200)  # holder, supervisor and owner of the cost centre, administrators
PAYING = (302, 404, 404, 200, 200)  # owner of the cost centre, administrators
WORKING = (302, 404, 200, 403, 200)  # holder, administrators; a supervisor looks only
LEASED = (302, 404, 403, 403, 200)  # administrators, for a machine that the others may see
HOUSE = (302, 403, 403, 403, 200)
ONLY_POST = (302, 405, 405, 405, 405)
ONLY_DEMO = (302, 404, 404, 404, 404)
NO_WORKER = (503, 503, 503, 503, 503)  # none runs beside these tests

TABLE: dict[str, tuple[int, ...]] = {
    "healthz": NO_WORKER,
    "sign-in": SIGN_IN_PAGE,
    "sign-out": ONLY_POST,
    "home": SIGNED_IN,
    "machines": SIGNED_IN,
    "machine": CONCERNED,
    "machine-live": CONCERNED,
    "machine-power": ONLY_POST,
    "machine-extend": WORKING,
    "machine-give-back": WORKING,
    "machine-restore": ONLY_POST,
    "machine-hold": LEASED,
    "machine-release": ONLY_POST,
    "machine-share": WORKING,
    "machine-share-change": WORKING,
    "machine-share-withdraw": ONLY_POST,
    "order": SIGNED_IN,
    "order-price": SIGNED_IN,
    "requests": SIGNED_IN,
    "request": CONCERNED,
    "request-live": CONCERNED,
    "request-cancel": ONLY_POST,
    "approvals": SIGNED_IN,
    "approval": CONCERNED,
    "approve": ONLY_POST,
    "refuse": ONLY_POST,
    "costs": SIGNED_IN,
    "line": CONCERNED,
    "statements": SIGNED_IN,
    "statement": PAYING,
    "orphans": HOUSE,
    "orphan": HOUSE,
    "endpoints": HOUSE,
    "endpoint-new": HOUSE,
    "endpoint": HOUSE,
    "endpoint-change": HOUSE,
    "endpoint-mode": HOUSE,
    "endpoint-scan": ONLY_POST,
    "operations": HOUSE,
    "pause": HOUSE,
    "resume": ONLY_POST,
    "operation-clear": HOUSE,
    "operation-retry": ONLY_POST,
    "people": HOUSE,
    "person-new": HOUSE,
    "people-line": HOUSE,
    "people-export": HOUSE,
    "person": HOUSE,
    "person-change": HOUSE,
    "person-leave": HOUSE,
    "person-return": ONLY_POST,
    "person-password": HOUSE,
    "people-imports": HOUSE,
    "people-template": HOUSE,
    "people-import": HOUSE,
    "people-import-apply": ONLY_POST,
    "people-import-again": ONLY_POST,
    "people-import-undo": ONLY_POST,
    "teams": HOUSE,
    "team-new": HOUSE,
    "team": HOUSE,
    "team-change": HOUSE,
    "team-delete": ONLY_POST,
    "cost-centres": HOUSE,
    "cost-centre-new": HOUSE,
    "cost-centre": HOUSE,
    "cost-centre-change": HOUSE,
    "cost-centre-delete": ONLY_POST,
    "catalogue": HOUSE,
    "blueprint-new": HOUSE,
    "blueprint": HOUSE,
    "size-new": HOUSE,
    "size": HOUSE,
    "rate-card-new": HOUSE,
    "audit": HOUSE,
    "audit-export": HOUSE,
    "notices": SIGNED_IN,
    "demo-bar": ONLY_DEMO,
    "demo-skip": ONLY_POST,
    "demo-mails": ONLY_DEMO,
    "demo-mail": ONLY_DEMO,
    "demo-by-hand": ONLY_POST,
}

Arguments = Mapping[str, Any]


@pytest.fixture
def addresses(world: World) -> dict[str, str]:
    """Every address, about things that exist."""
    request = world.submit("not-decided-yet")
    machine = world.machine("churn-scoring")
    shared = share(machine, recipient=world.teammate, level=Level.SEE, by=world.owner)
    world.dc.make_machine_by_hand("found-by-chance")
    sync(world.endpoint)
    scan()
    clock.move_to(clock.now().replace(microsecond=0) + (world.day(1) - world.day(0)))
    draft()
    about: dict[str, Any] = {
        "machine": machine.pk,
        "request": request.pk,
        "approval": request.pk,
        "approve": request.pk,
    }
    about |= {"refuse": request.pk, "line": Line.objects.latest("pk").pk, "statement": world.approver.cost_centre_id}
    about |= {"orphan": Finding.objects.latest("pk").pk, "endpoint": world.endpoint.pk}
    about |= {"operation": Operation.objects.latest("pk").pk, "blueprint": world.blueprint.pk, "size": world.small.pk}
    kept = try_import(b"username,first_name\nnew,Nora\n", file_name="people.csv", by=world.admin)
    about |= {"person": world.owner.pk, "people": kept.pk}
    about |= {"team": world.owner.team_id, "cost": world.owner.cost_centre_id}
    about |= {"key": shared.key}
    return {name: _address(name, arguments, about) for name, arguments in named(urls.urlpatterns)}


def named(patterns: list[Any]) -> Iterator[tuple[str, set[str]]]:
    """Names of all pages with the arguments that they need."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            assert pattern.name is not None
            yield pattern.name, set(pattern.pattern.converters)


def _address(name: str, arguments: set[str], about: Mapping[str, Any]) -> str:
    known = {"year": clock.now().year, "month": clock.now().month, "name": "no-such-mail", "key": about["key"]}
    if "pk" in arguments:
        known["pk"] = about[name if name in about else name.partition("-")[0]]
    return reverse(name, kwargs={word: known[word] for word in arguments})


def client_of(world: World, role: str) -> Client:
    # Errors become pages, as they do for people.
    client = Client(raise_request_exception=False)
    if role != "anonymous":
        client.force_login(getattr(world, role))
    return client


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_everybody_as_the_table_says(world: World, addresses: dict[str, str], role: str) -> None:
    client = client_of(world, role)

    answers = {name: client.get(address).status_code for name, address in addresses.items()}

    assert answers == {name: row[ROLES.index(role)] for name, row in TABLE.items()}


def test_whoever_must_sign_in_first_comes_back_to_where_they_wanted_to_go(world: World) -> None:
    answer = client_of(world, "anonymous").get("/costs/")

    assert answer["Location"] == "/sign-in/?next=/costs/"


def test_pages_that_do_not_exist_say_so(world: World) -> None:
    answer = client_of(world, "owner").get("/nothing/here/")

    assert answer.status_code == 404
    assert "<h1" in answer.content.decode()


API_HOUSE = ("orphans", "endpoints", "operations", "audit", "pause", "people", "teams")


def api_roots() -> list[str]:
    roots = {name.removesuffix("-list") for name in _api_names(api_urls.urlpatterns) if not name.endswith("-detail")}
    wanted = {reverse(f"{name}-list") for name in roots if name in {entry[2] for entry in api_urls.router.registry}}
    return sorted(wanted | {reverse("api-me"), reverse("api-pause")})


def _api_names(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _api_names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


@pytest.mark.parametrize("path", api_roots())
def test_the_interface_answers_everybody_and_refuses_with_a_problem(world: World, path: str) -> None:
    house = path.split("/")[3] in API_HOUSE
    expected = {"anonymous": 401, "stranger": 403 if house else 200, "owner": 403 if house else 200, "admin": 200}

    answers = {role: client_of(world, role).get(path) for role in expected}

    assert {role: answer.status_code for role, answer in answers.items()} == expected
    for answer in answers.values():
        if answer.status_code >= 400:
            is_a_problem(answer)


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
