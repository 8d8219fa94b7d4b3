"""Every operation that the API describes, asked made-up questions: none is answered with a fault, or otherwise than
the description says. The same questions each time; what each does is taken back, so that all meet the same world."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from lifecycle.models import Finding, Machine
from lifecycle.people import tokens
from lifecycle.people.models import Token
from lifecycle.sprawl import board, claims, lists
from lifecycle.sprawl.exempting import exempt
from lifecycle.sprawl.models import Kind
from tests.lifecycle.factories import make_disk_file, make_drift
from tests.lifecycle.world import World
from tests.portal.api import test_access
from tests.portal.api.conftest import Clients

pytestmark = pytest.mark.fuzz

HOLDERS = b"machine,holder,purpose,last_day\nweb-1,lena,Shop,2031-01-31\n"

known = test_access.known


@pytest.fixture
def things(known: dict[str, Any], world: World) -> dict[str, Any]:
    token, _plain = tokens.make(
        world.admin, name="backup", scope=Token.Scope.READ, last_day=world.day(30), by=world.admin
    )
    return known | _sprawl(known, world) | {
        "image": world.blueprint.image_id, "pool": world.blueprint.pool_id, "token": token.pk
    }  # fmt: skip


def _sprawl(known: dict[str, Any], world: World) -> dict[str, Any]:
    stray, file = Finding.objects.get(pk=known["orphan"]).on_machine, make_disk_file(world.endpoint)
    board.put_up([stray], by=world.admin)
    terms: dict[str, Any] = {"reason": "I made it", "purpose": "Tests", "last_day": world.day(30)}
    return {
        "adoption": lists.try_list(HOLDERS, file_name="whose.csv", by=world.admin).pk,
        "board": stray.pk,
        "claim": claims.claim(stray, **terms, by=world.owner).pk,
        "disk_file": file.pk,
        "drift": make_drift(Machine.objects.get(pk=known["machine"])).pk,
        "exemption": exempt(stray, kind=Kind.IDLE, reason="A standby", ends_on=world.day(30), by=world.admin).pk,
        "storage": file.datastore_id,
    }


EXAMPLES = 15
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# A question is refused, whatever is wrong with it, before its values are looked at, or after.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429"]

# Collection -> which of the known things stands for one of its rows.
ROWS = {
    "people/imports": "list",
    "machines": "machine", "requests": "waiting", "blueprints": "blueprint", "sizes": "size", "rate-cards": "card",
    "lines": "line", "cost-centres": "centre", "orphans": "orphan", "endpoints": "endpoint", "operations": "operation",
    "audit": "entry", "people": "person", "teams": "team", "tokens": "token",
    "findings": "finding", "saved-views": "view", "adoptions": "adoption", "board": "board", "claims": "claim",
    "disk-files": "disk_file", "storage": "storage", "drifts": "drift", "exemptions": "exemption",
    "ssh-keys": "ssh_key", "rules": "rule", "inventories": "inventory",
}  # fmt: skip
# Field of a body -> a known thing that fits there, or a value that would be taken; the rest stays made up.
FIELDS = {
    "blueprint": "blueprint", "size": "size", "last_day": "later", "left_on": "later", "holder": "person",
    "supervisor": "person", "person": "person", "team": "team", "cost_centre": "centre", "owner": "person",
    "image": "image", "pool": "pool",
}  # fmt: skip
PLAIN = {"name": "made-up", "purpose": "Tried out", "approval": "supervisor", "warn_days": [3, 1], "kind": "simulated"}

GIVEN = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(file))
    config = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
    schema = schemathesis.openapi.from_dict(json.loads(file.read_text()), config=config)
    schema.app = get_wsgi_application()
    # As Django's own test client does: a request's end must not close the connection on which the test has its world.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield schema
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def operations(api: Any) -> Iterator[Any]:
    return (found.ok() for found in api.get_all_operations())


def questions(operation: Any, known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """As described or not, about something that exists or about anything; bodies often name what exists."""
    there = about(operation.path, known)
    modes = st.sampled_from(list(GenerationMode))
    return st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE, path_parameters=there).map(lambda case: fitting(case, known)),
        modes.flatmap(lambda mode: operation.as_strategy(mode, path_parameters=there)),
        modes.flatmap(operation.as_strategy),
    )


def about(path: str, known: dict[str, Any]) -> dict[str, Any]:
    """What a path needs to name things that exist."""
    thing = next((thing for name, thing in ROWS.items() if path.startswith(f"/api/v1/{name}/")), "")
    named = {
        "id": known.get(thing),
        "machine": known.get(thing),
        "month": known["month"],
        "key": f"person-{known['person']}",
    }
    return {name: value for name, value in named.items() if f"{{{name}}}" in path and value}


def fitting(case: Any, known: dict[str, Any]) -> Any:
    if isinstance(case.body, dict):
        case.body |= {name: known[thing] for name, thing in FIELDS.items() if name in case.body}
        case.body |= {name: value for name, value in PLAIN.items() if name in case.body}
        case.body |= {"sizes": [known["size"]]} if "sizes" in case.body else {}
    return case


@pytest.mark.parametrize(("role", "name"), [("admin", "ingrid"), ("owner", "lena")])
def test_no_question_is_answered_otherwise_than_described(
    api: Any, things: dict[str, Any], role: str, name: str
) -> None:
    credentials = base64.b64encode(f"{name}:secret-for-tests".encode()).decode()
    wrong: dict[str, str] = {}
    for operation in operations(api):

        @GIVEN
        @given(case=questions(operation, things))
        def asked(case: Any) -> None:
            with transaction.atomic():
                answer = case.call(headers={"Authorization": f"Basic {credentials}"})
                transaction.set_rollback(True)
            case.validate_response(answer, checks=CHECKS)

        try:
            asked()
        except (Exception, FailureGroup) as error:
            wrong[operation.label] = str(error)

    assert not wrong, "\n\n".join(f"{label}: {words}" for label, words in wrong.items())


def test_what_is_not_described_is_no_method(api: Any, things: dict[str, Any], client_of: Clients) -> None:
    client, described = client_of("admin"), dict[str, set[str]]()
    for operation in operations(api):
        described.setdefault(operation.path, set()).add(operation.method.upper())

    for path, methods in described.items():
        address = path.format(**about(path, things))
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - methods:
            answer = client.generic(method, address)
            assert answer.status_code == 405, (method, address, answer.content)
            assert methods <= set(answer["Allow"].split(", ")), (method, address)
