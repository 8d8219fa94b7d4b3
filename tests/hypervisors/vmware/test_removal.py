"""A machine goes with all that is its own, wherever it lies, and with nothing that is another's."""

from __future__ import annotations

import pytest
from pyVmomi import vim

from hypervisors.conformance.driving import created, drive, new_order
from hypervisors.contract import AddDisk, RemoveMachine, TakeSnapshot
from hypervisors.errors import InvalidRequest, WrongState
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench

pytestmark = pytest.mark.rig


def files(bench: VcenterBench) -> set[str]:
    return {f"[{name}] {path}" for _, name, path in bench.console.disk_files()}


def test_disk_of_another_machine_stays(bench: VcenterBench, vmware: Vmware) -> None:
    other, order = bench.make_by_hand("hand-owner"), new_order(bench)
    ref = created(bench, vmware, order)
    path = bench.console.disks_of(bench.console.vm(other))[0].backing.fileName
    bench.console.mount(bench.console.vm(ref), path)

    drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))

    assert path in files(bench)
    assert ref not in bench.machines()


def test_disk_that_nobody_else_has_goes_along(bench: VcenterBench, vmware: Vmware) -> None:
    bench.loose_disk_by_hand("hand-loose")
    order, path = new_order(bench), f"[{bench.store}] hand-loose.vmdk"
    ref = created(bench, vmware, order)
    bench.console.mount(bench.console.vm(ref), path)

    drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))

    assert path not in files(bench)


def test_added_disk_on_another_datastore_goes_along(bench: VcenterBench, vmware: Vmware) -> None:
    stores = {store._GetMoId(): told["name"] for store, told in bench.console.every(vim.Datastore, "name")}
    before, order = files(bench), new_order(bench)
    ref = created(bench, vmware, order)
    first = vmware.machine(ref).disks[0].datastore_ref
    second = next(store for store in stores if store != first)

    drive(bench, vmware, AddDisk(ref, "data", 16, datastore_ref=second))

    added = next(disk for disk in vmware.machine(ref).disks if disk.key == "data")
    assert added.datastore_ref == second
    made = files(bench) - before
    assert {path.partition("]")[0] for path in made} == {f"[{stores[one]}" for one in (first, second)}
    drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))
    assert files(bench) == before


def test_machine_that_linked_clones_lie_on_is_left(bench: VcenterBench, vmware: Vmware) -> None:
    order = new_order(bench, datastore_ref=bench.store_ref)
    child = bench.console.vm(bench.make_by_hand("hand-linked"))
    ref = created(bench, vmware, order)
    parent = bench.console.disks_of(bench.console.vm(ref))[0].backing.fileName
    bench.loose_disk_by_hand("hand-delta")
    bench.console.mount(child, f"[{bench.store}] hand-delta.vmdk", parent=parent)
    drive(bench, vmware, TakeSnapshot(ref, "linked"))

    with pytest.raises(WrongState, match="linked clones"):
        drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))
    assert bench.machines()[ref].on and parent in files(bench)

    bench.console.destroy(child)
    drive(bench, vmware, RemoveMachine(ref, order.stamp.uuid))
    assert ref not in bench.machines()


@pytest.mark.parametrize("name", ["vCLS-4c4c4544-0042", "vCLS (1)"])
def test_machine_of_the_cluster_itself_is_left_alone(name: str, bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-plain", on=True)
    bench.rename_by_hand(ref, name)
    try:
        with pytest.raises(InvalidRequest, match="vSphere Cluster Services"):
            vmware.submit(RemoveMachine(ref, bench.machines()[ref].uuid))
        assert bench.machines()[ref].on
    finally:
        bench.rename_by_hand(ref, "hand-plain")
