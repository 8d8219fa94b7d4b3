"""Who may ask what of the API: api.txt, every address and verb asked by everybody."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.api import urls
from tests.lifecycle.world import World
from tests.permissions import bodies
from tests.permissions.stage import NOWHERE, Stage, addresses, make_stage, taken_back
from tests.permissions.table import PEOPLE, Answers, Row, differences, read

FILE = "api.txt"
METHODS = ("get", "post", "put", "patch", "delete")
API = {str(pattern.name): (pattern, arguments) for pattern, arguments in addresses(urls.urlpatterns) if pattern.name}


@pytest.fixture
def stage(world: World) -> Stage:
    return make_stage(world)


def verbs(pattern: Any) -> list[str]:
    """The methods that an address knows: those of its actions, or those of its view."""
    view = pattern.callback
    known = getattr(view, "actions", None) or {method: "" for method in METHODS if hasattr(view.view_class, method)}
    return [method.upper() for method in METHODS if method in known]


EVERY: list[Row] = [(method, name) for name, (pattern, _arguments) in API.items() for method in verbs(pattern)]


def ask(stage: Stage, role: str, asked: Row, **given: Any) -> Any:
    method, name = asked
    client = stage.client(role, APIClient)
    body = bodies.filled(bodies.API.get((method, name)), stage.known(role))
    address = stage.address(name, API[name][1], role, **given)
    answer = getattr(client, method.lower())(address, body)
    b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


def walk(stage: Stage, rows: list[Row]) -> dict[Row, Answers]:
    found: dict[Row, dict[str, str]] = {asked: {} for asked in rows}
    for role in PEOPLE:
        for asked in rows:
            with taken_back():
                answer = ask(stage, role, asked)
            found[asked][role] = str(answer.status_code)
            if answer.status_code >= 400:
                assert answer["Content-Type"] == "application/problem+json", (role, asked)
    return dict(found)


def test_every_verb_answers_everybody_as_the_table_says(stage: Stage) -> None:
    expected = read(FILE)

    assert differences(expected, walk(stage, EVERY)) == []


def test_nothing_is_without_a_line() -> None:
    assert sorted(set(EVERY) - set(read(FILE))) == []


def test_ids_of_nothing_are_not_found(stage: Stage) -> None:
    answers = {}
    for asked in EVERY:
        if "pk" in API[asked[1]][1]:
            with taken_back():
                answers[asked] = ask(stage, "admin", asked, pk=NOWHERE).status_code

    assert {asked: answer for asked, answer in answers.items() if answer != 404} == {}
