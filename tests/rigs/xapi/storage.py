"""Disks and what they lie on. An SR of type `dummy` checks nothing, every other one has as much room as it says."""

from __future__ import annotations

from typing import Any

from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, optional
from tests.rigs.xapi.database import Database, Obj, now
from tests.rigs.xapi.datamodel import words
from tests.rigs.xapi.errors import NULL, Failure

SNAPSHOT_BYTES = 8 * 1024 * 1024
"""What a snapshot takes up; everything else is as large on its SR as it looks to a guest."""
SR_OPERATIONS = words(
    "vdi_introduce unplug plug pbd_create pbd_destroy vdi_resize vdi_clone scan vdi_snapshot vdi_mirror "
    "vdi_create vdi_destroy"
)
UNATTACHED = words("generate_config update forget destroy snapshot resize copy clone")


def used(db: Database, sr: Obj) -> int:
    return sum(size_on_sr(vdi) for vdi in db.many("VDI", sr["VDIs"]))


def size_on_sr(vdi: Obj) -> int:
    return SNAPSHOT_BYTES if vdi["is_a_snapshot"] else int(vdi["virtual_size"])


def assert_room(db: Database, sr: Obj, size: int) -> None:
    if sr["type"] != "dummy" and used(db, sr) + size > sr["physical_size"]:
        raise Failure("SR_BACKEND_FAILURE_44", "", "There is insufficient space", "")


def assert_attached(db: Database, sr: Obj) -> None:
    if not any(pbd["currently_attached"] for pbd in db.many("PBD", sr["PBDs"])):
        raise Failure("SR_HAS_NO_PBDS", sr.ref)


def make(db: Database, sr: Obj, fields: dict[str, Any], *, content: bytes = b"") -> Obj:
    """A new disk on the SR, with that content and zeros behind it."""
    assert_attached(db, sr)
    size = SNAPSHOT_BYTES if fields.get("is_a_snapshot") else fields["virtual_size"]
    assert_room(db, sr, size)
    taken = 0 if sr["type"] == "dummy" else size
    own = {"SR": sr.ref, "managed": True, "physical_utilisation": taken, "snapshot_time": now()}
    vdi = db.create("VDI", **fields | own)
    db.set(vdi, location=vdi.uuid)
    vdi.hidden["content"] = content
    return vdi


def duplicate(db: Database, vdi: Obj, sr: Obj | None = None, **fields: Any) -> Obj:
    """A disk with the same content."""
    kept = {
        name: vdi[name]
        for name in (
            *("name_label", "name_description", "virtual_size", "type", "sharable", "read_only", "other_config"),
            *("xenstore_data", "sm_config", "tags"),
        )
    }
    return make(db, sr or db.get("SR", vdi["SR"]), kept | fields, content=vdi.hidden["content"])


def snapshot_of(db: Database, vdi: Obj) -> Obj:
    return duplicate(db, vdi, is_a_snapshot=True, snapshot_of=vdi.ref)


def erase(db: Database, vdi: Obj) -> None:
    """Gone, and with it whatever plugged it in."""
    for vbd in db.many("VBD", vdi["VBDs"]):
        db.destroy(vbd)
    db.destroy(vdi)


def attached_to(db: Database, vdi: Obj) -> list[Obj]:
    return [vbd for vbd in db.many("VBD", vdi["VBDs"]) if vbd["currently_attached"]]


def assert_free(db: Database, vdi: Obj, vbd: Obj, operation: str) -> None:
    """Nobody else writes to it."""
    others = [other for other in attached_to(db, vdi) if other is not vbd]
    if not vdi["sharable"] and any("RW" in {other["mode"], vbd["mode"]} for other in others):
        raise Failure("VDI_IN_USE", vdi.ref, operation)


def assert_disks_free(db: Database, vm: Obj) -> None:
    for vbd in db.many("VBD", vm["VBDs"]):
        if vdi := db.find("VDI", vbd["VDI"]):
            assert_free(db, vdi, vbd, "attach")


def attach(db: Database, vbd: Obj) -> None:
    number = int(vbd["userdevice"])
    db.set(vbd, currently_attached=True, device=f"xvd{chr(ord('a') + number)}")
    if vdi := db.find("VDI", vbd["VDI"]):
        db.touch(vdi)


def detach(db: Database, vbd: Obj) -> None:
    if vbd["currently_attached"]:
        db.set(vbd, currently_attached=False)
        if vdi := db.find("VDI", vbd["VDI"]):
            db.touch(vdi)


def allowed(db: Database, vdi: Obj) -> list[str]:
    return ["clone", "snapshot"] if attached_to(db, vdi) else UNATTACHED


@call("VDI.create")
def create(ctx: Context, given: dict[str, Any]) -> str:
    sr = ctx.db.get("SR", given["SR"])
    ctx.work(ctx.settings.disk_seconds)
    return make(ctx.db, sr, given).ref


@call("VDI.destroy")
def destroy(ctx: Context, vdi: Obj) -> None:
    if attached_to(ctx.db, vdi):
        raise Failure("VDI_IN_USE", vdi.ref, "destroy")
    ctx.work(ctx.settings.disk_seconds)
    erase(ctx.db, vdi)


@call("VDI.forget")
def forget(ctx: Context, vdi: Obj) -> None:
    if attached_to(ctx.db, vdi):
        raise Failure("VDI_IN_USE", vdi.ref, "forget")
    erase(ctx.db, vdi)


@call("VDI.clone", {})
def clone(ctx: Context, vdi: Obj, driver_params: dict[str, str]) -> str:
    del driver_params
    ctx.work(ctx.settings.disk_seconds)
    return duplicate(ctx.db, vdi).ref


