"""What an inventory tells, whatever people have put on the host."""

from __future__ import annotations

from uuid import uuid4
from xml.sax.saxutils import escape

import pytest

from hypervisors.contract import Power, PowerOff
from hypervisors.errors import AccessDenied, NotFound, ObserveOnly
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig

DOMAIN = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><title>{title}</title><description>{note}</description>
  <metadata>{metadata}</metadata><memory unit='MiB'>16</memory><vcpu current='1'>3</vcpu>
  <os><type arch='x86_64'>hvm</type></os><devices>{devices}</devices></domain>
"""
DISK = """<disk type='file' device='disk'><driver name='qemu' type='{type}'/>
  <source file='{path}'/><target dev='sda'/></disk>"""


def by_hand(
    desk: Desk, name: str, *, title: str = "", note: str = "", metadata: str = "", devices: str = "", run: bool = False
) -> str:
    uuid = str(uuid4())
    xml = DOMAIN.format(
        name=escape(name), uuid=uuid, title=escape(title), note=escape(note), metadata=metadata, devices=devices
    )
    if run:
        file = desk.rig.root / "transient.xml"
        file.write_text(xml)
        desk.rig.virsh("create", str(file))
    else:
        desk.define(xml)
    return uuid


def test_check_tells_product_and_version(observer: Kvm) -> None:
    assert observer.check().startswith("libvirt ")
    assert ", QEMU " in observer.check()


def test_inventory_tells_host_pools_and_images(rig: LibvirtRig, observer: Kvm) -> None:
    found = observer.inventory()

    assert found.complete
    assert [host.ref for host in found.hosts] == [rig.host_uuid]
    assert {pool.ref for pool in found.pools} == {host.pool_ref for host in found.hosts}
    assert {store.name for store in found.datastores} == {"images", "machines"}
    assert {(image.name, image.disk_mib) for image in found.images} == {("deaf", 80), ("polite", 80)}
    assert "deaf.qcow2" in {image.ref for image in found.images}


def test_inventory_survives_what_people_write(desk: Desk, observer: Kvm) -> None:
    hostile = "<script>alert(1)</script> & 'x' \"y\" \u202e %s {} é"
    ref = by_hand(desk, "<b onload=x> & ${x} é", title=hostile, note="line one\n" + "n" * 5000)
    plain = by_hand(desk, "plain")

    machines = {machine.ref: machine for machine in observer.inventory().machines}

    assert machines[ref].name == "<b onload=x> & ${x} é"
    assert machines[ref].note.startswith(f"{hostile}\nline one\nnnn")
    assert len(machines[ref].note) == 2000
    assert (machines[plain].vcpus, machines[plain].memory_mib, machines[plain].power) == (1, 16, Power.OFF)
    assert observer.inventory().complete


def test_inventory_knows_transient_machines(desk: Desk, observer: Kvm) -> None:
    ref = by_hand(desk, "passing", run=True)

    found = {machine.ref: machine.power for machine in observer.inventory().machines}

    assert found == {ref: Power.ON}


def test_inventory_tells_disks_with_their_datastore(rig: LibvirtRig, desk: Desk, observer: Kvm) -> None:
    rig.virsh("vol-create-as", "machines", "mine.qcow2", "5M", "--format", "qcow2")
    (rig.root / "loose.img").write_bytes(bytes(3 << 20))
    by_hand(desk, "a", devices=DISK.format(type="qcow2", path=rig.root / "machines" / "mine.qcow2"))
    by_hand(desk, "b", devices=DISK.format(type="raw", path=rig.root / "loose.img"))
    by_hand(desk, "c", devices=DISK.format(type="raw", path=rig.root / "vanished.img"))

    found = observer.inventory()

    stores = {store.ref: store.name for store in found.datastores}
    disks = {machine.name: machine.disks[0] for machine in found.machines}
    assert {name: (disk.size_mib, stores.get(disk.datastore_ref, "")) for name, disk in disks.items()} == {
        "a": (5, "machines"),
        "b": (3, ""),
        "c": (0, ""),
    }
    assert found.complete


def test_inventory_is_incomplete_while_an_image_pool_is_away(rig: LibvirtRig, observer: Kvm) -> None:
    rig.virsh("pool-destroy", "images")
    try:
        found = observer.inventory()
    finally:
        rig.virsh("pool-start", "images")

    assert not found.complete
    assert found.gaps == ["Storage pool images is not active: its images are not known."]


def test_machines_of_other_systems_are_marked(desk: Desk, observer: Kvm) -> None:
    nova = "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/>"
    ref = by_hand(desk, "instance-0001", metadata=nova)

    assert observer.machine(ref).managed_by == "OpenStack"


def test_copied_stamp_is_a_claim_and_no_machine_of_the_order(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    desk.carry_out(kvm, order)
    lease = f"<lh:lease xmlns:lh='urn:leasehold:machine:1' operation='{order.stamp.operation}'/>"
    copy = by_hand(desk, "copy", metadata=lease)

    assert kvm.machine(copy).stamp_operation == order.stamp.operation
    assert [found.ref for found in kvm.find(order.stamp)] == [str(order.stamp.uuid)]


def test_machine_that_is_gone_is_not_found(observer: Kvm) -> None:
    with pytest.raises(NotFound):
        observer.machine(str(uuid4()))


def test_observer_is_stopped_before_any_call(kvm: Kvm, desk: Desk, observer: Kvm) -> None:
    ref = desk.make(kvm)
    order = PowerOff(ref)

    for change in (
        lambda: observer.submit(order),
        lambda: observer.poll(order, {}),
        lambda: observer.discard(desk.order().stamp),
    ):
        with pytest.raises(ObserveOnly):
            change()


def test_server_itself_refuses_changes_of_an_observer(kvm: Kvm, desk: Desk, observer: Kvm) -> None:
    """Even a fault in our own guard could not change anything."""
    ref = desk.make(kvm)

    for change in (
        lambda: observer._hosts.clients[0].destroy(ref),
        lambda: observer._hosts.clients[0].undefine(ref),
        lambda: observer._hosts.clients[0].delete_volume("images", "deaf.qcow2"),
        lambda: observer._hosts.clients[0].refresh("images"),
    ):
        with pytest.raises(AccessDenied):
            change()

    assert kvm.machine(ref).power is Power.ON
