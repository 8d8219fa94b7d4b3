"""Machines come and go and change: create, clone, copy, provision, destroy, processors and memory."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from tests.rigs.xapi import placement, storage
from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, optional
from tests.rigs.xapi.database import Database, Obj, now
from tests.rigs.xapi.datamodel import words
from tests.rigs.xapi.devices import fresh_mac
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.lifecycle import check, demand, operating

NOT_COPIED = set(
    words(
        "uuid allowed_operations current_operations power_state is_default_template suspend_VDI resident_on "
        "consoles VIFs VBDs domid metrics guest_metrics is_a_snapshot snapshot_of snapshots snapshot_time "
        "snapshot_info snapshot_metadata parent children scheduled_to_be_resident_on is_control_domain blobs "
        "generation_id last_booted_record"
    )
)


def overhead(vm: dict[str, Any]) -> int:
    return placement.overhead(vm["memory_static_max"], vm["VCPUs_max"])


def metrics(db: Database, vcpus: int) -> str:
    return db.create("VM_metrics", install_time=now(), VCPUs_number=vcpus).ref


def add(db: Database, fields: dict[str, Any]) -> Obj:
    """A halted machine with a fresh set of metrics."""
    own: dict[str, Any] = {"domid": -1, "memory_overhead": overhead(fields)}
    if not fields.get("metrics"):
        own["metrics"] = metrics(db, 0)
    return db.create("VM", **fields | own)


@call("VM.create")
def create(ctx: Context, given: dict[str, Any]) -> str:
    _assert_vcpus(given["VCPUs_max"], given["VCPUs_at_startup"])
    order = (*(given[f"memory_{name}"] for name in ("static_min", "dynamic_min", "dynamic_max", "static_max")),)
    if list(order) != sorted(order):
        raise Failure("MEMORY_CONSTRAINT_VIOLATION_ORDER")
    own = {"power_state": "Halted", "suspend_VDI": NULL, "last_booted_record": ""}
    vm = add(ctx.db, given | own | {"other_config": _seeded(ctx.db, given["other_config"])})
    return vm.ref


def _seeded(db: Database, other_config: dict[str, str], *, fresh: bool = False) -> dict[str, str]:
    if "mac_seed" in other_config and not fresh:
        return other_config
    return other_config | {"mac_seed": db.uuid()}


@call("VM.clone")
def clone(ctx: Context, vm: Obj, new_name: str) -> str:
    with operating(ctx, vm, "clone"):
        made = twin(ctx, vm, new_name, seconds=ctx.settings.clone_seconds)
    ctx.note("VM_CLONED", made)
    return made.ref


@call("VM.copy")
def copy(ctx: Context, vm: Obj, new_name: str, sr: str) -> str:
    onto = optional(ctx.db, "SR", sr)
    with operating(ctx, vm, "copy"):
        made = twin(ctx, vm, new_name, seconds=ctx.settings.copy_seconds, sr=onto)
    ctx.note("VM_CLONED", made)
    return made.ref


def disks(db: Database, vm: Obj) -> list[tuple[Obj, Obj]]:
    """Its disks, each with what plugs it in; no media in drives."""
    found = []
    for vbd in db.many("VBD", vm["VBDs"]):
        vdi = db.find("VDI", vbd["VDI"])
        if vbd["type"] == "Disk" and vdi is not None:
            found.append((vbd, vdi))
    return found


def twin(ctx: Context, vm: Obj, name: str, *, seconds: float, sr: Obj | None = None) -> Obj:
    """Disks first, one after the other, then the machine: a copy that was cut short leaves no machine behind."""
    db = ctx.db
    copies: dict[str, str] = {}
    sources = disks(db, vm)
    try:
        for _, vdi in sources:
            copies[vdi.ref] = storage.duplicate(db, vdi, sr).ref
            ctx.work(seconds / len(sources))
        if not sources:
            ctx.work(seconds)
    except Failure:
        for copied in db.many("VDI", list(copies.values())):
            storage.erase(db, copied)
        raise
    other_config = _seeded(db, vm["other_config"], fresh=True)
    if vm["is_a_template"]:
        other_config = (
            {"base_template_name": vm["name_label"]} | other_config | {"base_template_name": vm["name_label"]}
        )
    fields = {field: value for field, value in vm.fields.items() if field not in NOT_COPIED}
    keys = f"{db.chance.getrandbits(63)}:{db.chance.getrandbits(63)}"
    made = add(db, fields | {"name_label": name, "other_config": other_config, "generation_id": keys})
    made.hidden.update({key: value for key, value in vm.hidden.items() if key == "guest"})
    copy_devices(db, vm, made, copies, keep_macs=False)
    return made


def copy_devices(db: Database, vm: Obj, made: Obj, copies: dict[str, str], *, keep_macs: bool) -> None:
    """The same drives and cards on another machine, with the copies of the disks in them; none for other disks."""
    for vbd in db.many("VBD", vm["VBDs"]):
        if vbd["type"] == "Disk" and vbd["VDI"] not in copies:
            continue
        fields = _without(vbd, "uuid", "VM", "VDI", "currently_attached", "metrics", "current_operations")
        if vbd["type"] == "Disk" and "owner" not in vbd["other_config"]:
            fields["other_config"] = vbd["other_config"] | {"owner": ""}
        vdi = copies.get(vbd["VDI"], vbd["VDI"])
        db.create("VBD", VM=made.ref, VDI=vdi, metrics=f"OpaqueRef:{db.uuid()}", **fields)
    for vif in db.many("VIF", vm["VIFs"]):
        fields = _without(vif, "uuid", "VM", "MAC", "MAC_autogenerated", "currently_attached", "metrics")
        kept = {"MAC": vif["MAC"], "MAC_autogenerated": vif["MAC_autogenerated"]}
        mac = kept if keep_macs else {"MAC": fresh_mac(db), "MAC_autogenerated": True}
        db.create("VIF", VM=made.ref, metrics=f"OpaqueRef:{db.uuid()}", **fields, **mac)


def _without(obj: Obj, *names: str) -> dict[str, Any]:
    return {name: value for name, value in obj.fields.items() if name not in names}


@call("VM.provision")
def provision(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "provision"):
        for number, disk in enumerate(_wanted(vm)):
            sr = ctx.db.by_uuid.get(("SR", disk.get("sr", "")))
            if sr is None:
                raise Failure("UUID_INVALID", "sr", disk.get("sr", ""))
            size, kind = int(disk.get("size", "0")), disk.get("type", "system")
            vdi = storage.make(ctx.db, sr, {"name_label": str(number), "virtual_size": size, "type": kind})
            plugged = {"userdevice": disk.get("device", str(number)), "bootable": disk.get("bootable") == "true"}
            fields = {"mode": "RW", "type": "Disk", "other_config": {"owner": ""}, "unpluggable": False}
            ctx.db.create("VBD", VM=vm.ref, VDI=vdi.ref, **fields, **plugged)
        rest = {key: value for key, value in vm["other_config"].items() if key != "disks"}
        ctx.db.set(vm, is_a_template=False, other_config=rest)


def _wanted(vm: Obj) -> list[dict[str, str]]:
    text = vm["other_config"].get("disks", "")
    try:
        return [dict(disk.attrib) for disk in ET.fromstring(text).iter("disk")] if text else []  # noqa: S314
    except ET.ParseError as error:
        raise Failure.internal(f"Xml.Error({error})") from error


@call("VM.destroy")
def destroy(ctx: Context, vm: Obj) -> None:
    if vm["is_default_template"]:
        raise Failure("VM_CANNOT_DELETE_DEFAULT_TEMPLATE", vm.ref)
    with operating(ctx, vm, "destroy"):
        ctx.work(ctx.settings.destroy_seconds)
        remove(ctx.db, vm)


def remove(db: Database, vm: Obj) -> None:
    """The machine, its drives and its cards. Disks and snapshots stay."""
    for child in db.many("VM", vm["children"]):
        db.set(child, parent=vm["parent"])
    strip(db, vm)
    for cls, ref in (("VM_metrics", vm["metrics"]), ("VM_guest_metrics", vm["guest_metrics"])):
        if old := db.find(cls, ref):
            db.destroy(old)
    db.destroy(vm)


def strip(db: Database, vm: Obj) -> None:
    for cls, field in (("VBD", "VBDs"), ("VIF", "VIFs"), ("console", "consoles")):
        for obj in db.many(cls, vm[field]):
            db.destroy(obj)


def _assert_vcpus(most: int, at_startup: int) -> None:
    if not 0 < at_startup <= most:
        rule = "VCPU values must satisfy: 0 < VCPUs_at_startup ≤ VCPUs_max"
        raise Failure("INVALID_VALUE", rule, at_startup)


@call("VM.set_VCPUs_max")
def set_vcpus_max(ctx: Context, vm: Obj, value: int) -> None:
    check(ctx.db, vm, "changing_VCPUs")
    _assert_vcpus(value, vm["VCPUs_at_startup"])
    ctx.db.set(vm, VCPUs_max=value, memory_overhead=overhead(vm.fields | {"VCPUs_max": value}))


@call("VM.set_VCPUs_at_startup")
def set_vcpus_at_startup(ctx: Context, vm: Obj, value: int) -> None:
    check(ctx.db, vm, "changing_VCPUs")
    _assert_vcpus(vm["VCPUs_max"], value)
    ctx.db.set(vm, VCPUs_at_startup=value)


@call("VM.set_VCPUs_number_live")
def set_vcpus_number_live(ctx: Context, vm: Obj, nvcpu: int) -> None:
    check(ctx.db, vm, "changing_VCPUs_live")
    _assert_vcpus(vm["VCPUs_max"], nvcpu)
    ctx.db.set(ctx.db.get("VM_metrics", vm["metrics"]), VCPUs_number=nvcpu)


def _set_memory(ctx: Context, vm: Obj, *order: int) -> None:
    """static_min, dynamic_min, dynamic_max, static_max: from the smallest to the largest."""
    static_min, dynamic_min, dynamic_max, static_max = order
    if not ctx.settings.dynamic_memory and not dynamic_min == dynamic_max == static_max:
        raise Failure("MEMORY_CONSTRAINT_VIOLATION_MAXPIN", "DMC disabled")
    if list(order) != sorted(order):
        raise Failure("MEMORY_CONSTRAINT_VIOLATION_ORDER")
    fields = {"memory_static_min": static_min, "memory_dynamic_min": dynamic_min}
    fields |= {"memory_dynamic_max": dynamic_max, "memory_static_max": static_max}
    ctx.db.set(vm, **fields, memory_overhead=overhead(vm.fields | fields))


@call("VM.set_memory_limits")
def set_memory_limits(ctx: Context, vm: Obj, *limits: int) -> None:
    static_min, static_max, dynamic_min, dynamic_max = limits
    check(ctx.db, vm, "changing_memory_limits")
    _set_memory(ctx, vm, static_min, dynamic_min, dynamic_max, static_max)


@call("VM.set_memory")
def set_memory(ctx: Context, vm: Obj, value: int) -> None:
    check(ctx.db, vm, "changing_memory_limits")
    _set_memory(ctx, vm, min(value, vm["memory_static_min"]), value, value, value)


@call("VM.set_memory_static_range")
def set_memory_static_range(ctx: Context, vm: Obj, least: int, most: int) -> None:
    check(ctx.db, vm, "changing_static_range")
    _set_memory(ctx, vm, least, vm["memory_dynamic_min"], vm["memory_dynamic_max"], most)


@call("VM.set_memory_static_max")
def set_memory_static_max(ctx: Context, vm: Obj, value: int) -> None:
    set_memory_static_range(ctx, vm, vm["memory_static_min"], value)


@call("VM.set_memory_dynamic_range")
def set_memory_dynamic_range(ctx: Context, vm: Obj, least: int, most: int) -> None:
    check(ctx.db, vm, "changing_dynamic_range")
    _set_memory(ctx, vm, vm["memory_static_min"], least, most, vm["memory_static_max"])


@call("VM.set_memory_dynamic_max")
def set_memory_dynamic_max(ctx: Context, vm: Obj, value: int) -> None:
    set_memory_dynamic_range(ctx, vm, vm["memory_dynamic_min"], value)


@call("VM.set_is_a_template")
def set_is_a_template(ctx: Context, vm: Obj, value: bool) -> None:
    if value and not vm["is_a_template"]:
        check(ctx.db, vm, "make_into_template")
    demand(vm, "Halted")
    ctx.db.set(vm, is_a_template=value)


@call("VM.assert_operation_valid")
def assert_operation_valid(ctx: Context, vm: Obj, op: str) -> None:
    check(ctx.db, vm, op)


@call("VM.update_allowed_operations")
def update_allowed_operations(ctx: Context, vm: Obj) -> None:
    ctx.db.touch(vm)


@call("VM.get_boot_record")
def get_boot_record(ctx: Context, vm: Obj) -> Obj:
    check(ctx.db, vm, "get_boot_record")
    return vm
