"""Another worker, or a person, does the same a moment before: what is as it should be has not failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from pyVmomi import vim

from hypervisors.conformance.driving import created, discard, drive, new_order
from hypervisors.contract import AddDisk, PowerOff, PowerOn, RemoveMachine, Rename, TakeSnapshot
from hypervisors.errors import InvalidRequest, NameTaken
from hypervisors.vmware import creation
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench
from tests.rigs.relay import Call, Fate

pytestmark = pytest.mark.rig


def just_before(bench: VcenterBench, name: str, act: Callable[[], object]) -> list[str]:
    """Does something when a request of this name is on its way, once. Lists what was asked from then on."""
    seen: list[str] = []

    def treat(call: Call) -> Fate:
        if call.name == name and name not in seen:
            act()
        seen.append(call.name)
        return Fate()

    bench.relay.treat = treat
    return seen


def test_machine_that_somebody_else_starts_first_is_started(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-racing")
    vm = bench.console.vm(ref)
    seen = just_before(bench, "PowerOnVM_Task", lambda: bench.console.finish(vm.PowerOnVM_Task()))

    drive(bench, vmware, PowerOn(ref))

    assert "PowerOnVM_Task" in seen and bench.machines()[ref].on


def test_machine_that_somebody_else_stops_first_is_stopped(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-racing", on=True)
    vm = bench.console.vm(ref)
    just_before(bench, "PowerOffVM_Task", lambda: bench.console.finish(vm.PowerOffVM_Task()))

    drive(bench, vmware, PowerOff(ref))

    assert not bench.machines()[ref].on


def test_new_machine_that_another_worker_starts_first_is_made(bench: VcenterBench, vmware: Vmware) -> None:
    order = new_order(bench)

    def start() -> None:
        vm = bench.console.content.searchIndex.FindByUuid(None, str(order.stamp.uuid), True, True)
        bench.console.finish(vm.PowerOnVM_Task())

    just_before(bench, "PowerOnVM_Task", start)

    ref = created(bench, vmware, order)

    assert bench.machines()[ref].on


@pytest.mark.parametrize("name", ["Destroy_Task", "RetrievePropertiesEx"])
def test_machine_that_vanishes_while_it_is_removed_is_removed(name: str, bench: VcenterBench, vmware: Vmware) -> None:
    order = new_order(bench)
    ref = created(bench, vmware, order)
    drive(bench, vmware, PowerOff(ref))
    just_before(bench, name, lambda: bench.console.destroy(bench.console.vm(ref)))

    drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))

    assert ref not in bench.machines()


def test_machine_that_vanishes_while_it_is_discarded_is_discarded(bench: VcenterBench, vmware: Vmware) -> None:
    order = new_order(bench)
    vmware.submit(order)
    ref = next(ref for ref, seen in bench.machines().items() if seen.uuid == order.stamp.uuid)
    just_before(bench, "Destroy_Task", lambda: bench.console.destroy(bench.console.vm(ref)))

    discard(bench, vmware, order.stamp)

    assert ref not in bench.machines()


def test_snapshot_that_somebody_else_takes_first_is_the_only_one(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-racing")
    vm = bench.console.vm(ref)
    taken: list[str] = []

    def take() -> None:
        taken.append(bench.console.finish(vm.CreateSnapshot_Task("before", "", False, False))._GetMoId())

    just_before(bench, "CreateSnapshot_Task", take)

    assert [drive(bench, vmware, TakeSnapshot(ref, "before")).ref] == taken
    assert [one.ref for one in vmware.machine(ref).snapshots] == taken


def test_disk_that_somebody_else_adds_first_is_the_only_one(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-racing")
    with closing(Vmware(bench.console.target)) as other:
        just_before(bench, "ReconfigVM_Task", lambda: drive(bench, other, AddDisk(ref, "data", 16)))
        made = drive(bench, vmware, AddDisk(ref, "data", 16)).ref

    assert [disk.ref for disk in vmware.machine(ref).disks if disk.key == "data"] == [made]


def test_name_that_is_taken_meanwhile_is_refused(bench: VcenterBench, vmware: Vmware) -> None:
    """The simulator has another word for it than a vCenter."""
    ref = bench.make_by_hand("hand-before")
    just_before(bench, "Rename_Task", lambda: bench.make_by_hand("hand-after"))

    with pytest.raises((NameTaken, InvalidRequest)):
        drive(bench, vmware, Rename(ref, "hand-after"))

    assert bench.machines()[ref].name == "hand-before"


def test_stranger_of_the_temporary_name_is_left_alone(bench: VcenterBench, vmware: Vmware) -> None:
    order = new_order(bench)
    ref = bench.make_by_hand(f"lh-{order.stamp.operation}", on=True)

    with pytest.raises(NameTaken):
        vmware.submit(order)
    discard(bench, vmware, order.stamp)

    assert bench.machines()[ref].on


def test_machine_of_another_order_with_the_same_uuid_is_left_alone(bench: VcenterBench, vmware: Vmware) -> None:
    first = new_order(bench)
    ref = created(bench, vmware, first)
    second = new_order(bench, stamp=type(first.stamp)("conf-other", first.stamp.uuid))

    with pytest.raises(InvalidRequest, match="UUID"):
        vmware.submit(second)
    discard(bench, vmware, second.stamp)

    assert bench.machines()[ref].on


@pytest.mark.parametrize(
    ("step", "fault", "outrun"),
    [
        ("copying", vim.fault.DuplicateName(), True),
        ("copying", vim.fault.NoDiskSpace(), False),
        ("renaming", vim.fault.DuplicateName(), False),
        ("starting", vim.fault.InvalidPowerState(), True),
        ("starting", vim.fault.InsufficientMemoryResourcesFault(), False),
    ],
)
def test_only_what_another_worker_did_is_no_failure(step: str, fault: Exception, outrun: bool) -> None:
    """Two clones of one name are refused by a vCenter, and accepted by the simulator."""
    assert creation.outrun(step, fault) is outrun
