"""Disks: room, sizes, content, and what plugs them in."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import GIB, disk, machine, refused, vbd_record, vdi_record, vif_record
from tests.rigs.xapi.test_wire import plainly


@pytest.fixture
def sr(xapi: Any) -> str:
    return str(xapi.pool.get_default_SR(xapi.pool.get_all()[0]))


FULL = ("SR_BACKEND_FAILURE_44", "", "There is insufficient space", "")


def test_an_sr_has_as_much_room_as_it_says(rig: XapiRig, xapi: Any, sr: str) -> None:
    size = xapi.SR.get_physical_size(sr)
    rig.tell("set_sr_free", sr=sr, free=5 * GIB)
    try:
        with refused(*FULL):
            xapi.VDI.create(vdi_record(sr, 6 * GIB))
        vdi = xapi.VDI.create(vdi_record(sr, 2 * GIB))
        with refused(*FULL):
            xapi.VM.clone(rig.image(), "no room")
        with refused(*FULL):
            xapi.VDI.resize(vdi, str(6 * GIB))
        before = int(xapi.SR.get_physical_utilisation(sr))
        xapi.SR.scan(sr)
        assert int(xapi.SR.get_physical_utilisation(sr)) == before + 2 * GIB
        xapi.VDI.destroy(vdi)
        xapi.VM.destroy(xapi.VM.clone(rig.image(), "room"))
    finally:
        rig.tell("set_fields", cls="SR", name=sr, fields={"physical_size": int(size)})


def test_disks_grow_and_do_not_shrink(xapi: Any, sr: str) -> None:
    vdi = xapi.VDI.create(vdi_record(sr, GIB))
    xapi.VDI.resize(vdi, str(2 * GIB))
    assert xapi.VDI.get_virtual_size(vdi) == str(2 * GIB)
    with refused("SR_BACKEND_FAILURE_79", "", "VDI Invalid size [opterr=shrinking not allowed]", ""):
        xapi.VDI.resize(vdi, str(GIB))
    with refused("SR_OPERATION_NOT_SUPPORTED", sr):
        xapi.VDI.resize_online(vdi, str(3 * GIB))


def test_an_attached_disk_is_left_alone(rig: XapiRig, xapi: Any, sr: str) -> None:
    vm = machine(xapi, running=True)
    vdi = disk(xapi, vm)
    with refused("VDI_IN_USE", vdi, "resize"):
        xapi.VDI.resize(vdi, str(8 * GIB))
    with refused("VDI_IN_USE", vdi, "destroy"):
        xapi.VDI.destroy(vdi)
    rig.tell("set_resize_online", sr=sr, on=True)
    xapi.VDI.resize_online(vdi, str(8 * GIB))
    rig.tell("set_resize_online", sr=sr, on=False)
    assert xapi.VDI.get_virtual_size(vdi) == str(8 * GIB)


def test_a_machine_goes_and_its_disks_stay(xapi: Any) -> None:
    vm = machine(xapi)
    vdi, (vbd,) = disk(xapi, vm), xapi.VM.get_VBDs(vm)
    xapi.VM.destroy(vm)
    assert xapi.VDI.get_VBDs(vdi) == []
    with refused("HANDLE_INVALID", "VBD", vbd):
        xapi.VBD.get_record(vbd)
    xapi.VDI.destroy(vdi)


def test_drives_come_and_go_while_it_runs(rig: XapiRig, xapi: Any, sr: str) -> None:
    vm = machine(xapi, running=True)
    vdi = xapi.VDI.create(vdi_record(sr, GIB))
    with refused("DEVICE_ALREADY_EXISTS", "0"):
        xapi.VBD.create(vbd_record(vm, vdi, userdevice="0"))
    with refused("INVALID_DEVICE", "99"):
        xapi.VBD.create(vbd_record(vm, vdi, userdevice="99"))
    assert xapi.VM.get_allowed_VBD_devices(vm)[0] == "1"
    vbd = xapi.VBD.create(vbd_record(vm, vdi))
    assert xapi.VBD.get_userdevice(vbd) == "1"
    assert not xapi.VBD.get_currently_attached(vbd)
    with refused("DEVICE_ALREADY_DETACHED", vbd):
        xapi.VBD.unplug(vbd)
    xapi.VBD.plug(vbd)
    with refused("DEVICE_ALREADY_ATTACHED", vbd):
        xapi.VBD.plug(vbd)
    with refused("OPERATION_NOT_ALLOWED", f"VBD '{xapi.VBD.get_uuid(vbd)}' still attached to '{xapi.VM.get_uuid(vm)}'"):
        xapi.VBD.destroy(vbd)
    rig.tell("guest", vm=vm, holds_devices=True)
    with refused("DEVICE_DETACH_REJECTED", "VBD", vbd, "Device in use; refusing to close"):
        xapi.VBD.unplug(vbd)
    rig.tell("guest", vm=vm, holds_devices=False)
    xapi.VBD.unplug(vbd)
    xapi.VBD.destroy(vbd)
    other = machine(xapi, "debian-12-plain", running=True)
    vbd = xapi.VBD.create(vbd_record(other, vdi))
    with refused("VM_MISSING_PV_DRIVERS", other):
        xapi.VBD.plug(vbd)


def test_a_disk_is_written_by_one_machine_at_a_time(xapi: Any) -> None:
    one, other = machine(xapi, running=True), machine(xapi)
    vdi = disk(xapi, one)
    xapi.VBD.create(vbd_record(other, vdi))
    with refused("VDI_IN_USE", vdi, "attach"):
        xapi.VM.start(other, False, False)


def test_media_in_a_drive(xapi: Any, sr: str) -> None:
    vm = machine(xapi, running=True)
    vdi = xapi.VDI.create(vdi_record(sr, GIB))
    with refused("VBD_CDS_MUST_BE_READONLY"):
        xapi.VBD.create(vbd_record(vm, vdi, type="CD", mode="RW"))
    drive = xapi.VBD.create(vbd_record(vm, "OpaqueRef:NULL", type="CD", mode="RO", empty=True))
    with refused("VBD_IS_EMPTY", drive):
        xapi.VBD.eject(drive)
    xapi.VBD.insert(drive, vdi)
    with refused("VBD_NOT_EMPTY", drive):
        xapi.VBD.insert(drive, vdi)
    with refused("VDI_IN_USE", vdi, "destroy"):
        xapi.VDI.destroy(vdi)
    xapi.VBD.eject(drive)
    assert xapi.VBD.get_VDI(drive) == "OpaqueRef:NULL"
    xapi.VDI.destroy(vdi)


def test_cards(xapi: Any) -> None:
    vm = machine(xapi, running=True)
    (network,) = xapi.network.get_by_name_label("Guests")
    with refused("MAC_INVALID", "00:11"):
        xapi.VIF.create(vif_record(vm, network, MAC="00:11"))
    with refused("DEVICE_ALREADY_EXISTS", "0"):
        xapi.VIF.create(vif_record(vm, network, device="0"))
    vif = xapi.VIF.create(vif_record(vm, network))
    assert xapi.VIF.get_MAC_autogenerated(vif)
    xapi.VIF.plug(vif)
    assert "1/ip" in xapi.VM_guest_metrics.get_networks(xapi.VM.get_guest_metrics(vm))
    with refused("OPERATION_NOT_ALLOWED", "VIF currently attached to a running VM"):
        xapi.VIF.destroy(vif)
    xapi.VIF.unplug(vif)
    xapi.VIF.destroy(vif)
    with refused("NETWORK_CONTAINS_VIF", *(ref for ref in xapi.network.get_VIFs(network) if _on(xapi, ref))):
        xapi.network.destroy(network)


def _on(xapi: Any, vif: str) -> bool:
    return bool(xapi.VIF.get_currently_attached(vif))


def _sent(connection: http.client.HTTPSConnection, path: str, body: bytes) -> int:
    connection.request("PUT", path, body)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_content_is_kept_and_copied(rig: XapiRig, xapi: Any, sr: str) -> None:
    size = 3 * 1024 * 1024
    vdi = xapi.VDI.create(vdi_record(sr, size))
    seed = b"config drive" * 1000
    with rig.session() as session:
        query = f"vdi={vdi}&format=raw&session_id={session._session}"
        with plainly(rig) as connection:
            assert _sent(connection, f"/import_raw_vdi?{query}", seed) == 200
        copied = xapi.VDI.copy(vdi, sr)
        with plainly(rig) as connection:
            connection.request("GET", f"/export_raw_vdi?{query.replace(vdi, copied)}")
            answer = connection.getresponse()
            body = answer.read()
        assert (answer.status, answer.getheader("content-length")) == (200, None)
        assert body == seed + bytes(size - len(seed))
        assert rig.content(copied) == seed[:65536]
        with plainly(rig) as connection:
            assert _sent(connection, f"/import_raw_vdi?{query}", bytes(size + 1)) == 500
    with plainly(rig) as connection:
        assert _sent(connection, f"/import_raw_vdi?vdi={vdi}&session_id=OpaqueRef:bad", seed) == 401
    assert rig.content(vdi) == seed[:65536]


def test_the_outcome_of_an_import_is_in_the_client_s_task(rig: XapiRig, xapi: Any, sr: str) -> None:
    vm = machine(xapi, running=True)
    task = xapi.task.create("import", "")
    with rig.session() as session, plainly(rig) as connection:
        path = f"/import_raw_vdi?vdi={disk(xapi, vm)}&session_id={session._session}&task_id={task}"
        assert _sent(connection, path, b"x") == 500
    assert xapi.task.get_error_info(task) == ["VDI_IN_USE", disk(xapi, vm), "import"]
