"""What plugs a disk or a network into a machine: VBD, VIF, and the networks themselves."""

from __future__ import annotations

import re
from typing import Any

from tests.rigs.xapi import power, storage
from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, optional
from tests.rigs.xapi.database import Database, Obj
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.lifecycle import demand

DISKS, CARDS = 16, 7
MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")


def machine(db: Database, device: Obj) -> Obj:
    return db.get("VM", device["VM"])


def _taken(db: Database, vm: Obj, cls: str) -> set[str]:
    field, name = ("VBDs", "userdevice") if cls == "VBD" else ("VIFs", "device")
    return {str(device[name]) for device in db.many(cls, vm[field])}


def _free(db: Database, vm: Obj, cls: str) -> list[str]:
    taken = _taken(db, vm, cls)
    return [str(number) for number in range(DISKS if cls == "VBD" else CARDS) if str(number) not in taken]


@call("VM.get_allowed_VBD_devices")
def get_allowed_vbd_devices(ctx: Context, vm: Obj) -> list[str]:
    return _free(ctx.db, vm, "VBD")


@call("VM.get_allowed_VIF_devices")
def get_allowed_vif_devices(ctx: Context, vm: Obj) -> list[str]:
    return _free(ctx.db, vm, "VIF")


def _device(ctx: Context, vm: Obj, cls: str, wished: str) -> str:
    free = _free(ctx.db, vm, cls)
    if wished == "autodetect" and cls == "VBD" and free:
        return free[0]
    if wished in _taken(ctx.db, vm, cls):
        raise Failure("DEVICE_ALREADY_EXISTS", wished)
    if wished not in free:
        raise Failure("INVALID_DEVICE", wished)
    return wished


@call("VBD.create")
def create_vbd(ctx: Context, given: dict[str, Any]) -> str:
    vm, vdi = ctx.db.get("VM", given["VM"]), optional(ctx.db, "VDI", given["VDI"])
    if given["type"] == "CD" and given["mode"] != "RO":
        raise Failure("VBD_CDS_MUST_BE_READONLY")
    if given["type"] == "Disk" and (given["empty"] or vdi is None):
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", NULL)
    if vdi is not None and not given["empty"]:
        if vdi["read_only"] and given["mode"] == "RW":
            raise Failure("VDI_READONLY", vdi.ref)
        if vdi["type"] not in {"user", "system", "ephemeral"}:
            raise Failure("VDI_INCOMPATIBLE_TYPE", vdi.ref, vdi["type"])
    userdevice = _device(ctx, vm, "VBD", given["userdevice"])
    fields = given | {"userdevice": userdevice, "currently_attached": False}
    if given["empty"]:
        fields["VDI"] = NULL
    return ctx.db.create("VBD", **fields, metrics=f"OpaqueRef:{ctx.db.uuid()}").ref


def _assert_hotplug(db: Database, vm: Obj, feature: str) -> None:
    """Guests of type HVM need drivers for it, and must not say that they cannot."""
    if vm["domain_type"] != "hvm":
        return
    metrics = db.find("VM_guest_metrics", vm["guest_metrics"])
    if metrics is None or not metrics["PV_drivers_detected"]:
        raise Failure("VM_MISSING_PV_DRIVERS", vm.ref)
    if metrics[f"can_use_hotplug_{feature.lower()}"] == "no":
        raise Failure("OPERATION_NOT_ALLOWED", f"VM states it does not support {feature} hotplug.")


@call("VBD.plug")
def plug_vbd(ctx: Context, vbd: Obj) -> None:
    vm = machine(ctx.db, vbd)
    if vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_ATTACHED", vbd.ref)
    demand(vm, "Running")
    _assert_hotplug(ctx.db, vm, "VBD")
    if vbd["empty"]:
        raise Failure("VBD_IS_EMPTY", vbd.ref)
    storage.assert_free(ctx.db, ctx.db.get("VDI", vbd["VDI"]), vbd, "attach")
    storage.attach(ctx.db, vbd)
    ctx.db.touch(vm)


@call("VBD.unplug")
def unplug_vbd(ctx: Context, vbd: Obj) -> None:
    vm = machine(ctx.db, vbd)
    if not vbd["unpluggable"]:
        raise Failure("VBD_NOT_UNPLUGGABLE", vbd.ref)
    demand(vm, "Running")
    if not vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", vbd.ref)
    _assert_hotplug(ctx.db, vm, "VBD")
    if vm.hidden.get("holds_devices"):
        raise Failure("DEVICE_DETACH_REJECTED", "VBD", vbd.ref, "Device in use; refusing to close")
    storage.detach(ctx.db, vbd)
    ctx.db.touch(vm)


@call("VBD.unplug_force")
def unplug_vbd_force(ctx: Context, vbd: Obj) -> None:
    if not vbd["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", vbd.ref)
    storage.detach(ctx.db, vbd)


@call("VBD.destroy")
def destroy_vbd(ctx: Context, vbd: Obj) -> None:
    if vbd["currently_attached"]:
        vm = machine(ctx.db, vbd)
        raise Failure("OPERATION_NOT_ALLOWED", f"VBD '{vbd.uuid}' still attached to '{vm.uuid}'")
    ctx.db.destroy(vbd)


@call("VBD.insert")
def insert(ctx: Context, vbd: Obj, vdi: str) -> None:
    medium = ctx.db.get("VDI", vdi)
    if vbd["type"] != "CD":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", vbd.ref)
    if not vbd["empty"]:
        raise Failure("VBD_NOT_EMPTY", vbd.ref)
    ctx.db.set(vbd, VDI=medium.ref, empty=False)
    if machine(ctx.db, vbd)["power_state"] in {"Running", "Paused"}:
        storage.attach(ctx.db, vbd)


