"""How the API describes itself, and the page about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from portal.api.schema import ProblemSerializer
from tests.lifecycle.world import World
from tests.portal.api.answers import problem
from tests.portal.api.conftest import Clients

FILES = {f"/api/v1/{name}/export/": ["application/jsonl", "text/csv"] for name in ("audit", "findings")}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", "--file", str(file))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_verb_describes_its_refusals(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        answers = operation["responses"]
        assert "401" in answers, path
        assert ("404" in answers) == ("{" in path), path
        assert ("409" in answers) == (method != "get"), path
        for status, answer in answers.items():
            kinds = list(answer.get("content", {}))
            said = FILES.get(path, ["application/json"]) if status != "204" else []
            assert kinds == (["application/problem+json"] if status >= "400" else said), (path, status)


def test_every_verb_says_what_it_does_and_belongs_somewhere(described: dict[str, Any]) -> None:
    for path, method, operation in operations(described):
        assert operation["tags"] != ["v1"], (path, method)
        assert operation["security"] == [{"basicAuth": []}, {"tokenAuth": []}, {"cookieAuth": []}]


def test_enums_have_names_that_people_choose(described: dict[str, Any]) -> None:
    names = [name for name in described["components"]["schemas"] if name.endswith("Enum")]

    assert {"OperationStateEnum", "RequestStateEnum", "StageEnum", "PowerEnum", "MeterEnum"} <= set(names)
    assert not [name for name in names if any(sign.isdigit() for sign in name)]


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("machines", {"q", "stage", "mine", "endpoint", "page", "page_size"}),
        ("requests", {"waiting", "mine", "state", "page", "page_size"}),
        ("lines", {"month", "machine", "page", "page_size"}),
        ("orphans", {"q", "endpoint", "page", "page_size"}),
        ("sizes", {"page", "page_size"}),
    ],
)
def test_lists_describe_their_filters(described: dict[str, Any], path: str, filters: set[str]) -> None:
    parameters = described["paths"][f"/api/v1/{path}/"]["get"]["parameters"]

    assert {each["name"] for each in parameters} == filters


def test_the_key_of_an_order_is_described(described: dict[str, Any]) -> None:
    (key,) = described["paths"]["/api/v1/requests/"]["post"]["parameters"]

    assert (key["in"], key["name"]) == ("header", "Idempotency-Key")


def test_a_problem_is_what_its_description_says(described: dict[str, Any], owner: APIClient) -> None:
    body = problem(owner.get("/api/v1/machines/?stage=imaginary"), 422)

    assert set(described["components"]["schemas"]["Problem"]["required"]) <= set(body)
    assert set(body) == set(ProblemSerializer().fields)


def test_the_description_is_for_who_is_signed_in(world: World, client_of: Clients) -> None:
    problem(client_of("anonymous").get("/api/v1/schema/"), 401)

    assert client_of("stranger").get("/api/v1/schema/").status_code == 200


def test_the_page_about_it_asks_to_sign_in(client_of: Clients) -> None:
    answer = client_of("anonymous").get("/api/v1/docs/")

    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=/api/v1/docs/")


def test_the_page_about_it_stands_under_the_content_policy(owner: APIClient) -> None:
    answer = owner.get("/api/v1/docs/")
    script = owner.get("/api/v1/docs/?script=")

    page = answer.content.decode()
    assert answer.status_code == script.status_code == 200
    assert "<style" not in page and "<script>" not in page
    assert "img-src 'self' data:" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert script["Content-Type"] == "application/javascript"
