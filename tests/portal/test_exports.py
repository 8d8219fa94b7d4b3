"""The record as a file: from the page and from the API, whole, safe for spreadsheets, and itself recorded."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from lifecycle.audit.actions import HOUSE, record
from lifecycle.audit.queries import in_chunks
from lifecycle.models import Entry
from portal import spreadsheets
from tests.lifecycle.factories import make_machine
from tests.lifecycle.world import World

PAGE, API = "/audit/export/", "/api/v1/audit/export/"


@pytest.fixture
def admin(world: World) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_login(world.admin)
    return client


@pytest.fixture
def ingrid(world: World, client: Client) -> Client:
    client.force_login(world.admin)
    return client


def entry(verb: str = "machine.missing", name: str = "web-1", **fields: Any) -> Entry:
    with transaction.atomic():
        return record(verb, make_machine(name), by=HOUSE, **fields)


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(answer).removeprefix(spreadsheets.MARK))))


def test_the_page_hands_out_what_its_filters_show(ingrid: Client) -> None:
    entry()
    entry("machine.found_again", reason="it was moved")

    answer = ingrid.get(PAGE, {"verb": "machine.found_again"})

    (row,) = rows(answer)
    assert (row["verb"], row["reason"], row["sentence"]) == (
        "machine.found_again",
        "it was moved",
        "web-1 is on its hypervisor again.",
    )
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-20')


def test_a_file_begins_with_the_mark_that_spreadsheets_look_for(ingrid: Client) -> None:
    assert text(ingrid.get(PAGE)).startswith("\ufeffid,at,")


def test_that_it_was_taken_is_recorded_and_is_part_of_it(world: World, ingrid: Client) -> None:
    (row,) = rows(ingrid.get(PAGE, {"about": "user", "what": str(world.admin.pk)}))

    assert (row["verb"], row["actor_name"]) == ("audit.exported", "ingrid")
    assert json.loads(row["detail"]) == {
        "form": "csv",
        "asked": {"about": "user", "object_id": str(world.admin.pk)},
    }


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "＝1"])
def test_no_name_becomes_a_formula(ingrid: Client, name: str) -> None:
    entry(name=name)

    (row,) = rows(ingrid.get(PAGE, {"verb": "machine.missing"}))

    assert row["object_name"] == f"'{name}"
    assert row["object_id"].isdigit()


def test_rows_are_read_in_many_short_questions(ingrid: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_chunks, "__kwdefaults__", {"size": 2})
    for _number in range(5):
        entry()

    assert len(rows(ingrid.get(PAGE, {"verb": "machine.missing"}))) == 5


@pytest.mark.parametrize("asked", [{"as": "xlsx"}, {"since": "whenever"}, {"what": "12"}, {"verb": "nothing.such"}])
def test_what_cannot_be_read_hands_out_nothing(ingrid: Client, asked: dict[str, str]) -> None:
    before = Entry.objects.count()

    assert ingrid.get(PAGE, asked).status_code == 422
    assert Entry.objects.count() == before


def test_programs_take_lines_of_json(admin: APIClient) -> None:
    made = entry()

    answer = admin.get(API, {"verb": "machine.missing"})

    (line,) = [json.loads(line) for line in text(answer).splitlines()]
    assert answer["Content-Type"] == "application/jsonl"
    assert line == admin.get(f"/api/v1/audit/{made.pk}/").json()


@pytest.mark.parametrize(("asked", "headers"), [({"format": "csv"}, {}), ({}, {"Accept": "text/csv"})])
def test_programs_take_csv_too(admin: APIClient, asked: dict[str, str], headers: dict[str, str]) -> None:
    entry()

    assert len(rows(admin.get(API, asked | {"verb": "machine.missing"}, headers=headers))) == 1


@pytest.mark.parametrize("asked", [{"format": "xlsx"}, {"object_id": "1"}, {"what": "x"}, {"since": "soon"}])
def test_wrong_filters_are_problems(admin: APIClient, asked: dict[str, str]) -> None:
    answer = admin.get(API, asked)

    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")


def test_only_the_house_takes_it(world: World, client: Client) -> None:
    client.force_login(world.owner)

    assert [client.get(url).status_code for url in (PAGE, API)] == [403, 403]
    assert not Entry.objects.filter(verb="audit.exported").exists()
