"""Findings as a file: whole, safe for spreadsheets, only what somebody sees, and itself recorded."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Entry
from lifecycle.sprawl import reports
from lifecycle.sprawl.models import Exemption, Finding, Kind
from portal import spreadsheets
from tests.lifecycle.factories import make_finding, make_image, make_machine
from tests.lifecycle.world import World

PAGE, API = "/findings/export/", "/api/v1/findings/export/"
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture
def ingrid(world: World, client: Client) -> Client:
    client.force_login(world.admin)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def rows_of(answer: Any) -> list[dict[str, str]]:
    text = text_of(answer)
    assert text.startswith(spreadsheets.MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(spreadsheets.MARK))))


def test_all_that_the_filters_show_whatever_page_they_are_on(ingrid: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 7)
    idle = {make_finding(make_machine(f"vm-{number}"), Kind.IDLE).pk for number in range(60)}
    make_finding(kind=Kind.OVERSIZED)

    assert {int(row["id"]) for row in rows_of(ingrid.get(PAGE, {"kind": "idle"}))} == idle
    lines = text_of(ingrid.get(PAGE, {"kind": "idle", "as": "jsonl"})).splitlines()
    assert {json.loads(line)["id"] for line in lines} == idle


def test_each_chunk_is_a_query_of_its_own(
    ingrid: Client, world: World, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(reports, "CHUNK", 10)
    for number in range(25):
        make_finding(make_machine(f"vm-{number}"))
    chunks = reports.hand_out(reports.Wanted(), form="csv", asked={}, by=world.admin)

    # Ids and rows of three chunks, and the ids that there are none of any more.
    with django_assert_num_queries(7):
        assert [len(chunk) for chunk in chunks] == [10, 10, 5]


def test_formulas_and_hostile_names_stay_text(ingrid: Client, world: World) -> None:
    finding = make_finding(make_machine(FORMULA), evidence=[{"what": "note", "value": 'a\r\nb,"c"'}])
    now = clock.now()
    finding.exemption = Exemption.objects.create(
        machine=finding.machine, reason="@SUM(A1)", by=world.admin, at=now, ends_at=now + timedelta(days=9)
    )
    finding.save()

    (row,) = rows_of(ingrid.get(PAGE, {"exempt": "only"}))

    assert row["name"] == f"'{FORMULA}"
    assert row["exempt_reason"] == "'@SUM(A1)"
    (line,) = text_of(ingrid.get(PAGE, {"exempt": "only", "as": "jsonl"})).splitlines()
    assert json.loads(line)["name"] == FORMULA


def test_figures_are_figures(ingrid: Client) -> None:
    make_finding(image=make_image(name="old", disk_mib=8192), kind=Kind.IMAGE, saves_cents=123, disk_mib=8192)

    (row,) = rows_of(ingrid.get(PAGE))

    assert (row["subject"], row["saves_cents"], row["disk_mib"], row["counts"]) == ("image", "123", "8192", "True")


def test_everybody_takes_only_what_they_see(client: Client, world: World) -> None:
    make_finding(make_machine("stray"), Kind.ORPHAN)
    make_finding(make_machine("lena-s", holder=world.owner))
    taken = {}
    for person in (world.owner, world.stranger, world.approver, world.admin):
        client.force_login(person)
        taken[person.username] = sorted(row["name"] for row in rows_of(client.get(PAGE)))

    assert taken == {"lena": ["lena-s"], "jonas": [], "tomasz": ["lena-s"], "ingrid": ["lena-s", "stray"]}


def test_it_is_recorded_who_took_what(ingrid: Client, world: World) -> None:
    make_finding()

    text_of(ingrid.get(PAGE, {"kind": "idle", "min": "0"}))

    entry = Entry.objects.get(verb="findings.exported")
    assert (entry.actor_id, entry.detail) == (world.admin.pk, {"form": "csv", "asked": {"kind": "idle"}})


def test_a_filter_that_cannot_be_read_hands_out_nothing(ingrid: Client) -> None:
    make_finding()

    assert ingrid.get(PAGE, {"kind": "nonsense"}).status_code == 422
    assert ingrid.get(PAGE, {"as": "xlsx"}).status_code == 422
    assert not Entry.objects.filter(verb="findings.exported").exists()


def test_programs_take_the_same(world: World) -> None:
    client = APIClient()
    client.force_authenticate(world.admin)
    make_finding(kind=Kind.GHOST)
    make_finding(kind=Kind.IDLE)

    (line,) = text_of(client.get(API, {"kind": "ghost", "format": "jsonl"})).splitlines()
    (row,) = rows_of(client.get(API, {"kind": "idle"}, headers={"Accept": "text/csv"}))

    assert (json.loads(line)["kind"], row["kind"]) == ("ghost", "idle")


def test_what_opens_meanwhile_does_no_harm(ingrid: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CHUNK", 2)
    for _number in range(4):
        make_finding()
    answer: Any = ingrid.get(PAGE, {"as": "jsonl"})
    stream = answer.streaming_content

    first = next(iter(stream))
    Finding.objects.filter(pk=Finding.objects.latest("pk").pk).update(ended_at=clock.now())
    rest = b"".join(stream)

    assert len((first + rest).splitlines()) == 3
