"""Snapshots, checkpoints, and going back to them."""

from __future__ import annotations

from typing import Any

from tests.rigs.xapi import machines, power, storage, suspension
from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context
from tests.rigs.xapi.database import Database, Obj, now
from tests.rigs.xapi.datamodel import words
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.lifecycle import operating

KEPT_BY_VM = set(
    words(
        "uuid allowed_operations current_operations power_state suspend_VDI resident_on consoles VIFs VBDs domid "
        "is_a_snapshot snapshot_of snapshots snapshot_time snapshot_info snapshot_metadata parent children "
        "scheduled_to_be_resident_on metrics guest_metrics is_a_template"
    )
)
"""What a revert does not bring back from the snapshot's metadata."""


@call("VM.snapshot", [])
def snapshot(ctx: Context, vm: Obj, new_name: str, ignore_vdis: list[str]) -> str:
    with operating(ctx, vm, "snapshot"):
        made = _take(ctx, vm, new_name, set(ignore_vdis))
    ctx.note("VM_SNAPSHOTTED", vm)
    return made.ref


@call("VM.checkpoint")
def checkpoint(ctx: Context, vm: Obj, new_name: str) -> str:
    if not ctx.settings.checkpoints:
        raise Failure("LICENCE_RESTRICTION", "Checkpoint")
    with operating(ctx, vm, "checkpoint"):
        image = suspension.save_memory(ctx, vm)
        made = _take(ctx, vm, new_name, set())
        ctx.db.set(made, power_state="Suspended", suspend_VDI=image.ref)
    ctx.note("VM_CHECKPOINTED", vm)
    return made.ref


def _take(ctx: Context, vm: Obj, name: str, left_out: set[str]) -> Obj:
    db = ctx.db
    sources = [vdi for _, vdi in machines.disks(db, vm) if vdi.ref not in left_out]
    copies: dict[str, str] = {}
    try:
        for vdi in sources:
            copies[vdi.ref] = storage.snapshot_of(db, vdi).ref
        ctx.work(ctx.settings.snapshot_seconds)
    except Failure:
        for copied in db.many("VDI", list(copies.values())):
            storage.erase(db, copied)
        raise
    fields = {field: value for field, value in vm.fields.items() if field not in machines.NOT_COPIED}
    info = {"power-state-at-snapshot": vm["power_state"], "disk-snapshot-type": "crash_consistent"}
    own: dict[str, Any] = {"is_a_template": True, "is_a_snapshot": True, "snapshot_of": vm.ref, "snapshot_info": info}
    own |= {"name_label": name, "snapshot_time": now(), "snapshot_metadata": _written(vm), "parent": vm["parent"]}
    keys = f"{db.chance.getrandbits(63)}:{db.chance.getrandbits(63)}"
    made = machines.add(db, fields | own | _metrics(db, vm) | {"generation_id": keys})
    made.hidden.update(saved=dict(vm.fields), guest=power.guest(vm))
    machines.copy_devices(db, vm, made, copies, keep_macs=True)
    db.set(vm, parent=made.ref)
    return made


def _metrics(db: Database, vm: Obj) -> dict[str, str]:
    """Copies of what was known of the running guest; they go with the snapshot."""
    copied = {}
    for cls, field in (("VM_metrics", "metrics"), ("VM_guest_metrics", "guest_metrics")):
        if source := db.find(cls, vm[field]):
            copied[field] = db.create(
                cls, **{name: value for name, value in source.fields.items() if name != "uuid"}
            ).ref
    return copied


def _written(vm: Obj) -> str:
    """The record in the notation that the real server keeps in the field."""
    pairs = ((name, vm[name]) for name in sorted(vm.fields, reverse=True))
    quoted = (f"('{name}' '{_quoted(value)}')" for name, value in pairs)
    return f"({' '.join(quoted)})"


def _quoted(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"({' '.join(repr(str(item)) for item in value)})"
        case dict():
            return f"({' '.join(f'({key!r} {item!r})' for key, item in value.items())})".replace("'", "\\'")
    return str(value).replace("'", "\\'")


@call("VM.revert")
def revert(ctx: Context, saved: Obj) -> None:
    """The argument is the snapshot. Whatever state the machine is in, even that of being gone, it is halted after."""
    if not saved["is_a_snapshot"]:
        raise Failure("VM_REVERT_FAILED", saved.ref, NULL)
    with operating(ctx, saved, "revert"):
        vm = ctx.db.find("VM", saved["snapshot_of"]) or _recreated(ctx.db, saved)
        if vm["power_state"] != "Halted":
            power.stop(ctx.pool, vm)
        try:
            copies = {vdi.ref: storage.duplicate(ctx.db, vdi).ref for _, vdi in machines.disks(ctx.db, saved)}
        except Failure as failure:
            raise Failure("VM_REVERT_FAILED", saved.ref, vm.ref) from failure
        ctx.work(ctx.settings.snapshot_seconds)
        _put_back(ctx.db, vm, saved, copies)
    ctx.note("VM_SNAPSHOT_REVERTED", vm)


def _recreated(db: Database, saved: Obj) -> Obj:
    """The old uuid under a new ref; every snapshot of the old one is one of the new one."""
    kept: dict[str, Any] = saved.hidden["saved"]
    fields = {name: value for name, value in kept.items() if name not in machines.NOT_COPIED}
    vm = machines.add(db, fields | {"uuid": kept["uuid"], "is_a_template": False})
    vm.hidden["guest"] = saved.hidden.get("guest", "agent")
    for other in db.all("VM"):
        if other["is_a_snapshot"] and other["snapshot_of"] == saved["snapshot_of"] and other is not saved:
            db.set(other, snapshot_of=vm.ref)
    db.set(saved, snapshot_of=vm.ref)
    return vm


def _put_back(db: Database, vm: Obj, saved: Obj, copies: dict[str, str]) -> None:
    """Disks that the snapshot does not know are left behind, plugged in nowhere."""
    with_snapshot = {db.get("VDI", source)["snapshot_of"] for source in copies}
    replaced = [vdi for _, vdi in machines.disks(db, vm) if vdi.ref in with_snapshot]
    machines.strip(db, vm)
    machines.copy_devices(db, saved, vm, copies, keep_macs=True)
    for source, made in copies.items():
        old = db.get("VDI", source)["snapshot_of"]
        for kept in db.all("VDI"):
            if kept["is_a_snapshot"] and kept["snapshot_of"] == old:
                db.set(kept, snapshot_of=made)
    for vdi in replaced:
        if not vdi["VBDs"]:
            storage.erase(db, vdi)
    fields = {name: value for name, value in saved.hidden["saved"].items() if name not in KEPT_BY_VM}
    for cls, field in (("VM_metrics", "metrics"), ("VM_guest_metrics", "guest_metrics")):
        if old_metrics := db.find(cls, vm[field]):
            db.destroy(old_metrics)
    db.set(vm, **fields | _metrics(db, saved), parent=saved.ref)
