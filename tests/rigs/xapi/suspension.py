"""Suspending and resuming, and moving to another host."""

from __future__ import annotations

from tests.rigs.xapi import placement, power, storage
from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context
from tests.rigs.xapi.database import Obj
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.lifecycle import operating


def suspend_sr(ctx: Context, vm: Obj) -> Obj:
    host = ctx.db.find("host", vm["resident_on"])
    for ref in (vm["suspend_SR"], ctx.pool.this["suspend_image_SR"], host["suspend_image_sr"] if host else NULL):
        if sr := ctx.db.find("SR", ref):
            return sr
    raise Failure("VM_NO_SUSPEND_SR", vm.ref)


def save_memory(ctx: Context, vm: Obj) -> Obj:
    sr = suspend_sr(ctx, vm)
    size = int(vm["memory_dynamic_max"])
    fields = {"name_label": "Suspend image", "type": "suspend", "virtual_size": size}
    return storage.make(ctx.db, sr, fields)


@call("VM.suspend")
def suspend(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "suspend"):
        image = save_memory(ctx, vm)
        ctx.work(ctx.settings.suspend_seconds)
        power.stop(ctx.pool, vm, "Suspended")
        ctx.db.set(vm, suspend_VDI=image.ref)
    ctx.note("VM_SUSPENDED", vm)


def _resume(ctx: Context, vm: Obj, host: Obj, *, paused: bool) -> None:
    ctx.work(ctx.settings.suspend_seconds)
    power.forget_memory(ctx.pool, vm)
    power.boot(ctx.pool, vm, host, paused=paused, fresh=False)
    ctx.note("VM_RESUMED", vm)


@call("VM.resume")
def resume(ctx: Context, vm: Obj, start_paused: bool, force: bool) -> None:
    del force
    with operating(ctx, vm, "resume"):
        _resume(ctx, vm, placement.choose(ctx.pool, vm), paused=start_paused)


@call("VM.resume_on")
def resume_on(ctx: Context, vm: Obj, host: str, start_paused: bool, force: bool) -> None:
    del force
    with operating(ctx, vm, "resume_on"):
        there = ctx.db.get("host", host)
        placement.assert_fits(ctx.pool, vm, there)
        _resume(ctx, vm, there, paused=start_paused)


@call("VM.pool_migrate")
def pool_migrate(ctx: Context, vm: Obj, host: str, options: dict[str, str]) -> None:
    del options
    with operating(ctx, vm, "pool_migrate"):
        there = ctx.db.get("host", host)
        placement.assert_fits(ctx.pool, vm, there)
        ctx.work(ctx.settings.suspend_seconds)
        ctx.db.set(vm, resident_on=there.ref)
