"""Who may open and do what on pages: pages.txt, asked of every address by everybody."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal import urls
from tests.lifecycle.world import World
from tests.permissions import bodies
from tests.permissions.stage import NOWHERE, Stage, addresses, make_stage, taken_back
from tests.permissions.table import PEOPLE, Answers, Row, differences, read

FILE = "pages.txt"
ANY_METHOD = {"sign-in"}
"""Sends home whoever is signed in before it looks at the method."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGES = {
    str(pattern.name): arguments
    for pattern, arguments in addresses(urls.urlpatterns)
    if not str(pattern.name).startswith("api-") and pattern.name is not None
}


@pytest.fixture
def stage(world: World, settings: Any) -> Stage:
    settings.DEMO = True
    return make_stage(world)


def ask(stage: Stage, role: str, asked: Row, **given: Any) -> str:
    method, name = asked
    client = stage.client(role, Client)
    body = bodies.filled(bodies.PAGES.get(name, {}), stage.known(role)) if method == "POST" else None
    address = stage.address(name, PAGES[name], role, **given)
    answer = getattr(client, method.lower())(address, body)
    b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(answer.status_code)


def walk(stage: Stage, rows: list[Row]) -> dict[Row, Answers]:
    found: dict[Row, dict[str, str]] = {asked: {} for asked in rows}
    for role in PEOPLE:
        for asked in rows:
            with taken_back():
                found[asked][role] = ask(stage, role, asked)
    return dict(found)


def test_every_page_answers_everybody_as_the_table_says(stage: Stage) -> None:
    expected = read(FILE)

    found = walk(stage, [asked for asked in expected if asked[1] in PAGES])

    assert differences(expected, found) == []


def test_no_page_is_without_a_line() -> None:
    assert sorted(PAGES.keys() - {name for _method, name in read(FILE)}) == []


def test_what_has_no_line_cannot_be_asked(stage: Stage) -> None:
    """Each page refuses the methods that the table does not name, whoever asks."""
    known = read(FILE)
    rest = [(method, name) for name in PAGES.keys() - ANY_METHOD for method in METHODS if (method, name) not in known]

    answers = {}
    for asked in rest:
        with taken_back():
            answers[asked] = ask(stage, "admin", asked)

    assert {asked: answer for asked, answer in answers.items() if answer != "405"} == {}


def test_ids_of_nothing_are_not_found(stage: Stage) -> None:
    answers = {}
    for asked in read(FILE):
        if "pk" in PAGES[asked[1]]:
            with taken_back():
                answers[asked] = ask(stage, "admin", asked, pk=NOWHERE)

    assert {asked: answer for asked, answer in answers.items() if answer != "404"} == {}
