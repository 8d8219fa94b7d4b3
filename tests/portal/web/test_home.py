"""The home page: what needs me, my machines, what they cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.leases import actions as leases
from lifecycle.money.actions import draft
from lifecycle.requests import actions as requests
from tests.lifecycle.world import World

HOME = reverse("home")


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


def page_of(client: Client) -> Any:
    return client.get(HOME).context["page"]


def test_first_day_leads_to_the_first_order(client: Client) -> None:
    text = client.get(HOME).content.decode()

    assert "You hold no machines yet" in text
    assert reverse("order") in text


def test_what_ends_soon_and_what_is_stopped_need_me(client: Client, world: World) -> None:
    world.machine("far-off", last_day=world.day(80))
    world.machine("ends-soon", last_day=world.day(9))
    stopped = world.machine("stopped")
    leases.give_back(stopped.lease, by=world.owner)
    world.work_off()

    page = page_of(client)

    assert [row.machine.name for row in page.expiring] == ["ends-soon"]
    assert [row.machine.name for row in page.stopped] == ["stopped"]
    assert page.needs == 2


def test_held_machine_needs_nobody(client: Client, world: World) -> None:
    machine = world.machine("ends-soon", last_day=world.day(9))
    leases.hold(machine.lease, by=world.admin, reason="Kept")

    assert page_of(client).needs == 0
    assert "On hold" in client.get(HOME).content.decode()


def test_decisions_that_wait_for_me_come_first(client: Client, world: World) -> None:
    world.submit()
    client.force_login(world.approver)

    text = client.get(HOME).content.decode()

    assert "lena asks for" in text
    assert reverse("approval", args=[page_of(client).decisions[0].pk]) in text


def test_mine_and_the_teams_are_shown_and_no_others(client: Client, world: World) -> None:
    world.machine("mine")
    world.machine("ours", by=world.teammate, for_team=True)
    world.machine("theirs", by=world.teammate)

    assert {row.machine.name for row in page_of(client).shown} == {"mine", "ours"}


@pytest.mark.parametrize("view", ["timeline", "table", "made-up"])
def test_machines_show_as_time_line_or_table(client: Client, world: World, view: str) -> None:
    world.machine("mine")

    answer = client.get(HOME, {"view": view})

    assert answer.context["view"] == ("table" if view == "table" else "timeline")
    assert "mine" in answer.content.decode()


def test_costs_are_the_sum_of_their_days(client: Client, world: World) -> None:
    world.machine("mine", last_day=world.day(80))
    clock.move_to(clock.now() + timedelta(days=40))
    draft()

    page = page_of(client)

    assert page.cents_so_far == sum(cents for _day, cents in page.days) > 0
    assert page.cents_last_month > 0


def test_requests_under_way_say_what_they_wait_for(client: Client, world: World) -> None:
    world.submit("waits")
    requests.approve(world.submit("builds"), by=world.approver)

    text = client.get(HOME).content.decode()

    assert "Waits for tomasz." in text
    assert "Building" in text


@pytest.mark.parametrize("rows", [1, 3])
def test_home_costs_the_same_for_one_machine_as_for_three(
    client: Client, world: World, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        world.machine(f"machine-{number}")
        world.submit(f"asked-{number}")
    client.get(HOME)

    with django_assert_num_queries(17):
        assert len(client.get(HOME).context["page"].shown) == rows
