"""Snapshots lie in the disks' own files; going back changes the disks, and not what the machine is called."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hypervisors.contract import (
    AddDisk,
    Annotate,
    Power,
    PowerOff,
    RemoveSnapshot,
    Rename,
    RevertSnapshot,
    Stamp,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, NotFound, WrongState
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import HOLDING, Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig


def snapshot_of(kvm: Kvm, desk: Desk, ref: str, name: str = "before") -> str:
    return desk.carry_out(kvm, TakeSnapshot(ref, name)).ref


@pytest.mark.parametrize("on", [True, False])
def test_machine_goes_back_as_who_it_is_now(on: bool, rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """Holder, stamp and name are newer than the snapshot, and stay."""
    order = desk.order()
    ref = desk.carry_out(kvm, order).ref
    if not on:
        desk.carry_out(kvm, PowerOff(ref))
    snapshot = snapshot_of(kvm, desk, ref)
    stamp = Stamp("adopted", order.stamp.uuid)
    desk.carry_out(kvm, Annotate(ref, replace(HOLDING, holder="Bob Next"), stamp))
    rig.virsh("desc", ref, *(["--live"] if on else []), "--config", "--title", "Bob's")

    desk.carry_out(kvm, RevertSnapshot(ref, snapshot))

    facts = kvm.machine(ref)
    assert (facts.power, facts.stamp_operation) == (Power.ON if on else Power.OFF, "adopted")
    assert [found.with_memory for found in facts.snapshots] == [on]
    for form in ([], ["--inactive"]):
        said = rig.virsh("dumpxml", ref, *form).stdout
        assert "Bob Next" in said
        assert "<title>Bob&apos;s</title>" in said or "<title>Bob's</title>" in said
        assert "Ann Holder" not in said
    assert rig.virsh("snapshot-current", ref, "--name").stdout.strip() == "before"


def test_machine_with_snapshots_keeps_its_name(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """libvirt itself renames it, and would then lose it on the way back."""
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    snapshot = snapshot_of(kvm, desk, ref)

    with pytest.raises(WrongState):
        kvm.submit(Rename(ref, "web-2"))
    rig.virsh("domrename", ref, "web-2")
    with pytest.raises(WrongState, match="web-1"):
        kvm.submit(RevertSnapshot(ref, snapshot))

    assert kvm.machine(ref).name == "web-2"


def test_revert_is_refused_while_a_disk_would_be_lost(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    snapshot = snapshot_of(kvm, desk, ref)
    desk.carry_out(kvm, AddDisk(ref, "data", 8))

    with pytest.raises(WrongState, match="added"):
        kvm.submit(RevertSnapshot(ref, snapshot))

    assert len(kvm.machine(ref).disks) == 2


def test_snapshot_in_files_of_its_own_is_told_and_left_alone(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """libvirt 9 makes them, and cannot go back to them."""
    ref = desk.make(kvm)
    rig.virsh("snapshot-create-as", ref, "by-hand", "--disk-only", "--no-metadata")
    rig.virsh("snapshot-create-as", ref, "by-hand-too", "--disk-only")
    [told] = kvm.machine(ref).snapshots
    assert told.name == "by-hand-too"

    for order in (RevertSnapshot(ref, told.ref), RemoveSnapshot(ref, told.ref)):
        with pytest.raises(WrongState):
            kvm.submit(order)

    assert [found.ref for found in kvm.machine(ref).snapshots] == [told.ref]


def test_name_that_was_given_again_is_another_snapshot(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    first = snapshot_of(kvm, desk, ref)
    rig.virsh("snapshot-delete", ref, "before")
    time.sleep(1)  # libvirt keeps whole seconds
    rig.virsh("snapshot-create-as", ref, "before")

    with pytest.raises(NotFound):
        kvm.submit(RevertSnapshot(ref, first))
    assert desk.carry_out(kvm, RemoveSnapshot(ref, first)).done

    assert len(kvm.machine(ref).snapshots) == 1


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "x" * 200])
def test_impossible_name_is_refused_before_any_call(name: str, rig: LibvirtRig) -> None:
    unconnected = Kvm(replace(rig.target(), path="/nowhere/libvirt-sock"))

    with pytest.raises(InvalidRequest):
        unconnected.submit(TakeSnapshot("99999999-aaaa-4bbb-8ccc-dddddddddddd", name))
