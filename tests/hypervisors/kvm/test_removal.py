"""Removal takes the machine and its own disks, and nothing that is anybody else's."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hypervisors.contract import RemoveMachine
from hypervisors.errors import InvalidRequest, WrongState
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig

DOMAIN = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os><devices>{disks}</devices></domain>
"""
DISK = """
<disk type='file' device='{device}'><driver name='qemu' type='qcow2'/>
  <source file='{path}'/>{more}<target dev='{dev}'/></disk>
"""


def volume(rig: LibvirtRig, name: str, *, pool: str = "machines", backing: str = "") -> Path:
    behind = ["--backing-vol", backing, "--backing-vol-format", "qcow2"] if backing else []
    rig.virsh("vol-create-as", pool, name, "1M", "--format", "qcow2", *behind)
    return rig.root / pool / name


def by_hand(desk: Desk, *disks: str, name: str = "by-hand") -> UUID:
    uuid = uuid4()
    desk.define(DOMAIN.format(name=name, uuid=uuid, disks="".join(disks)))
    return uuid


def disk(path: Path, dev: str = "sda", *, device: str = "disk", more: str = "") -> str:
    return DISK.format(path=path, dev=dev, device=device, more=more)


def remove(kvm: Kvm, desk: Desk, uuid: UUID) -> str:
    order = RemoveMachine(str(uuid), uuid)
    handle = kvm.submit(order)
    assert kvm.poll(order, handle).done
    return handle["left"]


def test_removal_takes_the_machine_with_its_disk(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    keep = desk.make(kvm, "keep")
    kept = rig.volumes()
    uuid = UUID(desk.make(kvm, "go"))

    assert remove(kvm, desk, uuid) == ""

    assert (desk.machines(), rig.volumes()) == ({keep}, kept)
    assert rig.volumes("images") >= {"deaf.qcow2", "polite.qcow2"}


def test_removal_of_what_is_gone_succeeds(kvm: Kvm, desk: Desk) -> None:
    assert remove(kvm, desk, uuid4()) == ""


def test_removal_with_another_uuid_touches_nothing(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    before = rig.volumes()

    with pytest.raises(InvalidRequest):
        kvm.submit(RemoveMachine(ref, uuid4()))

    assert (desk.machines(), rig.volumes()) == ({ref}, before)


def test_removal_takes_a_second_disk_too(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    uuid = by_hand(desk, disk(volume(rig, "a.qcow2")), disk(volume(rig, "b.qcow2"), "sdb"))

    assert remove(kvm, desk, uuid) == ""

    assert rig.volumes() == set()


def test_removal_leaves_what_is_not_its_own(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    shared, elsewhere, medium = volume(rig, "shared.qcow2"), rig.root / "loose.qcow2", volume(rig, "cd.qcow2")
    readable = volume(rig, "readable.qcow2")
    elsewhere.touch()
    by_hand(desk, disk(shared), name="neighbour")
    uuid = by_hand(
        desk,
        disk(shared, "sda"),
        disk(elsewhere, "sdb"),
        disk(medium, "sdc", device="cdrom", more="<readonly/>"),
        disk(readable, "sdd", more="<readonly/>"),
        disk(Path(rig.image("deaf")), "sdf"),
        name="go",
    )

    left = remove(kvm, desk, uuid)

    assert str(uuid) not in desk.machines()
    assert rig.volumes() == {"shared.qcow2", "cd.qcow2", "readable.qcow2"}
    assert elsewhere.exists()
    assert Path(rig.image("deaf")).exists()
    assert set(left.split("\n")) == {str(path) for path in (shared, elsewhere, readable, rig.image("deaf"))}


@pytest.mark.parametrize("defined", [True, False])
def test_machine_that_disks_of_others_lie_on_is_not_removed(
    defined: bool, rig: LibvirtRig, kvm: Kvm, desk: Desk
) -> None:
    """libvirt itself would not mind."""
    uuid = by_hand(desk, disk(volume(rig, "base.qcow2")), name="template")
    clone = volume(rig, "on-top.qcow2", backing="base.qcow2")
    if defined:
        by_hand(desk, disk(clone), name="clone")
    rig.virsh("start", str(uuid), check=False)
    before = (desk.machines(), rig.volumes(), kvm.machine(str(uuid)).power)

    with pytest.raises(WrongState):
        kvm.submit(RemoveMachine(str(uuid), uuid))

    assert (desk.machines(), rig.volumes(), kvm.machine(str(uuid)).power) == before


def test_removal_takes_a_disk_that_was_put_there_by_hand(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    unknown = rig.root / "machines" / "unknown.qcow2"
    unknown.touch()
    uuid = by_hand(desk, disk(unknown))

    assert remove(kvm, desk, uuid) == ""

    assert rig.volumes() == set()


def test_removal_takes_a_transient_machine_with_its_disk(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    rig.virsh("undefine", ref)

    assert remove(kvm, desk, UUID(ref)) == ""

    assert (desk.machines(), rig.volumes()) == (set(), set())


def test_removal_takes_snapshots_along(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    rig.virsh("destroy", ref)
    rig.virsh("snapshot-create-as", ref, "before-update")

    assert remove(kvm, desk, UUID(ref)) == ""

    assert (desk.machines(), rig.volumes()) == (set(), set())
