"""Who may do what: every address and every verb of the API, tried by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from lifecycle import clock
from lifecycle.models import Entry, Finding, Line, Operation
from lifecycle.money.actions import draft
from lifecycle.people.imports import try_import
from lifecycle.sprawl.inventory import try_inventory
from lifecycle.sprawl.rules.actions import add_rule
from lifecycle.sprawl.views import save_view
from portal.api import urls
from tests.lifecycle.factories import SSH_KEY, make_finding, make_ssh_key, make_token
from tests.lifecycle.world import World
from tests.portal.api.answers import problem
from tests.portal.api.conftest import ROLES, Clients

#                anonymous, stranger, teammate, owner, approver, admin
EVERYBODY = (401, 200, 200, 200, 200, 200)
CONCERNED = (401, 404, 404, 200, 200, 200)  # holder, supervisor, administrators
CHARGED = (401, 404, 404, 200, 200, 200)  # holder, owner of the cost centre, administrators
PAYING = (401, 404, 404, 404, 200, 200)  # owner of the cost centre, administrators
MINE = (401, 404, 404, 200, 404, 404)
HOUSE = (401, 403, 403, 403, 403, 200)

READS: dict[str, tuple[int, ...]] = {
    "me/": EVERYBODY,
    "schema/": EVERYBODY,
    "costs/": EVERYBODY,
    "costs/months/": EVERYBODY,
    "machines/": EVERYBODY,
    "machines/{machine}/": CONCERNED,
    "machines/{machine}/candidates/": (*CONCERNED[:3], 403, 403, 200),  # whom text names is not for everybody
    "machines/{machine}/cost/": CONCERNED,
    "machines/{machine}/seed/": CONCERNED,
    "machines/{machine}/history/": CONCERNED,
    "machines/{machine}/operations/": CONCERNED,
    "requests/": EVERYBODY,
    "requests/{request}/": CONCERNED,
    "requests/{request}/operation/": CONCERNED,
    "blueprints/": EVERYBODY,
    "blueprints/{blueprint}/": EVERYBODY,
    "sizes/": EVERYBODY,
    "sizes/{size}/": EVERYBODY,
    "rate-cards/": EVERYBODY,
    "rate-cards/{card}/": EVERYBODY,
    "lines/": EVERYBODY,
    "lines/{line}/": CHARGED,
    "lines/{line}/why/": CHARGED,
    "cost-centres/": EVERYBODY,
    "cost-centres/{centre}/": PAYING,
    "cost-centres/{centre}/months/": PAYING,
    "cost-centres/{centre}/statements/{month}/": PAYING,
    "notices/": EVERYBODY,
    "tokens/": EVERYBODY,
    "tokens/{token}/": MINE,
    "ssh-keys/": EVERYBODY,
    "ssh-keys/{ssh_key}/": MINE,
    "sprawl/": (401, 403, 403, 403, 200, 200),  # whoever supervises sees their line
    "findings/": EVERYBODY,
    "findings/{finding}/": CONCERNED,
    "findings/export/": EVERYBODY,
    "saved-views/": EVERYBODY,
    "saved-views/{view}/": MINE,
    "orphans/": HOUSE,
    "orphans/{orphan}/": HOUSE,
    "rules/": HOUSE,
    "rules/{rule}/": HOUSE,
    "rules/{rule}/matches/": HOUSE,
    "inventories/": HOUSE,
    "inventories/{inventory}/": HOUSE,
    "inventories/{inventory}/rows/": HOUSE,
    "endpoints/": HOUSE,
    "endpoints/{endpoint}/": HOUSE,
    "endpoints/{endpoint}/images/": HOUSE,
    "endpoints/{endpoint}/pools/": HOUSE,
    "drifts/": HOUSE,
    "estate/": HOUSE,
    "disk-files/": HOUSE,
    "storage/": HOUSE,
    "exemptions/": HOUSE,
    "thresholds/": HOUSE,
    "adoptions/": HOUSE,
    "claims/": EVERYBODY,
    "board/": EVERYBODY,
    "operations/": HOUSE,
    "operations/{operation}/": HOUSE,
    "pause/": HOUSE,
    "audit/": HOUSE,
    "audit/{entry}/": HOUSE,
    "people/": HOUSE,
    "people/{person}/": HOUSE,
    "people/imports/": HOUSE,
    "people/imports/{list}/": HOUSE,
    "teams/": HOUSE,
    "teams/{team}/": HOUSE,
}

HOLDING = (401, 404, 404, 202, 403, 202)  # a supervisor looks only
DECIDING = (401, 404, 404, 403, 200, 200)  # nobody decides on their own request
WITHDRAWING = (401, 404, 404, 200, 403, 403)
LEASED = (401, 404, 404, 403, 403, 200)  # administrators, for a machine that the others may see
MAKING = (401, 403, 403, 403, 403, 201)
RULE = {"name": "CI", "effect": "hint", "machine_name": "ci-*", "person": "{person}"}

WRITES: dict[tuple[str, str], tuple[dict[str, Any] | None, tuple[int, ...]]] = {
    ("post", "notices/mark-read/"): (None, EVERYBODY),
    ("post", "tokens/"): ({"name": "nightly", "last_day": "{later}"}, (401, 201, 201, 201, 201, 201)),
    ("post", "tokens/{token}/revoke/"): (None, MINE),
    ("post", "ssh-keys/"): ({"key": SSH_KEY}, (401, 201, 201, 201, 201, 201)),
    ("delete", "ssh-keys/{ssh_key}/"): (None, (401, 404, 404, 204, 404, 404)),
    ("post", "saved-views/"): ({"page": "findings", "name": "Idle ones"}, (401, 201, 201, 201, 201, 201)),
    ("delete", "saved-views/{view}/"): (None, (401, 404, 404, 204, 404, 404)),
    ("post", "machines/{machine}/shut-down/"): (None, HOLDING),
    ("post", "machines/{machine}/restart/"): (None, HOLDING),
    ("post", "machines/{machine}/start/"): (None, (401, 404, 404, 409, 403, 409)),  # it runs
    ("post", "machines/{machine}/give-back/"): (None, (*CONCERNED[:4], 403, 200)),
    ("post", "machines/{machine}/extend/"): ({"last_day": "{later}"}, (*CONCERNED[:4], 403, 200)),
    ("post", "machines/{machine}/restore/"): (None, (*CONCERNED[:3], 409, 403, 409)),  # nothing to restore
    ("post", "machines/{machine}/hold/"): ({"reason": "Audit"}, LEASED),
    ("post", "machines/{machine}/release/"): (None, (*LEASED[:5], 409)),  # it is not held
    ("post", "requests/{waiting}/approve/"): ({}, DECIDING),
    ("post", "requests/{waiting}/refuse/"): ({"comment": "Not now"}, DECIDING),
    ("post", "requests/{waiting}/cancel/"): (None, WITHDRAWING),
    ("post", "orphans/{orphan}/assign/"): (
        {"holder": "{person}", "purpose": "Kept", "last_day": "{later}"},
        HOUSE,
    ),
    ("post", "rules/"): (RULE, MAKING),
    ("post", "rules/try/"): (RULE, HOUSE),
    ("patch", "rules/{rule}/"): ({"enabled": False}, HOUSE),
    ("delete", "rules/{rule}/"): (None, (*HOUSE[:5], 204)),
    ("post", "rules/{rule}/apply/"): (None, HOUSE),
    ("post", "inventories/"): (None, (*HOUSE[:5], 415)),  # an inventory is no JSON
    ("post", "inventories/{inventory}/apply/"): (None, HOUSE),
    ("delete", "inventories/{inventory}/"): (None, (*HOUSE[:5], 204)),
    ("post", "endpoints/"): ({"name": "Bremen", "kind": "simulated", "path": "bremen.dc.sqlite3"}, MAKING),
    ("patch", "endpoints/{endpoint}/"): ({"name": "Bremen"}, HOUSE),
    ("post", "endpoints/{endpoint}/mode/"): ({"mode": "observe", "reason": "Night"}, HOUSE),
    ("post", "endpoints/{endpoint}/limits/"): ({"blast_count": 3, "blast_percent": 2, "parallel": 4}, HOUSE),
    ("post", "endpoints/{endpoint}/scan/"): (None, (*HOUSE[:5], 202)),
    ("post", "endpoints/{endpoint}/check/"): (None, HOUSE),
    ("post", "operations/{operation}/retry/"): (None, (*HOUSE[:5], 409)),  # it has ended
    ("post", "operations/{operation}/clear/"): ({"reason": "Known"}, (*HOUSE[:5], 409)),
    ("post", "pause/"): ({"reason": "Fire drill"}, HOUSE),
    ("delete", "pause/"): (None, (*HOUSE[:5], 409)),  # nothing is paused
    ("post", "sizes/"): ({"name": "Tiny", "vcpus": 1, "memory_mib": 1024, "disk_mib": 20480}, MAKING),
    ("patch", "sizes/{size}/"): ({"name": "Smaller"}, HOUSE),
    ("post", "people/"): ({"username": "nora", "first_name": "Nora"}, MAKING),
    ("patch", "people/{person}/"): ({"email": "j@example.org"}, HOUSE),
    ("post", "people/{person}/leave/"): ({"left_on": "2026-01-31"}, HOUSE),
    ("post", "people/{person}/return/"): (None, (*HOUSE[:5], 409)),  # nobody has left
    ("post", "people/{person}/password/"): ({"password": "long and odd enough 7"}, HOUSE),
    ("post", "people/imports/"): (None, (*HOUSE[:5], 415)),  # a list is no JSON
    ("post", "people/imports/{list}/apply/"): ({}, HOUSE),
    ("post", "people/imports/{list}/undo/"): (None, (*HOUSE[:5], 409)),  # it was never applied
    ("post", "teams/"): ({"name": "Ships", "cost_centre": "{centre}"}, MAKING),
    ("patch", "teams/{team}/"): ({"name": "Data"}, HOUSE),
    ("delete", "teams/{team}/"): (None, (*HOUSE[:5], 409)),  # it has members
    ("post", "cost-centres/"): ({"code": "99", "name": "Ships"}, MAKING),
    ("patch", "cost-centres/{centre}/"): ({"name": "Data"}, (*PAYING[:4], 403, 200)),
    ("delete", "cost-centres/{centre}/"): (None, (*PAYING[:4], 403, 409)),  # machines are charged to it
    ("patch", "blueprints/{blueprint}/"): ({"summary": "For tests"}, HOUSE),
}


@pytest.fixture
def known(world: World, orphan: Finding) -> dict[str, Any]:
    """One of each thing, by the names of the tables."""
    world.blueprint.cloud_init = True
    world.blueprint.save()
    machine = world.machine("churn-scoring")
    waiting = world.submit("not-decided-yet")
    clock.move_to(clock.now().replace(microsecond=0) + (world.day(1) - world.day(0)))
    draft()
    card = Line.objects.latest("pk").rate.card
    terms: dict[str, Any] = {"person": world.owner, "purpose": "Builds", "lease_days": 30}
    return {
        "machine": machine.pk,
        "request": machine.request.pk,
        "waiting": waiting.pk,
        "orphan": orphan.pk,
        "finding": make_finding(machine).pk,
        "view": save_view(page="findings", name="Dear ones", query="min=100", by=world.owner).pk,
        "blueprint": world.blueprint.pk,
        "size": world.small.pk,
        "card": card.pk,
        "line": Line.objects.latest("pk").pk,
        "centre": world.approver.cost_centre_id,
        "month": f"{Line.objects.latest('pk').month:%Y-%m}",
        "endpoint": world.endpoint.pk,
        "operation": Operation.objects.filter(state="succeeded").latest("pk").pk,
        "entry": Entry.objects.latest("pk").pk,
        "person": world.stranger.pk,
        "token": make_token(world.owner)[0].pk,
        "ssh_key": make_ssh_key(world.owner).pk,
        "team": world.owner.team_id,
        "rule": add_rule(name="Found", effect="adopt", machine_name="found-*", **terms, by=world.admin).pk,
        "inventory": try_inventory(b"name,owner\nx,lena\n", file_name="cmdb.csv", by=world.admin).pk,
        "list": try_import(b"username\nnora\n", file_name="people.csv", by=world.admin).pk,
        "later": str(world.day(40)),
    }


def filled(value: Any, known: dict[str, Any]) -> Any:
    """`{person}` stands for its id, as a number."""
    if isinstance(value, dict):
        return {name: filled(each, known) for name, each in value.items()}
    if isinstance(value, str) and value.startswith("{"):
        return known[value[1:-1]]
    return value


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_everybody_as_the_table_says(
    client_of: Clients, known: dict[str, Any], role: str
) -> None:
    client = client_of(role)

    answers = {path: client.get(f"/api/v1/{path.format(**known)}") for path in READS}

    assert {path: answer.status_code for path, answer in answers.items()} == {
        path: row[ROLES.index(role)] for path, row in READS.items()
    }
    for answer in answers.values():
        if answer.status_code >= 400:
            problem(answer, answer.status_code)


@pytest.mark.parametrize("role", ROLES)
def test_every_verb_answers_everybody_as_the_table_says(client_of: Clients, known: dict[str, Any], role: str) -> None:
    client, answers = client_of(role), {}
    for (method, path), (body, _row) in WRITES.items():
        with taken_back():
            before = Entry.objects.count()
            answer = getattr(client, method)(f"/api/v1/{path.format(**known)}", filled(body, known))
            answers[method, path] = answer.status_code
            if answer.status_code >= 400:
                problem(answer, answer.status_code)
                assert Entry.objects.count() == before

    assert answers == {act: row[ROLES.index(role)] for act, (_body, row) in WRITES.items()}


@contextmanager
def taken_back() -> Iterator[None]:
    """Each verb meets the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_the_tables_name_every_resource() -> None:
    told = {path.split("/")[0] for path in READS}

    assert {prefix.split("/")[0] for prefix, _view, _name in urls.router.registry} <= told


DELETED = {
    "saved-views/{view}/",
    "rules/{rule}/",
    "inventories/{inventory}/",
    "pause/",
    "teams/{team}/",
    "cost-centres/{centre}/",
    "ssh-keys/{ssh_key}/",
}
"""A pause that ends, what nothing hangs on, and keys of one's own."""


def test_nothing_else_is_ever_deleted(client_of: Clients, known: dict[str, Any]) -> None:
    client = client_of("admin")

    for path in READS.keys() - DELETED:
        answer = client.delete(f"/api/v1/{path.format(**known)}")
        problem(answer, 405)
        assert "DELETE" not in answer["Allow"]
