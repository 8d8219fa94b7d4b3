"""What somebody changed on the hypervisor: accepted, or put back by an operation, and decided once."""

from __future__ import annotations

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict
from lifecycle.estate.models import Drift, Endpoint, Machine, Power
from lifecycle.operations.drift import accept, hindrance_of, put_back
from lifecycle.operations.models import Operation
from tests.lifecycle.factories import make_drift
from tests.lifecycle.world import World

pytestmark = pytest.mark.django_db
Column, End = Drift.Column, Drift.End


@pytest.fixture
def machine(world: World) -> Machine:
    return world.machine()


def _facts(world: World, machine: Machine) -> tuple[str, int, int]:
    """What the data centre says."""
    found = next(each for each in world.dc.machines() if each["ref"] == machine.native_ref)
    return found["name"], found["vcpus"], found["memory_mib"]


def _is_now(machine: Machine, **columns: object) -> None:
    Machine.objects.filter(pk=machine.pk).update(**columns)
    machine.refresh_from_db()


def test_accepting_ends_it_once_and_leaves_the_machine_alone(world: World, machine: Machine) -> None:
    drift = make_drift(machine, ours="churn-scoring", theirs="churn")

    accept(drift, by=world.admin)
    with pytest.raises(Conflict):
        accept(drift, by=world.admin)

    drift.refresh_from_db()
    assert (drift.end, drift.decided_by) == (End.ACCEPTED, world.admin)
    assert Entry.objects.filter(verb="machine.drift_accepted", object_id=machine.pk).count() == 1
    assert not Operation.objects.filter(purpose=Operation.Purpose.DRIFT).exists()


def test_a_name_is_put_back(world: World, machine: Machine) -> None:
    drift = make_drift(machine, ours="as-it-was", theirs=machine.name)

    operation = put_back(drift, by=world.admin)
    assert put_back(drift, by=world.admin) == operation
    world.work_off()

    drift.refresh_from_db()
    machine.refresh_from_db()
    assert (drift.end, machine.name, _facts(world, machine)[0]) == (End.PUT_BACK, "as-it-was", "as-it-was")


def test_a_size_is_put_back_whole_when_it_is_off(world: World, machine: Machine) -> None:
    more, less = (
        make_drift(machine, Column.VCPUS, ours="1", theirs="2"),
        make_drift(machine, Column.MEMORY, ours="2048", theirs="4096"),
    )
    assert "off" in hindrance_of(more, machine)
    with pytest.raises(Conflict):
        put_back(more, by=world.admin)
    world.dc.power_by_hand(machine.native_ref, "off")
    _is_now(machine, power=Power.OFF)

    put_back(more, by=world.admin)
    world.work_off()

    assert _facts(world, machine)[1:] == (1, 2048)
    assert set(Drift.objects.values_list("pk", "end")) == {(more.pk, End.PUT_BACK), (less.pk, End.PUT_BACK)}


def test_a_disk_is_never_made_smaller(world: World, machine: Machine) -> None:
    with pytest.raises(Conflict, match="never made smaller"):
        put_back(make_drift(machine, Column.DISK, ours="1024", theirs="2048"), by=world.admin)


def test_nothing_is_put_back_where_one_only_observes(world: World, machine: Machine) -> None:
    Endpoint.objects.filter(pk=machine.endpoint_id).update(mode=Endpoint.Mode.OBSERVE)

    with pytest.raises(Conflict, match="only observed"):
        put_back(make_drift(machine), by=world.admin)


def test_what_does_not_work_leaves_the_drift_open(world: World, machine: Machine) -> None:
    world.dc.make_machine_by_hand("taken")
    drift = make_drift(machine, ours="taken", theirs=machine.name)

    operation = put_back(drift, by=world.admin)
    world.work_off()

    operation.refresh_from_db()
    drift.refresh_from_db()
    assert (operation.state, drift.ended_at) == (Operation.State.FAILED, None)