@call("VBD.eject")
def eject(ctx: Context, vbd: Obj) -> None:
    if vbd["type"] != "CD":
        raise Failure("VBD_NOT_REMOVABLE_MEDIA", vbd.ref)
    if vbd["empty"]:
        raise Failure("VBD_IS_EMPTY", vbd.ref)
    if machine(ctx.db, vbd).hidden.get("holds_devices"):
        raise Failure("VBD_TRAY_LOCKED", vbd.ref)
    storage.detach(ctx.db, vbd)
    ctx.db.set(vbd, VDI=NULL, empty=True)


@call("VBD.set_userdevice")
def set_userdevice(ctx: Context, vbd: Obj, value: str) -> None:
    if value != vbd["userdevice"]:
        ctx.db.set(vbd, userdevice=_device(ctx, machine(ctx.db, vbd), "VBD", value))


@call("VBD.set_mode")
def set_mode(ctx: Context, vbd: Obj, value: str) -> None:
    if vbd["type"] == "CD" and value != "RO":
        raise Failure("VBD_CDS_MUST_BE_READONLY")
    demand(machine(ctx.db, vbd), "Halted")
    ctx.db.set(vbd, mode=value)


@call("VBD.assert_attachable")
def assert_attachable(ctx: Context, vbd: Obj) -> None:
    if vdi := ctx.db.find("VDI", vbd["VDI"]):
        storage.assert_free(ctx.db, vdi, vbd, "attach")


@call("VIF.create")
def create_vif(ctx: Context, given: dict[str, Any]) -> str:
    vm = ctx.db.get("VM", given["VM"])
    ctx.db.get("network", given["network"])
    device = _device(ctx, vm, "VIF", given["device"])
    mac = given["MAC"]
    if mac and not MAC.fullmatch(mac):
        raise Failure("MAC_INVALID", mac)
    own = {"MAC": mac or fresh_mac(ctx.db), "MAC_autogenerated": not mac, "currently_attached": False}
    return ctx.db.create("VIF", **given | own | {"device": device, "metrics": f"OpaqueRef:{ctx.db.uuid()}"}).ref


def fresh_mac(db: Database) -> str:
    octets = bytearray(db.chance.randbytes(6))
    octets[0] = octets[0] & 0xFC | 0x02
    return octets.hex(":")


@call("VIF.plug")
def plug_vif(ctx: Context, vif: Obj) -> None:
    vm = machine(ctx.db, vif)
    if vif["currently_attached"]:
        raise Failure("DEVICE_ALREADY_ATTACHED", vif.ref)
    demand(vm, "Running")
    _assert_hotplug(ctx.db, vm, "VIF")
    _switch(ctx, vif, on=True)


@call("VIF.unplug")
def unplug_vif(ctx: Context, vif: Obj) -> None:
    vm = machine(ctx.db, vif)
    demand(vm, "Running")
    if not vif["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", vif.ref)
    _assert_hotplug(ctx.db, vm, "VIF")
    _switch(ctx, vif, on=False)


@call("VIF.unplug_force")
def unplug_vif_force(ctx: Context, vif: Obj) -> None:
    if not vif["currently_attached"]:
        raise Failure("DEVICE_ALREADY_DETACHED", vif.ref)
    _switch(ctx, vif, on=False)


def _switch(ctx: Context, vif: Obj, *, on: bool) -> None:
    ctx.db.set(vif, currently_attached=on)
    vm = machine(ctx.db, vif)
    if ctx.db.find("VM_guest_metrics", vm["guest_metrics"]):
        power.report(ctx.pool, vm)


@call("VIF.destroy")
def destroy_vif(ctx: Context, vif: Obj) -> None:
    if vif["currently_attached"]:
        raise Failure("OPERATION_NOT_ALLOWED", "VIF currently attached to a running VM")
    ctx.db.destroy(vif)


@call("VIF.move")
def move(ctx: Context, vif: Obj, network: str) -> None:
    ctx.db.set(vif, network=ctx.db.get("network", network).ref)


def vbd_operations(db: Database, vbd: Obj) -> list[str]:
    vm = db.find("VM", vbd["VM"])
    running = vm is not None and vm["power_state"] == "Running"
    found = ["attach"] + (["unpause", "pause"] if running else [])
    if running and not vbd["currently_attached"] and not vbd["empty"]:
        found.append("plug")
    if running and vbd["currently_attached"] and vbd["unpluggable"]:
        found += ["unplug", "unplug_force"]
    if vbd["type"] == "CD":
        found.append("insert" if vbd["empty"] else "eject")
    return found


def vif_operations(db: Database, vif: Obj) -> list[str]:
    vm = db.find("VM", vif["VM"])
    running = vm is not None and vm["power_state"] == "Running"
    return ["attach"] + (["unplug" if vif["currently_attached"] else "plug"] if running else [])


@call("network.create")
def create_network(ctx: Context, given: dict[str, Any]) -> str:
    number = len(ctx.db.tables["network"])
    return ctx.db.create("network", **given | {"bridge": given.get("bridge") or f"xapi{number}"}).ref


@call("network.destroy")
def destroy_network(ctx: Context, network: Obj) -> None:
    cards = ctx.db.many("VIF", network["VIFs"])
    if attached := [vif.ref for vif in cards if vif["currently_attached"]]:
        raise Failure("NETWORK_CONTAINS_VIF", *attached)
    for vif in cards:
        ctx.db.destroy(vif)
    ctx.db.destroy(network)