@call("VDI.copy", NULL, NULL)
def copy(ctx: Context, vdi: Obj, sr: str, base_vdi: str, into_vdi: str) -> str:
    del base_vdi
    if any(vbd["mode"] == "RW" for vbd in attached_to(ctx.db, vdi)):
        raise Failure("VDI_IN_USE", vdi.ref, "copy")
    ctx.work(ctx.settings.copy_seconds)
    into = optional(ctx.db, "VDI", into_vdi)
    if into is None:
        return duplicate(ctx.db, vdi, optional(ctx.db, "SR", sr)).ref
    if into["virtual_size"] < vdi["virtual_size"]:
        raise Failure("VDI_TOO_SMALL", into.ref, vdi["virtual_size"])
    into.hidden["content"] = vdi.hidden["content"]
    return into.ref


@call("VDI.snapshot", {})
def snapshot(ctx: Context, vdi: Obj, driver_params: dict[str, str]) -> str:
    del driver_params
    return snapshot_of(ctx.db, vdi).ref


@call("VDI.resize")
def resize(ctx: Context, vdi: Obj, size: int) -> None:
    if attached_to(ctx.db, vdi):
        raise Failure("VDI_IN_USE", vdi.ref, "resize")
    ctx.work(ctx.settings.disk_seconds)
    _grow(ctx, vdi, size)


@call("VDI.resize_online")
def resize_online(ctx: Context, vdi: Obj, size: int) -> None:
    sr = ctx.db.get("SR", vdi["SR"])
    if not sr.hidden.get("resize_online"):
        raise Failure("SR_OPERATION_NOT_SUPPORTED", sr.ref)
    _grow(ctx, vdi, size)


def _grow(ctx: Context, vdi: Obj, size: int) -> None:
    sr = ctx.db.get("SR", vdi["SR"])
    more = size - vdi["virtual_size"]
    if more < 0 and sr["type"] != "dummy":
        raise Failure("SR_BACKEND_FAILURE_79", "", "VDI Invalid size [opterr=shrinking not allowed]", "")
    assert_room(ctx.db, sr, more)
    ctx.db.set(vdi, virtual_size=size, physical_utilisation=0 if sr["type"] == "dummy" else size)


@call("SR.scan")
def scan(ctx: Context, sr: Obj) -> None:
    """Only now do the SR's own figures follow what has happened to its disks."""
    assert_attached(ctx.db, sr)
    refresh(ctx.db, sr)


@call("SR.update")
def update(ctx: Context, sr: Obj) -> None:
    refresh(ctx.db, sr)


def refresh(db: Database, sr: Obj) -> None:
    if sr["type"] != "dummy":
        allocated = sum(int(vdi["virtual_size"]) for vdi in db.many("VDI", sr["VDIs"]))
        db.set(sr, physical_utilisation=used(db, sr), virtual_allocation=allocated)


@call("SR.create")
def create_sr(ctx: Context, *given: Any) -> str:
    host, device_config, physical_size, name_label, name_description, type_, content_type, shared, sm_config = given
    there = ctx.db.get("host", host)
    if type_ not in SUPPORTED:
        raise Failure("SR_UNKNOWN_DRIVER", type_)
    fields = {"name_label": name_label, "name_description": name_description, "type": type_, "shared": shared}
    fields |= {"content_type": content_type, "physical_size": physical_size, "sm_config": sm_config}
    sr = ctx.db.create("SR", **fields, allowed_operations=SR_OPERATIONS)
    for place in ctx.db.all("host") if shared else [there]:
        ctx.db.create("PBD", host=place.ref, SR=sr.ref, device_config=device_config, currently_attached=True)
    return sr.ref


SUPPORTED = words("dummy ext iso lvm nfs")


@call("SR.get_supported_types")
def get_supported_types(ctx: Context) -> list[str]:
    return SUPPORTED


def _assert_unplugged(ctx: Context, sr: Obj) -> None:
    if any(pbd["currently_attached"] for pbd in ctx.db.many("PBD", sr["PBDs"])):
        raise Failure("SR_HAS_PBD", sr.ref)


@call("SR.forget")
def forget_sr(ctx: Context, sr: Obj) -> None:
    _assert_unplugged(ctx, sr)
    for pbd in ctx.db.many("PBD", sr["PBDs"]):
        ctx.db.destroy(pbd)
    for vdi in ctx.db.many("VDI", sr["VDIs"]):
        erase(ctx.db, vdi)
    ctx.db.destroy(sr)


@call("SR.destroy")
def destroy_sr(ctx: Context, sr: Obj) -> None:
    _assert_unplugged(ctx, sr)
    if sr["VDIs"]:
        raise Failure("SR_NOT_EMPTY")
    forget_sr(ctx, sr)


@call("PBD.create")
def create_pbd(ctx: Context, given: dict[str, Any]) -> str:
    ctx.db.get("host", given["host"])
    ctx.db.get("SR", given["SR"])
    return ctx.db.create("PBD", **given).ref


@call("PBD.plug")
def plug(ctx: Context, pbd: Obj) -> None:
    ctx.db.set(pbd, currently_attached=True)


@call("PBD.unplug")
def unplug(ctx: Context, pbd: Obj) -> None:
    sr = ctx.db.get("SR", pbd["SR"])
    for vdi in ctx.db.many("VDI", sr["VDIs"]):
        for vbd in attached_to(ctx.db, vdi):
            if ctx.db.get("VM", vbd["VM"])["resident_on"] == pbd["host"]:
                raise Failure("VDI_IN_USE", vdi.ref, "detach")
    ctx.db.set(pbd, currently_attached=False)


@call("PBD.destroy")
def destroy_pbd(ctx: Context, pbd: Obj) -> None:
    if pbd["currently_attached"]:
        raise Failure("OPERATION_NOT_ALLOWED", "PBD is still attached")
    ctx.db.destroy(pbd)
