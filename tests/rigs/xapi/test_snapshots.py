"""Snapshots and going back, with all that this changes."""

from __future__ import annotations

from typing import Any

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import disk, machine, refused, vbd_record, vdi_record

NULL = "OpaqueRef:NULL"


def test_a_snapshot_is_a_template_that_only_goes_back(xapi: Any) -> None:
    vm = machine(xapi, running=True)
    vdi = disk(xapi, vm)
    taken = xapi.VM.snapshot(vm, "before")
    record = xapi.VM.get_record(taken)
    assert (record["is_a_snapshot"], record["is_a_template"], record["power_state"]) == (True, True, "Halted")
    assert (record["snapshot_of"], record["children"], record["domid"]) == (vm, [vm], "-1")
    assert record["snapshot_info"]["power-state-at-snapshot"] == "Running"
    assert xapi.VM.get_parent(vm) == taken
    assert xapi.VM.get_snapshots(vm) == [taken]
    saved = disk(xapi, taken)
    assert saved != vdi
    assert (xapi.VDI.get_is_a_snapshot(saved), xapi.VDI.get_snapshot_of(saved)) == (True, vdi)
    with refused("VM_IS_SNAPSHOT", taken, "start"):
        xapi.VM.start(taken, False, False)
    with refused("LICENCE_RESTRICTION", "Checkpoint"):
        xapi.VM.checkpoint(vm, "with memory")


