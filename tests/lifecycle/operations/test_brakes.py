"""What holds work back: observe mode, the pause, the blast radius, and scans that are too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden
from lifecycle.estate.models import Endpoint, Machine
from lifecycle.leases.models import Lease
from lifecycle.operations import power
from lifecycle.operations.actions import clear, pause, resume
from lifecycle.operations.models import Operation
from lifecycle.requests import actions as requests
from tests.lifecycle.world import World


def changing_calls(world: World) -> int:
    return sum(call["changing"] for call in world.dc.calls())


def release_all() -> None:
    Operation.objects.filter(state="waiting").update(waits_for="", next_try_at=datetime(2020, 1, 1, tzinfo=UTC))


def due_for_removal(world: World, *names: str) -> list[Machine]:
    """Stopped machines whose grace is over."""
    machines = [world.machine(name) for name in names]
    world.move_to(machines[-1].lease.ends_at - timedelta(days=3))
    world.move_to(machines[-1].lease.ends_at)
    world.move_to(Lease.objects.order_by("remove_at").last().remove_at)  # type: ignore[union-attr]
    return machines


def test_observe_mode_makes_no_changing_call_whatever_is_pressed(world: World) -> None:
    machine = world.machine()
    Endpoint.objects.update(mode="observe")
    before = changing_calls(world)

    power.restart(machine, by=world.owner)
    requests.approve(world.submit("another"), by=world.approver)
    world.work_off()

    assert changing_calls(world) == before
    assert set(Operation.objects.filter(state="waiting").values_list("waits_for", flat=True)) == {"observe"}


def test_observe_mode_stops_work_that_has_begun(world: World) -> None:
    request = requests.approve(world.submit(), by=world.approver)
    world.dc.set_durations(60)
    world.work_off(rounds=3)
    Endpoint.objects.update(mode="observe")
    before = changing_calls(world)
    world.dc.set_durations(0)

    world.work_off(rounds=5)

    assert changing_calls(world) == before
    assert Operation.objects.get(machine=request.machine).waits_for == "observe"


def test_pause_holds_a_removal_back_until_it_is_released(world: World) -> None:
    machine = world.machine()
    world.move_to(machine.lease.ends_at - timedelta(days=3))
    world.move_to(machine.lease.ends_at)
    pause(by=world.admin, reason="Storage is being moved")

    world.move_to(Machine.objects.get().lease.remove_at)
    assert len(world.native()) == 1
    assert Operation.objects.get(kind="remove").waits_for == "paused"

    resume(by=world.admin)
    release_all()
    world.work_off()
    assert world.native() == []


def test_pause_is_for_administrators(world: World) -> None:
    with pytest.raises(Forbidden):
        pause(by=world.approver, reason="I say so")


def test_pausing_twice_is_told(world: World) -> None:
    pause(by=world.admin, reason="First")
    with pytest.raises(Conflict):
        pause(by=world.admin, reason="Second")


def test_blast_radius_holds_the_second_removal_of_an_hour_back(world: World) -> None:
    Endpoint.objects.update(blast_count=1, blast_percent=100)

    due_for_removal(world, "first", "second")

    assert len(world.native()) == 1
    assert Operation.objects.get(kind="remove", state="waiting").waits_for == "blast_radius"


def test_blast_radius_lets_the_next_pass_an_hour_later(world: World) -> None:
    Endpoint.objects.update(blast_count=1, blast_percent=100)
    due_for_removal(world, "first", "second")

    clock.move_to(clock.now() + timedelta(minutes=61))
    release_all()
    world.work_off()

    assert world.native() == []


def test_blast_radius_passes_with_an_admins_word(world: World) -> None:
    Endpoint.objects.update(blast_count=1, blast_percent=100)
    due_for_removal(world, "first", "second")
    held = Operation.objects.get(kind="remove", state="waiting")

    with pytest.raises(Forbidden):
        clear(held, by=world.owner, reason="Please")
    clear(held, by=world.admin, reason="Looked at both")
    release_all()
    world.work_off()

    assert world.native() == []


def test_blast_radius_counts_a_percentage_of_the_endpoint(world: World) -> None:
    Endpoint.objects.update(blast_count=100, blast_percent=50)

    due_for_removal(world, "first", "second", "third")

    assert len(world.native()) == 2


def test_removal_waits_for_a_fresh_complete_scan(world: World) -> None:
    Endpoint.objects.update(scanned_at=datetime.now(UTC) - timedelta(hours=2))

    due_for_removal(world, "first")

    assert Operation.objects.get(kind="remove").waits_for == "scan"
    assert len(world.native()) == 1
