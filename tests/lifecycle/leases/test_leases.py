"""What holders do to leases: extend, give back, restore; who may, within which limits, and what happens twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Machine, Span
from lifecycle.leases import actions, clockwork
from lifecycle.leases.models import Lease
from lifecycle.operations.models import Operation
from tests.lifecycle.world import World


def fresh(machine: Machine) -> Lease:
    return Lease.objects.select_related("machine__endpoint", "machine__holder", "machine__team").get(machine=machine)


def test_extension_moves_the_end_and_the_date_on_the_machine_itself(world: World) -> None:
    machine = world.machine()

    actions.extend(fresh(machine), last_day=world.day(60), by=world.owner)
    world.work_off()

    lease = fresh(machine)
    assert lease.ends_at.date() == world.day(60)
    assert lease.machine.next_at == lease.ends_at
    assert world.native()[0]["fields"]["leasehold.ends_on"] == world.day(60).isoformat()
    assert Entry.objects.filter(verb="lease.extended", actor_id=world.owner.pk).exists()


@pytest.mark.parametrize("days", [-1, 0, 91, 4000])
def test_extension_outside_the_terms_is_refused_and_changes_nothing(world: World, days: int) -> None:
    machine = world.machine(last_day=world.day(10))
    before = fresh(machine).ends_at
    clock.move_to(before - timedelta(days=1) + timedelta(minutes=1))
    day = (before - timedelta(days=1)).date() if days <= 0 else world.day(days)

    with pytest.raises(Invalid):
        actions.extend(fresh(machine), last_day=day, by=world.owner)

    assert fresh(machine).ends_at == before


def test_extension_to_the_very_last_day_of_the_cap_is_allowed(world: World) -> None:
    machine = world.machine()
    lease = fresh(machine)

    last = actions.last_day_within(lease.latest_end, actions.end_of(world.day(1), world.owner.tz))
    actions.extend(lease, last_day=last, by=world.owner)

    assert fresh(machine).ends_at <= lease.latest_end


@pytest.mark.parametrize(
    ("who", "allowed"), [("owner", True), ("teammate", False), ("stranger", False), ("admin", True)]
)
def test_extension_is_for_the_holder(world: World, who: str, allowed: bool) -> None:
    machine = world.machine()

    if allowed:
        actions.extend(fresh(machine), last_day=world.day(60), by=getattr(world, who))
    else:
        with pytest.raises(Forbidden):
            actions.extend(fresh(machine), last_day=world.day(60), by=getattr(world, who))


def test_team_mates_extend_what_the_team_holds(world: World) -> None:
    machine = world.machine(for_team=True)

    actions.extend(fresh(machine), last_day=world.day(60), by=world.teammate)

    assert fresh(machine).extensions == 1


def test_second_extension_from_the_same_page_is_a_conflict(world: World) -> None:
    machine = world.machine()
    seen_by_one, seen_by_other = fresh(machine), fresh(machine)
    actions.extend(seen_by_one, last_day=world.day(60), by=world.owner)

    with pytest.raises(Conflict):
        actions.extend(seen_by_other, last_day=world.day(70), by=world.owner)

    assert fresh(machine).ends_at.date() == world.day(60)


def test_extension_while_the_machine_is_being_stopped_brings_it_back(world: World) -> None:
    machine = world.machine()
    lease = fresh(machine)
    actions.give_back(lease, by=world.owner)

    actions.extend(fresh(machine), last_day=world.day(20), by=world.owner)
    world.work_off()

    machine.refresh_from_db()
    assert (machine.stage, machine.power) == ("active", "on")
    assert Operation.objects.filter(kind="shutdown", state="cancelled").count() == 1


def test_extension_after_the_stop_has_begun_starts_it_again(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)
    Operation.objects.filter(kind="shutdown").update(started_at=clock.now(), state="running")

    actions.extend(fresh(machine), last_day=world.day(20), by=world.owner)
    world.work_off()

    machine.refresh_from_db()
    assert (machine.stage, machine.power) == ("active", "on")
    assert (
        not Span.objects.filter(machine=machine, ended_at=None)
        .exclude(meter__in=["vcpu", "memory_mib", "disk_mib"])
        .exists()
    )
    assert Span.objects.filter(machine=machine, ended_at=None).count() == 3


def test_giving_back_twice_is_told(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)

    with pytest.raises(Conflict):
        actions.give_back(fresh(machine), by=world.owner)


def test_restore_opens_new_spans_so_that_nothing_runs_free(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)
    world.work_off()
    assert Span.objects.filter(machine=machine, ended_at=None).count() == 1

    actions.restore(fresh(machine), by=world.owner)
    world.work_off()

    assert Span.objects.filter(machine=machine, ended_at=None).count() == 3


def test_restore_past_the_cap_works_once_for_the_holder(world: World) -> None:
    machine = world.machine()
    Lease.objects.update(
        started_at=clock.now() - timedelta(days=100), latest_end=clock.now() + timedelta(days=30, hours=23)
    )
    clock.move_to(clock.now() + timedelta(days=29))
    for _ in range(2):
        lease = fresh(machine)
        actions.give_back(lease, by=world.owner)
        world.work_off()
        if not fresh(machine).past_cap:
            actions.restore(fresh(machine), by=world.owner)
            world.work_off()
    clock.move_to(clock.now() + timedelta(days=1))

    with pytest.raises(Forbidden):
        actions.restore(fresh(machine), by=world.owner)
    actions.restore(fresh(machine), by=world.admin)


def test_restore_is_impossible_once_the_machine_is_removed(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)
    world.work_off()
    world.move_to(fresh(machine).remove_at)

    with pytest.raises(Conflict):
        actions.restore(fresh(machine), by=world.owner)


def test_hold_stops_the_clock_and_releasing_it_leaves_a_day(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)
    world.work_off()
    actions.hold(fresh(machine), by=world.admin, reason="Evidence for legal")
    remove_at = fresh(machine).remove_at
    assert remove_at is not None
    world.move_to(remove_at + timedelta(days=30))
    assert len(world.native()) == 1

    actions.release_hold(fresh(machine), by=world.admin)
    world.tick()
    assert len(world.native()) == 1

    world.move_to(clock.now() + timedelta(days=1, minutes=1))
    assert world.native() == []


def test_hold_is_for_administrators_and_needs_a_reason(world: World) -> None:
    machine = world.machine()

    with pytest.raises(Forbidden):
        actions.hold(fresh(machine), by=world.owner, reason="mine")
    with pytest.raises(Invalid):
        actions.hold(fresh(machine), by=world.admin, reason=" ")


def test_hold_takes_a_removal_back_that_has_not_begun(world: World) -> None:
    machine = world.machine()
    actions.give_back(fresh(machine), by=world.owner)
    world.work_off()
    remove_at = fresh(machine).remove_at
    assert remove_at is not None
    actions_before = Operation.objects.count()
    clock.move_to(remove_at)
    clockwork.advance()
    assert Operation.objects.count() == actions_before + 1

    actions.hold(fresh(machine), by=world.admin, reason="Wait")
    world.work_off()

    machine.refresh_from_db()
    assert machine.stage == "quarantined"
    assert len(world.native()) == 1