def test_going_back_halts_a_running_machine_and_replaces_what_it_has(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    taken = xapi.VM.snapshot(vm, "before")
    name = xapi.VM.get_name_label(vm)
    old_disk, old_vbds, old_vifs = disk(xapi, vm), xapi.VM.get_VBDs(vm), xapi.VM.get_VIFs(vm)
    mac = xapi.VIF.get_MAC(old_vifs[0])
    xapi.VM.set_name_label(vm, "renamed")
    xapi.VM.set_memory(vm, str(2 << 30))
    xapi.VM.start(vm, False, False)
    xapi.VM.revert(taken)
    assert xapi.VM.get_power_state(vm) == "Halted"
    assert (xapi.VM.get_name_label(vm), xapi.VM.get_memory_static_max(vm)) == (name, str(1 << 30))
    assert not set(xapi.VM.get_VBDs(vm)) & set(old_vbds)
    assert not set(xapi.VM.get_VIFs(vm)) & set(old_vifs)
    assert xapi.VIF.get_MAC(xapi.VM.get_VIFs(vm)[0]) == mac
    with refused("HANDLE_INVALID", "VDI", old_disk):
        xapi.VDI.get_record(old_disk)
    assert xapi.VDI.get_snapshot_of(disk(xapi, taken)) == disk(xapi, vm)
    assert rig.content(disk(xapi, vm)) == rig.content(disk(xapi, rig.image()))
    xapi.VM.start(vm, False, False)


def test_going_back_brings_a_destroyed_machine_back_under_another_ref(xapi: Any) -> None:
    vm = machine(xapi)
    uuid = xapi.VM.get_uuid(vm)
    first, second = xapi.VM.snapshot(vm, "first"), xapi.VM.snapshot(vm, "second")
    xapi.VM.destroy(vm)
    assert xapi.VM.get_snapshot_of(first) == vm
    xapi.VM.revert(first)
    again = xapi.VM.get_by_uuid(uuid)
    assert again != vm
    assert not xapi.VM.get_is_a_template(again)
    assert set(xapi.VM.get_snapshots(again)) == {first, second}
    xapi.VM.start(again, False, False)


def test_disks_that_a_snapshot_does_not_know_are_left_behind(xapi: Any) -> None:
    vm, (pool,) = machine(xapi), xapi.pool.get_all()
    system, sr = disk(xapi, vm), xapi.pool.get_default_SR(pool)
    left_out = xapi.VDI.create(vdi_record(sr, 1 << 20))
    xapi.VBD.create(vbd_record(vm, left_out))
    taken = xapi.VM.snapshot(vm, "without the second", [left_out])
    assert len(xapi.VM.get_VBDs(taken)) == 1
    later = xapi.VDI.create(vdi_record(sr, 1 << 20))
    xapi.VBD.create(vbd_record(vm, later))
    xapi.VM.revert(taken)
    assert len(xapi.VM.get_VBDs(vm)) == 1
    assert xapi.VDI.get_VBDs(left_out) == xapi.VDI.get_VBDs(later) == []
    with refused("HANDLE_INVALID", "VDI", system):
        xapi.VDI.get_record(system)


def test_what_is_no_snapshot_cannot_be_gone_back_to(xapi: Any) -> None:
    vm = machine(xapi)
    with refused("VM_REVERT_FAILED", vm, NULL):
        xapi.VM.revert(vm)


def test_snapshots_go_without_their_disks_and_close_ranks(xapi: Any) -> None:
    vm = machine(xapi)
    first = xapi.VM.snapshot(vm, "first")
    second = xapi.VM.snapshot(vm, "second")
    saved = disk(xapi, second)
    assert xapi.VM.get_parent(second) == first
    xapi.VM.destroy(second)
    assert xapi.VM.get_parent(vm) == first
    assert xapi.VDI.get_is_a_snapshot(saved)
    xapi.VDI.destroy(saved)


def test_suspend_wants_a_place_for_the_memory(xapi: Any) -> None:
    (pool,) = xapi.pool.get_all()
    vm, sr = machine(xapi, running=True), xapi.pool.get_suspend_image_SR(pool)
    xapi.pool.set_suspend_image_SR(pool, NULL)
    with refused("VM_NO_SUSPEND_SR", vm):
        xapi.VM.suspend(vm)
    xapi.pool.set_suspend_image_SR(pool, sr)
    xapi.VM.suspend(vm)
    image = xapi.VM.get_suspend_VDI(vm)
    assert xapi.VDI.get_type(image) == "suspend"
    xapi.VM.resume(vm, False, False)
    assert (xapi.VM.get_power_state(vm), xapi.VM.get_suspend_VDI(vm)) == ("Running", NULL)
    with refused("HANDLE_INVALID", "VDI", image):
        xapi.VDI.get_record(image)


def test_clones_have_their_own_disks_cards_and_addresses(rig: XapiRig, xapi: Any) -> None:
    template = rig.image()
    clone = xapi.VM.clone(template, "twin")
    assert xapi.VM.get_is_a_template(clone)
    assert xapi.VM.get_other_config(clone)["base_template_name"] == "debian-12"
    assert disk(xapi, clone) != disk(xapi, template)
    assert rig.content(disk(xapi, clone)) == rig.content(disk(xapi, template))
    assert _macs(xapi, clone) != _macs(xapi, template)
    xapi.VM.provision(clone)
    with refused("PROVISION_ONLY_ALLOWED_ON_TEMPLATE"):
        xapi.VM.provision(clone)


def _macs(xapi: Any, vm: str) -> list[str]:
    return [xapi.VIF.get_MAC(vif) for vif in xapi.VM.get_VIFs(vm)]


def test_provisioning_makes_the_disks_that_a_template_asks_for(rig: XapiRig, xapi: Any) -> None:
    sr = xapi.SR.get_uuid(xapi.pool.get_default_SR(xapi.pool.get_all()[0]))
    for wanted, refusal in ((sr, ()), ("", ("UUID_INVALID", "sr", ""))):
        vm = xapi.VM.clone(rig.image(), "with more")
        wish = f'<provision><disk device="1" size="1048576" sr="{wanted}" bootable="false" type="system"/></provision>'
        xapi.VM.add_to_other_config(vm, "disks", wish)
        if refusal:
            with refused(*refusal):
                xapi.VM.provision(vm)
        else:
            xapi.VM.provision(vm)
            assert len(xapi.VM.get_VBDs(vm)) == 2
