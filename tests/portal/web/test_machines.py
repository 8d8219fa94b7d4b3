"""Machines: who finds them, and what may be done with one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from lifecycle import clock
from lifecycle.estate.models import Endpoint, Machine
from lifecycle.leases import actions as leases
from lifecycle.operations.models import Operation
from tests.lifecycle.factories import make_machine
from tests.lifecycle.world import World

LIST = reverse("machines")
SHUT_DOWN = {"do": "shut_down"}


def at(machine: Machine, name: str = "machine") -> str:
    return reverse(name, args=[machine.pk])


def text_of(client: Client, machine: Machine, name: str = "machine") -> str:
    return client.get(at(machine, name)).content.decode()


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine()


@pytest.fixture
def client(client: Client, world: World) -> Client:
    client.force_login(world.owner)
    return client


def names(client: Client, **chosen: str) -> list[str]:
    return [row.machine.name for row in client.get(LIST, chosen).context["rows"]]


def test_list_is_sorted_by_the_next_date(client: Client, world: World) -> None:
    world.machine("late", last_day=world.day(60))
    world.machine("early", last_day=world.day(20))

    assert names(client) == ["early", "late"]


def test_list_is_narrowed_by_words_stage_and_whose(client: Client, world: World) -> None:
    world.machine("mine")
    world.machine("ours", for_team=True)
    world.machine("theirs", by=world.teammate)

    assert set(names(client)) == {"mine", "ours"}
    assert names(client, q="our") == ["ours"]
    assert names(client, whose="mine") == ["mine"]
    assert names(client, whose="team") == ["ours"]
    assert names(client, stage="building") == []
    assert "No machine matches" in client.get(LIST, {"q": "nothing"}).content.decode()


def test_damaged_page_address_is_refused(client: Client, machine: Machine) -> None:
    assert client.get(LIST, {"page": "made-up"}).status_code == 422


def test_text_from_the_hypervisor_is_shown_as_text(client: Client, world: World) -> None:
    hostile = "<script>alert(1)</script>" + "x" * 500
    machine = make_machine(hostile[:255], holder=world.owner, guest_name=hostile[:255], note=hostile)

    for text in (text_of(client, machine), client.get(LIST).content.decode()):
        assert "<script>alert" not in text
        assert "x" * 450 not in text


def test_page_tells_lease_cost_addresses_and_history(client: Client, world: World, machine: Machine) -> None:
    clock.move_to(clock.now() + timedelta(hours=5))
    machine.refresh_from_db()

    text = text_of(client, machine)

    for words in ("Stops on", "Per month, always on", "€36.00", "General", str(machine.uuid), "lena asked for"):
        assert words in text
    assert machine.addresses[0] in text


@pytest.mark.parametrize("name", ["machine", "machine-live", "machine-extend", "machine-give-back", "machine-hold"])
def test_stranger_finds_nothing(client: Client, world: World, machine: Machine, name: str) -> None:
    client.force_login(world.stranger)

    assert client.get(at(machine, name)).status_code == 404


@pytest.mark.parametrize("name", ["power", "extend", "give-back", "restore", "hold", "release"])
def test_stranger_changes_nothing(client: Client, world: World, machine: Machine, name: str) -> None:
    client.force_login(world.stranger)
    before = Operation.objects.count()

    assert client.post(at(machine, f"machine-{name}"), SHUT_DOWN).status_code == 404
    assert Operation.objects.count() == before


@pytest.mark.parametrize("name", ["power", "give-back", "restore"])
def test_supervisor_looks_and_changes_nothing(client: Client, world: World, machine: Machine, name: str) -> None:
    client.force_login(world.approver)
    before = Operation.objects.count()

    assert client.get(at(machine)).status_code == 200
    assert client.post(at(machine, f"machine-{name}"), SHUT_DOWN).status_code == 403
    assert Operation.objects.count() == before


def test_teammate_works_with_a_machine_of_the_team(client: Client, world: World) -> None:
    machine = world.machine("ours", for_team=True)
    client.force_login(world.teammate)

    assert client.post(at(machine, "machine-power"), SHUT_DOWN).status_code == 302


@pytest.mark.parametrize("name", ["power", "restore", "release"])
def test_state_changes_only_by_post(client: Client, machine: Machine, name: str) -> None:
    assert client.get(at(machine, f"machine-{name}")).status_code == 405


def test_power_is_watched_until_it_is_done(client: Client, world: World, machine: Machine) -> None:
    assert client.post(at(machine, "machine-power"), SHUT_DOWN).headers["Location"] == at(machine)
    assert 'hx-trigger="every 2s"' in text_of(client, machine)

    world.work_off()

    live = text_of(client, machine, "machine-live")
    assert "hx-trigger" not in live
    assert "Off" in live


def test_two_presses_are_one_operation(client: Client, machine: Machine) -> None:
    for _ in range(2):
        assert client.post(at(machine, "machine-power"), SHUT_DOWN).status_code == 302

    assert Operation.objects.filter(kind="shutdown").count() == 1


def test_conflict_is_shown_on_the_machine_itself(client: Client, world: World, machine: Machine) -> None:
    answer = client.post(at(machine, "machine-power"), {"do": "start"})

    assert answer.status_code == 409
    assert "churn-scoring is running already." in answer.content.decode()


def test_unknown_verb_is_not_found(client: Client, machine: Machine) -> None:
    assert client.post(at(machine, "machine-power"), {"do": "explode"}).status_code == 404


def test_extending_moves_the_end(client: Client, world: World, machine: Machine) -> None:
    assert client.get(at(machine, "machine-extend")).status_code == 200

    client.post(at(machine, "machine-extend"), {"last_day": world.day(60)})

    machine.lease.refresh_from_db()
    assert machine.lease.ends_at.astimezone(world.owner.tz).date() == world.day(60)


@pytest.mark.parametrize("last_day", ["2001-01-01", "9000-01-01", "whenever", ""])
def test_extending_to_a_wrong_day_keeps_the_question_and_the_end(
    client: Client, machine: Machine, last_day: str
) -> None:
    answer = client.post(at(machine, "machine-extend"), {"last_day": last_day})

    before = machine.lease.ends_at
    machine.lease.refresh_from_db()
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["last_day"])
    assert machine.lease.ends_at == before


def test_giving_back_asks_first_then_stops_it(client: Client, world: World, machine: Machine) -> None:
    assert "restore it for 7 days" in text_of(client, machine, "machine-give-back")

    client.post(at(machine, "machine-give-back"))
    world.work_off()

    assert "Restore for 7 days" in text_of(client, machine)


def test_stopped_machine_comes_back_with_one_press(client: Client, world: World, machine: Machine) -> None:
    leases.give_back(machine.lease, by=world.owner)
    world.work_off()

    assert client.post(at(machine, "machine-restore")).headers["Location"] == at(machine)
    world.work_off()

    machine.refresh_from_db()
    assert (machine.stage, machine.power) == ("active", "on")


def test_restoring_what_runs_is_a_conflict_on_the_page(client: Client, machine: Machine) -> None:
    answer = client.post(at(machine, "machine-restore"))

    assert answer.status_code == 409
    assert "there is nothing to restore" in answer.content.decode()


def test_admin_holds_with_a_reason_and_releases(client: Client, world: World, machine: Machine) -> None:
    client.force_login(world.admin)

    assert client.post(at(machine, "machine-hold"), {}).status_code == 422
    client.post(at(machine, "machine-hold"), {"reason": "Evidence is kept."})
    assert "Evidence is kept." in text_of(client, machine)
    assert client.post(at(machine, "machine-hold"), {"reason": "Again"}).status_code == 409
    client.post(at(machine, "machine-release"))

    machine.lease.refresh_from_db()
    assert machine.lease.held_at is None


@pytest.mark.parametrize("name", ["hold", "release"])
def test_only_admins_hold(client: Client, machine: Machine, name: str) -> None:
    assert client.post(at(machine, f"machine-{name}"), {"reason": "Mine"}).status_code == 403


def test_missing_machine_and_watched_endpoint_are_said(client: Client, world: World, machine: Machine) -> None:
    Machine.objects.filter(pk=machine.pk).update(missing_since=clock.now())
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE, failing_since=clock.now())

    text = text_of(client, machine)

    for words in ("no longer shows this machine", "is only watched", "does not answer since"):
        assert words in text


def test_machine_that_nobody_holds_opens_for_admins(client: Client, world: World) -> None:
    machine = make_machine("found")
    client.force_login(world.admin)

    assert "Nobody holds this machine" in text_of(client, machine)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_for_one_row_as_for_three(
    client: Client, world: World, django_assert_num_queries: Any, rows: int
) -> None:
    for number in range(rows):
        world.machine(f"machine-{number}")
    client.get(LIST)

    with django_assert_num_queries(14):
        assert len(client.get(LIST).context["rows"]) == rows


def test_machine_past_its_end_says_that_it_runs_on_until_its_holder_was_warned(
    client: Client, world: World, machine: Machine
) -> None:
    clock.move_to(machine.lease.ends_at + timedelta(hours=1))

    assert "Nobody was warned a day before" in text_of(client, machine)
    assert "Due " in client.get(LIST).content.decode()
