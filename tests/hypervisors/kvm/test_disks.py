"""Disks and NICs of machines, on real guests: what is attached, what lets go, and what must stay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hypervisors.contract import AddDisk, AddNic, GrowDisk, PowerOff, PowerOn, RemoveDisk, RemoveNic, mac_of
from hypervisors.errors import InvalidRequest, NoCapacity, NotFound, WrongState
from hypervisors.kvm import disks
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guest has less time than it would really have."""
    monkeypatch.setattr(disks, "LET_GO_SECONDS", 1)


def test_disk_of_a_running_machine_grows_while_it_runs(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    disk = kvm.machine(ref).disks[0]

    desk.carry_out(kvm, GrowDisk(ref, disk.ref, disk.size_mib + 100))

    assert kvm.machine(ref).disks[0].size_mib == disk.size_mib + 100
    assert f"Capacity:       {disk.size_mib + 100}" in rig.virsh("domblkinfo", ref, "vda", "--human").stdout
    assert rig.virsh("domstate", ref).stdout.strip() == "running"


@pytest.mark.parametrize("on", [True, False])
def test_disk_that_others_lie_on_is_not_grown(on: bool, rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    if not on:
        desk.carry_out(kvm, PowerOff(ref))
    disk = kvm.machine(ref).disks[0]
    behind = ["--backing-vol", Path(disk.ref).name, "--backing-vol-format", "qcow2"]
    rig.virsh("vol-create-as", "machines", "clone.qcow2", "96M", "--format", "qcow2", *behind)

    with pytest.raises(WrongState):
        kvm.submit(GrowDisk(ref, disk.ref, disk.size_mib * 2))

    assert kvm.machine(ref).disks[0].size_mib == disk.size_mib


def test_disk_larger_than_its_datastore_is_refused(kvm: Kvm, desk: Desk, rig: LibvirtRig) -> None:
    ref = desk.make(kvm)
    before = rig.volumes()

    with pytest.raises(NoCapacity):
        kvm.submit(AddDisk(ref, "huge", 1 << 40))
    with pytest.raises(NoCapacity):
        kvm.submit(GrowDisk(ref, kvm.machine(ref).disks[0].ref, 1 << 40))

    assert rig.volumes() == before


def test_disk_that_a_guest_holds_stays_until_it_lets_go(soon: None, rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """This guest never does: only its plug helps."""
    ref = desk.make(kvm)
    disk = desk.carry_out(kvm, AddDisk(ref, "data", 8)).ref
    order = RemoveDisk(ref, disk)
    handle = dict(kvm.submit(order))

    with pytest.raises(WrongState, match="let go"):
        desk.see_through(lambda: kvm.poll(order, handle))
    with pytest.raises(WrongState, match="let go"):
        kvm.poll(order, handle)
    assert Path(disk).name in rig.volumes()

    desk.carry_out(kvm, PowerOff(ref))
    assert desk.carry_out(kvm, order).done
    assert Path(disk).name not in rig.volumes()
    assert disk not in rig.virsh("dumpxml", ref, "--inactive").stdout


def test_removal_of_a_disk_forgives_a_lost_handle(soon: None, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    order = RemoveDisk(ref, desk.carry_out(kvm, AddDisk(ref, "data", 8)).ref)
    kvm.submit(order)

    progress = kvm.poll(order, {})

    assert progress.handle is not None
    with pytest.raises(WrongState, match="let go"):
        desk.see_through(lambda: kvm.poll(order, progress.handle or {}))


def test_disk_that_a_snapshot_needs_is_not_removed(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    disk = desk.carry_out(kvm, AddDisk(ref, "data", 8)).ref
    rig.virsh("snapshot-create-as", ref, "before")

    with pytest.raises(WrongState, match="snapshot"):
        kvm.submit(RemoveDisk(ref, disk))

    assert Path(disk).name in rig.volumes()


def test_disk_of_somebody_else_is_not_deleted(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """Somebody put it into the machine by hand; it lies elsewhere."""
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    loose = rig.root / "loose.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(loose), "1M"], check=True)
    rig.virsh("attach-disk", ref, str(loose), "vdb", "--config", "--subdriver", "qcow2")

    with pytest.raises(InvalidRequest):
        kvm.submit(RemoveDisk(ref, str(loose)))

    assert loose.exists()
    assert len(kvm.machine(ref).disks) == 2


def test_disk_that_was_made_and_never_added_goes_with_its_machine(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """Whoever was to add it was killed."""
    order = desk.order()
    ref = desk.carry_out(kvm, order).ref
    left = f"lh-{order.stamp.uuid.hex}-data-disk.qcow2"
    rig.virsh("vol-create-as", "machines", left, "8M", "--format", "qcow2")

    kvm.discard(order.stamp)

    assert ref not in desk.machines()
    assert rig.volumes() == set()


def test_disk_of_an_earlier_attempt_is_used_when_it_is_whole(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    ref = desk.carry_out(kvm, order).ref
    name = f"lh-{order.stamp.uuid.hex}-data-disk.qcow2"
    (rig.root / "machines" / name).write_bytes(b"QFI\xfb half a header")

    disk = desk.carry_out(kvm, AddDisk(ref, "data", 8)).ref

    assert Path(disk).name == name
    assert [found.size_mib for found in kvm.machine(ref).disks] == [96, 8]


def test_nic_is_added_to_and_taken_from_a_machine_of_any_kind_of_network(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """A bridge of the host's own is no network of libvirt's, and its NIC goes all the same."""
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    mac = "52:54:00:00:00:07"
    rig.virsh("attach-interface", ref, "bridge", "virlab0", "--mac", mac, "--config")
    told = {nic.mac: nic.network_ref for nic in kvm.machine(ref).nics}
    assert told[mac] == ""

    desk.carry_out(kvm, RemoveNic(ref, mac))
    added = desk.carry_out(kvm, AddNic(ref, "second", "lab")).ref

    assert added == mac_of("second")
    assert mac not in {nic.mac for nic in kvm.machine(ref).nics}
    assert {nic.network_ref for nic in kvm.machine(ref).nics} == {"lab"}
    assert desk.carry_out(kvm, PowerOn(ref)).done


def test_link_that_was_taken_down_is_told(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    rig.virsh("domif-setlink", ref, kvm.machine(ref).nics[0].mac, "down")

    assert [nic.connected for nic in kvm.machine(ref).nics] == [False]


def test_unknown_datastore_and_network_are_not_found(kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    images = next(store.ref for store in kvm.inventory().datastores if store.name == "images")

    for order in (AddDisk(ref, "data", 8, images), AddDisk(ref, "data", 8, "gone"), AddNic(ref, "second", "gone")):
        with pytest.raises(NotFound):
            kvm.submit(order)
