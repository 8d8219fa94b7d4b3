"""What the clock does: warnings, stops and removals; none lost, none early, none twice."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from django.core import mail

from lifecycle import clock
from lifecycle.estate.models import Machine
from lifecycle.leases import clockwork
from lifecycle.leases.models import Lease
from lifecycle.leases.queries import next_due, shown_stage, timeline
from lifecycle.notices.models import Notice
from lifecycle.operations.models import Operation
from tests.lifecycle.world import World


def warnings() -> list[str]:
    return list(Notice.objects.filter(kind="lease_ends").values_list("key", flat=True))


def test_each_warning_leaves_once_on_its_day(world: World) -> None:
    lease = world.machine().lease

    for hours in range(24 * 15, 0, -6):
        world.move_to(lease.ends_at - timedelta(hours=hours))

    assert len(warnings()) == 4
    assert len([m for m in mail.outbox if "stops on" in m.subject]) == 4


def test_missed_runs_lose_no_warning_and_stop_nothing_unwarned(world: World) -> None:
    lease = world.machine().lease

    world.move_to(lease.ends_at + timedelta(days=3))
    machine = Machine.objects.get()
    assert machine.stage == "active"
    assert len(warnings()) == 1

    world.move_to(clock.now() + timedelta(hours=23))
    assert Machine.objects.get().stage == "active"

    world.move_to(clock.now() + timedelta(hours=2))
    assert Machine.objects.get().stage == "quarantined"


def test_mail_that_cannot_leave_stops_no_machine(world: World, settings: object) -> None:
    lease = world.machine().lease
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_PORT = 1  # type: ignore[attr-defined]

    world.move_to(lease.ends_at - timedelta(days=3))
    world.move_to(lease.ends_at + timedelta(days=2))

    assert Machine.objects.get().stage == "active"
    assert Notice.objects.filter(kind="lease_ends", sent_at=None).exists()


def test_end_at_short_notice_needs_no_day_of_warning(world: World) -> None:
    machine = world.machine(last_day=world.day(1))

    world.move_to(machine.lease.ends_at)

    assert Machine.objects.get().stage == "quarantined"


def test_nothing_happens_a_second_before_the_end(world: World) -> None:
    lease = world.machine().lease
    world.move_to(lease.ends_at - timedelta(days=3))

    clockwork.advance(now=lease.ends_at - timedelta(seconds=1))
    assert Machine.objects.get().stage == "active"

    clockwork.advance(now=lease.ends_at)
    assert Machine.objects.get().stage == "expired"


def test_running_twice_does_everything_once(world: World) -> None:
    lease = world.machine().lease
    world.move_to(lease.ends_at - timedelta(days=3))
    clock.move_to(lease.ends_at)

    clockwork.advance()
    clockwork.advance()

    assert Operation.objects.filter(kind="shutdown").count() == 1


def test_one_broken_lease_stops_no_other(world: World) -> None:
    broken, sound = world.machine("broken"), world.machine("sound")
    world.move_to(sound.lease.ends_at - timedelta(days=3))
    Lease.objects.filter(machine=broken).update(zone="Nowhere/Land", warn_days="x")

    world.move_to(sound.lease.ends_at)

    assert Machine.objects.get(name="sound").stage == "quarantined"


def test_stop_that_the_hypervisor_refuses_is_tried_again_a_day_later(world: World) -> None:
    machine = world.machine()
    world.move_to(machine.lease.ends_at - timedelta(days=3))
    world.dc.add_fault("shutdown", "denied", count=1)
    world.move_to(machine.lease.ends_at)
    assert Machine.objects.get().stage == "active"

    world.move_to(clock.now() + timedelta(days=1, minutes=1))

    assert Machine.objects.get().stage == "quarantined"


def test_removal_that_the_hypervisor_refuses_keeps_the_machine_restorable(world: World) -> None:
    machine = world.machine()
    world.move_to(machine.lease.ends_at - timedelta(days=3))
    world.move_to(machine.lease.ends_at)
    world.dc.add_fault("remove", "denied", count=1)

    world.move_to(Lease.objects.get().remove_at)

    assert Machine.objects.get().stage == "quarantined"
    assert len(world.native()) == 1


def test_holder_hears_of_stop_coming_removal_and_removal(world: World) -> None:
    machine = world.machine()
    world.move_to(machine.lease.ends_at - timedelta(days=3))
    world.move_to(machine.lease.ends_at)
    remove_at = Lease.objects.get().remove_at
    assert remove_at is not None
    world.move_to(remove_at - timedelta(days=1))
    world.move_to(remove_at)

    told = set(Notice.objects.filter(recipient=world.owner).values_list("kind", flat=True))
    assert {"stopped", "removal_near", "removed"} <= told


def test_leaver_is_not_written_to_but_the_supervisor_is(world: World) -> None:
    lease = world.machine().lease
    world.owner.left_on = world.day(1)
    world.owner.save()

    world.move_to(lease.ends_at - timedelta(days=3))

    assert set(Notice.objects.filter(kind="lease_ends").values_list("recipient__username", flat=True)) == {"tomasz"}


def test_next_due_is_the_nearest_thing_to_happen(world: World) -> None:
    lease = world.machine().lease

    assert next_due(after=clock.now()) == lease.ends_at - timedelta(days=14)


@pytest.mark.parametrize(("days_left", "shown"), [(20, "active"), (14, "expiring"), (1, "expiring")])
def test_expiring_is_shown_and_never_stored(world: World, days_left: int, shown: str) -> None:
    machine = world.machine()

    assert shown_stage(machine, now=machine.lease.ends_at - timedelta(days=days_left)) == shown
    assert machine.stage == "active"


def test_timeline_has_no_gaps_and_splits_at_today(world: World) -> None:
    machine = world.machine()
    now = machine.lease.started_at + timedelta(days=5)

    segments = timeline(machine.lease, now=now)

    assert [(s.stage, s.planned) for s in segments] == [
        ("active", False), ("active", True), ("expiring", True), ("quarantined", True),
    ]  # fmt: skip
    assert all(one.end == after.start for one, after in itertools.pairwise(segments))
