"""The whole life of a machine through the rooms, as the clock and the engine lead it."""

from __future__ import annotations

from datetime import timedelta

from lifecycle import clock
from lifecycle.estate.models import Machine, Span, Tenure
from lifecycle.notices.models import Notice
from lifecycle.requests import actions as requests
from tests.lifecycle.world import World


def test_machine_lives_from_order_to_removal(world: World) -> None:
    machine = world.machine()

    assert machine.stage == "active"
    assert [vm["name"] for vm in world.native()] == ["churn-scoring"]
    assert Span.objects.filter(machine=machine, ended_at=None).count() == 3
    assert Tenure.objects.get(machine=machine).holder == world.owner

    lease = machine.lease
    for days in lease.warn_days:
        world.move_to(lease.ends_at - timedelta(days=days))
    assert Notice.objects.filter(kind="lease_ends").exclude(sent_at=None).count() == 4

    world.move_to(lease.ends_at)
    machine = Machine.objects.select_related("lease").get()
    assert (machine.stage, machine.power) == ("quarantined", "off")
    assert [span.meter for span in Span.objects.filter(machine=machine, ended_at=None)] == ["disk_mib"]

    world.move_to(machine.lease.remove_at)
    machine = Machine.objects.select_related("lease").get()
    assert machine.stage == "removed"
    assert world.native() == []
    assert not Span.objects.filter(ended_at=None).exists()
    assert Tenure.objects.get().ended_at is not None


def test_restored_machine_runs_again_with_a_short_end(world: World) -> None:
    machine = world.machine()
    from lifecycle.leases.actions import give_back, restore

    give_back(machine.lease, by=world.owner)
    world.work_off()
    machine = Machine.objects.select_related("lease", "endpoint").get()
    assert machine.stage == "quarantined"

    restore(machine.lease, by=world.owner)
    world.work_off()

    machine = Machine.objects.select_related("lease").get()
    assert (machine.stage, machine.power) == ("active", "on")
    assert machine.lease.ends_at - clock.now() < timedelta(days=8)


def test_request_that_is_refused_makes_nothing(world: World) -> None:
    request = world.submit()

    requests.refuse(request, by=world.approver, comment="Not now.")
    world.work_off()

    assert world.native() == []
