"""Costs over the API: lines add up to statements, and open down to the seconds behind them."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from rest_framework.test import APIClient

from lifecycle import clock
from lifecycle.models import Machine
from lifecycle.money.actions import draft
from tests.lifecycle.world import World
from tests.portal.api.answers import fine
from tests.portal.api.conftest import Clients


@pytest.fixture
def machine(world: World) -> Machine:
    """Held for two days, and drafted."""
    machine = world.machine()
    clock.move_to(clock.now() + timedelta(days=2))
    draft()
    return machine


def test_a_line_is_recomputed_to_the_cent_from_what_it_is_opened_to(machine: Machine, owner: APIClient) -> None:
    lines = fine(owner.get("/api/v1/lines/"))["results"]
    assert {line["meter"] for line in lines} == {"vcpu", "memory_mib", "disk_mib"}

    for line in lines:
        opened = fine(owner.get(f"/api/v1/lines/{line['id']}/why/"))
        seconds = sum(part["seconds"] * part["quantity"] for part in opened["parts"])
        exact = Fraction(seconds * opened["micros"], opened["per"] * opened["month_seconds"] * 10_000)
        assert int(exact + Fraction(1, 2)) == line["cents"] == opened["cents"] == opened["recomputed_cents"]
        assert opened["agrees"] and all(part["agrees"] for part in opened["parts"])


def test_statements_are_sums_of_the_same_lines(world: World, machine: Machine, client_of: Clients) -> None:
    owner, approver = client_of("owner"), client_of("approver")
    months = fine(owner.get("/api/v1/costs/months/"))
    centre = world.owner.cost_centre_id
    assert fine(approver.get(f"/api/v1/cost-centres/{centre}/months/")) == months

    for each in months:
        lines = fine(owner.get(f"/api/v1/lines/?month={each['month']}"))["results"]
        mine = fine(owner.get(f"/api/v1/costs/?month={each['month']}"))
        theirs = fine(approver.get(f"/api/v1/cost-centres/{centre}/statements/{each['month']}/"))
        assert each["cents"] == mine["cents"] == theirs["cents"] == sum(line["cents"] for line in lines) > 0
        assert (mine["payer"], theirs["payer"]) == ("lena", "4120 Data Platform")
        assert mine["machines"] == theirs["machines"]


def test_lines_are_filtered_by_machine_and_month(machine: Machine, owner: APIClient) -> None:
    assert fine(owner.get("/api/v1/lines/?month=2001-01"))["results"] == []
    assert fine(owner.get(f"/api/v1/lines/?machine={machine.pk}"))["results"]
    assert fine(owner.get("/api/v1/costs/?month=2001-01"))["cents"] == 0


def test_lines_page_by_month(machine: Machine, owner: APIClient) -> None:
    first = fine(owner.get("/api/v1/lines/?page_size=2"))
    rest = fine(owner.get(first["next"]))

    every = fine(owner.get("/api/v1/lines/"))["results"]
    assert [*first["results"], *rest["results"]][: len(every)] == every[: 2 + len(rest["results"])]


def test_cost_centres_are_seen_by_who_answers_for_them(world: World, machine: Machine, client_of: Clients) -> None:
    seen = {
        role: len(fine(client_of(role).get("/api/v1/cost-centres/"))["results"])
        for role in ("owner", "approver", "admin")
    }

    assert seen == {"owner": 0, "approver": 1, "admin": 3}
