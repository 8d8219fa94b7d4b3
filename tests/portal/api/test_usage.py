"""What a machine used, by the API."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Machine, UsageDay, UsageHour
from tests.lifecycle.world import World
from tests.portal.api.answers import fine, problem
from tests.portal.api.conftest import Clients

DAY = {
    "hours": 24, "quiet_hours": 3, "cpu_milli": 900, "cpu_p95_milli": 1500, "cpu_top_milli": 1900,
    "memory_p95_mib": None, "memory_top_mib": None, "io_kib_s": 7, "net_kib_s": 8,
}  # fmt: skip


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine("kafka")


@pytest.fixture
def address(machine: Machine) -> str:
    return f"/api/v1/machines/{machine.pk}/usage/"


def ago(days: int) -> date:
    return clock.now().astimezone(UTC).date() - timedelta(days=days)


def make_days(machine: Machine, *days_ago: int) -> None:
    UsageDay.objects.bulk_create(UsageDay(machine=machine, day=ago(days), **DAY) for days in days_ago)


def test_days_are_told_oldest_first(machine: Machine, owner: APIClient, address: str) -> None:
    make_days(machine, 0, 29, 30, 1)

    answer = fine(owner.get(address))
    assert [day["day"] for day in answer] == [str(ago(29)), str(ago(1)), str(ago(0))]
    assert answer[0] == DAY | {"day": str(ago(29))}


def test_both_ends_are_included(machine: Machine, owner: APIClient, address: str) -> None:
    make_days(machine, *range(40, 60))

    found = fine(owner.get(address, {"from": str(ago(50)), "to": str(ago(48))}))
    assert [day["day"] for day in found] == [str(ago(50)), str(ago(49)), str(ago(48))]
    assert len(fine(owner.get(address, {"to": str(ago(48))}))) == 12


def test_hours_are_told_of_a_week(machine: Machine, owner: APIClient, address: str) -> None:
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    UsageHour.objects.bulk_create(
        UsageHour(machine=machine, hour=now - timedelta(hours=hours), seconds=300, cpu_ms=hours)
        for hours in (0, 1, 24 * 9)
    )

    answer = fine(owner.get(address, {"by": "hour"}))
    assert [hour["cpu_ms"] for hour in answer] == [1, 0]
    assert answer[0].keys() == {"hour", "seconds", "cpu_ms", "memory_mib", "io_kib", "net_kib"}


def test_a_machine_without_history_tells_nothing(owner: APIClient, address: str) -> None:
    assert fine(owner.get(address)) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2024-01-01", "to": "2026-01-01"},
        {"by": "hour", "from": "2026-11-01", "to": "2026-11-20"},
        {"by": "minute"},
        {"from": "yesterday"},
        {"since": "2026-11-01"},
    ],
    ids=str,
)
def test_what_cannot_be_answered_is_refused(owner: APIClient, address: str, asked: dict[str, str]) -> None:
    problem(owner.get(address, asked), 422)


def test_strangers_see_nothing(machine: Machine, client_of: Clients, address: str) -> None:
    make_days(machine, 1)

    problem(client_of("stranger").get(address), 404)
