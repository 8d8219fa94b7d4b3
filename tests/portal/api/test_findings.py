"""Findings and the overview for programs: the pages' own filters and numbers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.sprawl.models import Kind, WasteDay
from tests.lifecycle.factories import make_finding, make_machine
from tests.lifecycle.world import World

FINDINGS, SPRAWL = "/api/v1/findings/", "/api/v1/sprawl/"


@pytest.fixture
def admin(world: World) -> APIClient:
    cache.clear()
    client = APIClient()
    client.force_authenticate(world.admin)
    return client


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.data
    return [row["id"] for row in answer.data["results"]]


def test_the_filters_of_the_page(admin: APIClient, world: World) -> None:
    make_finding(kind=Kind.GHOST, cents_per_month=10)
    one = make_finding(
        make_machine("wanted", holder=world.owner, endpoint=world.endpoint), Kind.IDLE, cents_per_month=5000,
        confidence=2, since=clock.now() - timedelta(days=40),
    )  # fmt: skip

    each: list[dict[str, Any]] = [
        {"kind": "idle"}, {"endpoint": world.endpoint.pk}, {"team": world.owner.team_id}, {"holder": "lena"},
        {"confidence": "likely"}, {"age": "quarter"}, {"min_cents": 5000}, {"q": "wanted"},
    ]  # fmt: skip
    for asked in each:
        assert ids(admin.get(FINDINGS, asked)) == [one.pk], asked


@pytest.mark.parametrize("asked", [{"kind": "x"}, {"team": "x"}, {"sort": "name"}, {"typo": "1"}, {"endpoint": "0"}])
def test_what_cannot_be_read_is_refused(admin: APIClient, asked: dict[str, str]) -> None:
    assert admin.get(FINDINGS, asked).status_code == 422


def test_one_finding(admin: APIClient, world: World) -> None:
    machine = make_machine("wanted", holder=world.owner, endpoint=world.endpoint)
    finding = make_finding(machine, evidence=[{"what": "note", "value": "x"}], saves_cents=7)

    shown = admin.get(f"{FINDINGS}{finding.pk}/").data

    assert shown["subject"] == {
        "type": "machine", "id": machine.pk, "name": "wanted", "endpoint": {"id": world.endpoint.pk, "name": "Hamburg"}
    }  # fmt: skip
    assert (shown["confidence"], shown["saves_cents"], shown["counts"]) == ("certain", 7, True)


def test_the_overview_adds_up(admin: APIClient, world: World) -> None:
    make_finding(make_machine(holder=world.owner), saves_cents=100)
    make_finding(kind=Kind.ORPHAN, saves_cents=30)
    WasteDay.objects.create(
        day=clock.now().date(), endpoint=world.endpoint, kind=Kind.IDLE, findings=1, saves_cents=5, vcpus=0,
        memory_mib=0, disk_mib=0,
    )  # fmt: skip

    shown = admin.get(SPRAWL).data

    assert shown["all"]["saves_cents"] == 130
    for name in ("kinds", "teams", "ages", "endpoints"):
        assert sum(row["saves_cents"] for row in shown[name]) == 130, name
    assert [row["kind"] for row in shown["kinds"]] == ["idle", "orphan"]
    assert [row["name"] for row in shown["teams"]] == [world.owner.team.name if world.owner.team else "", ""]
    assert [row["saves_cents"] for row in shown["trend"]] == [5]


def test_who_supervises_hears_of_their_line_only(world: World) -> None:
    cache.clear()
    make_finding(make_machine(holder=world.owner), saves_cents=100)
    make_finding(kind=Kind.ORPHAN, saves_cents=30)
    client = APIClient()
    client.force_authenticate(world.approver)

    shown = client.get(SPRAWL).data

    assert (shown["all"]["saves_cents"], shown["trend"]) == (100, [])
    client.force_authenticate(world.stranger)
    assert client.get(SPRAWL).status_code == 403
