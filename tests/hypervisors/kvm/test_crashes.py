"""A worker that is killed between any two calls leaves something that the next one finishes, or clears away."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import pytest

from hypervisors.contract import CreateMachine, Order, RemoveMachine
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.hypervisors.kvm.killed import GONE
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig

CREATING = ("create_volume", "define", "start", "pull", "resume")
REMOVING = ("destroy", "delete_volume", "undefine")


def kill_after(rig: LibvirtRig, method: str, order: Order) -> None:
    command = [sys.executable, "-m", "tests.hypervisors.kvm.killed", str(rig.socket), method]
    done = subprocess.run(command, input=pickle.dumps(order), check=False, timeout=60)
    assert done.returncode == GONE


def disk_of(order: CreateMachine) -> str:
    return f"lh-{order.stamp.operation}.qcow2"


@pytest.mark.parametrize("method", CREATING)
def test_create_that_was_killed_is_finished_by_the_next_worker(
    method: str, rig: LibvirtRig, kvm: Kvm, desk: Desk
) -> None:
    order = desk.order()
    kill_after(rig, method, order)

    progress = desk.carry_out(kvm, order)

    assert progress.ref == str(order.stamp.uuid)
    assert desk.machines() == {progress.ref}
    assert rig.volumes() == {disk_of(order)}
    assert "backingStore" not in rig.virsh("dumpxml", "--inactive", progress.ref).stdout
    assert [found.ref for found in kvm.find(order.stamp)] == [progress.ref]


@pytest.mark.parametrize("method", CREATING)
def test_create_that_was_killed_can_be_discarded(method: str, rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    kill_after(rig, method, order)

    kvm.discard(order.stamp)
    kvm.discard(order.stamp)

    assert desk.machines() == set()
    assert rig.volumes() == set()


@pytest.mark.parametrize("method", REMOVING)
def test_removal_that_was_killed_is_finished_by_the_next_worker(
    method: str, rig: LibvirtRig, kvm: Kvm, desk: Desk
) -> None:
    order = desk.order()
    removal = RemoveMachine(desk.carry_out(kvm, order).ref, order.stamp.uuid)
    kill_after(rig, method, removal)

    assert desk.carry_out(kvm, removal).done

    assert desk.machines() == set()
    assert rig.volumes() == set()


def test_create_goes_on_after_the_host_stopped_while_it_copied(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    kill_after(rig, "pull", order)
    rig.virsh("destroy", str(order.stamp.uuid))

    assert desk.carry_out(kvm, order).ref == str(order.stamp.uuid)
    assert rig.virsh("domstate", order.name).stdout.strip() == "running"


def test_create_replaces_a_disk_that_is_only_half_written(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    (rig.root / "machines" / disk_of(order)).write_bytes(b"QFI\xfb half a header")

    desk.carry_out(kvm, order)

    assert rig.volumes() == {disk_of(order)}


def test_two_workers_with_the_same_order_make_one_machine(rig: LibvirtRig, desk: Desk) -> None:
    order = desk.order()
    refs: list[str] = []

    def work() -> None:
        adapter = Kvm(rig.target())
        refs.append(desk.carry_out(adapter, order).ref)
        adapter.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert refs == [str(order.stamp.uuid)] * 2
    assert desk.machines() == {str(order.stamp.uuid)}
    assert rig.volumes() == {disk_of(order)}
