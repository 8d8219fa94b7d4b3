"""On and off: starting, stopping, pausing, and the guests that listen or do not."""

from __future__ import annotations

from threading import Timer
from typing import Any

from tests.rigs.xapi import placement, storage
from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, Pool
from tests.rigs.xapi.database import Obj, now
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.lifecycle import demand, operating

BIOS = {
    "bios-vendor": "Xen",
    "bios-version": "",
    "system-manufacturer": "Xen",
    "system-product-name": "HVM domU",
    "system-version": "",
    "system-serial-number": "",
    "baseboard-manufacturer": "",
    "baseboard-product-name": "",
    "baseboard-version": "",
    "baseboard-serial-number": "",
    "baseboard-asset-tag": "",
    "baseboard-location-in-chassis": "",
    "enclosure-asset-tag": "",
    "hp-rombios": "",
    "oem-1": "Xen",
    "oem-2": "MS_VM_CERT/SHA1/bdbeb6e0a816d43fa6d3fe8aaef04c2bad9d3e3d",
}


def guest(vm: Obj) -> str:
    """`agent` listens; `deaf` has drivers but does not hear; `stuck` hears but never stops; `plain` has nothing."""
    return str(vm.hidden.get("guest", "agent"))


def boot(pool: Pool, vm: Obj, host: Obj, *, paused: bool = False, fresh: bool = True) -> None:
    """It runs on that host from now on."""
    db = pool.db
    pool.domid += 1
    console = db.create("console", protocol="rfb", VM=vm.ref)
    db.set(console, location=f"https://{pool.settings.console_host}/console?uuid={console.uuid}")
    db.set(
        vm,
        power_state="Paused" if paused else "Running",
        resident_on=host.ref,
        scheduled_to_be_resident_on=NULL,
        domid=pool.domid,
        memory_target=vm["memory_dynamic_max"],
        platform=({"device-model": "qemu-upstream-compat"} if vm["domain_type"] == "hvm" else {}) | vm["platform"],
        last_boot_CPU_flags={"vendor": host["cpu_info"]["vendor"], "features": ""},
        bios_strings=vm["bios_strings"] or BIOS,
    )
    fields: dict[str, Any] = {"VCPUs_number": vm["VCPUs_at_startup"], "current_domain_type": vm["domain_type"]}
    fields |= {"VCPUs_utilisation": dict.fromkeys(range(vm["VCPUs_at_startup"]), 0.0)}
    fields |= {"hvm": vm["domain_type"] == "hvm"} | ({"start_time": now()} if fresh else {})
    db.set(db.get("VM_metrics", vm["metrics"]), **fields)
    _attach(pool, vm)
    if not paused:
        _come_up(pool, vm)


def _come_up(pool: Pool, vm: Obj) -> None:
    """Guests with an agent let it report, at once or after a while."""
    if guest(vm) == "plain":
        return
    if not pool.settings.agent_seconds:
        report(pool, vm)
        return
    domid = vm["domid"]

    def later() -> None:
        with pool.db.changed:
            if (vm["power_state"], vm["domid"]) == ("Running", domid):
                report(pool, vm)

    timer = Timer(pool.settings.agent_seconds, later)
    timer.daemon = True
    timer.start()


def _attach(pool: Pool, vm: Obj) -> None:
    db = pool.db
    for vbd in db.many("VBD", vm["VBDs"]):
        if not vbd["empty"]:
            storage.attach(db, vbd)
    for vif in db.many("VIF", vm["VIFs"]):
        db.set(vif, currently_attached=True)


def report(pool: Pool, vm: Obj) -> None:
    """The guest's agent speaks up."""
    db = pool.db
    networks: dict[str, str] = {}
    for vif in db.many("VIF", vm["VIFs"]):
        if vif["currently_attached"]:
            address = vif.hidden.setdefault("address", _address(pool))
            networks |= {f"{vif['device']}/ip": address, f"{vif['device']}/ipv4/0": address}
    features = {"feature-shutdown": "1", "feature-reboot": "1", "feature-suspend": "1"}
    fields: dict[str, Any] = {
        "os_version": {"name": "Simulated Linux", "uname": "6.1.0"},
        "PV_drivers_version": {"major": "8", "minor": "0", "micro": "0"},
        "PV_drivers_up_to_date": True,
        "networks": networks,
        "other": features,
        "last_updated": now(),
        "live": True,
        "PV_drivers_detected": True,
    }
    if known := db.find("VM_guest_metrics", vm["guest_metrics"]):
        db.set(known, **fields)
        db.touch(vm)
    else:
        db.set(vm, guest_metrics=db.create("VM_guest_metrics", **fields).ref)


def _address(pool: Pool) -> str:
    number = pool.addresses
    pool.addresses += 1
    return f"192.0.2.{number + 10}" if number < 240 else f"198.18.{number // 250 % 256}.{number % 250 + 1}"


def stop(pool: Pool, vm: Obj, state: str = "Halted") -> None:
    """It runs no more; whoever holds its disks and cards lets go of them, unless it is only suspended."""
    db = pool.db
    for console in db.many("console", vm["consoles"]):
        db.destroy(console)
    if state == "Halted":
        for vbd in db.many("VBD", vm["VBDs"]):
            storage.detach(db, vbd)
        for vif in db.many("VIF", vm["VIFs"]):
            db.set(vif, currently_attached=False)
        forget_memory(pool, vm)
    if metrics := db.find("VM_guest_metrics", vm["guest_metrics"]):
        db.destroy(metrics)
    halted = {"resident_on": NULL, "scheduled_to_be_resident_on": NULL, "domid": -1, "guest_metrics": NULL}
    db.set(vm, power_state=state, **halted)
    running = db.get("VM_metrics", vm["metrics"])
    db.set(running, VCPUs_number=0, VCPUs_utilisation={}, memory_actual=0)


def forget_memory(pool: Pool, vm: Obj) -> None:
    if image := pool.db.find("VDI", vm["suspend_VDI"]):
        storage.erase(pool.db, image)
        pool.db.set(vm, suspend_VDI=NULL)


def start_on_host(ctx: Context, vm: Obj, host: Obj, *, paused: bool, fresh: bool = True) -> None:
    storage.assert_disks_free(ctx.db, vm)
    ctx.db.set(vm, scheduled_to_be_resident_on=host.ref)
    try:
        ctx.work(ctx.settings.start_seconds)
        boot(ctx.pool, vm, host, paused=paused, fresh=fresh)
    finally:
        if vm["scheduled_to_be_resident_on"] != NULL:
            ctx.db.set(vm, scheduled_to_be_resident_on=NULL)


def _after_other_starts(ctx: Context, vm: Obj) -> None:
    """Starts of one machine queue up; whoever comes second finds it running."""
    while {"start", "start_on"} & set(vm["current_operations"].values()):
        ctx.pause(0.05)


@call("VM.start")
def start(ctx: Context, vm: Obj, start_paused: bool, force: bool) -> None:
    del force
    _after_other_starts(ctx, vm)
    with operating(ctx, vm, "start"):
        start_on_host(ctx, vm, placement.choose(ctx.pool, vm), paused=start_paused)
    ctx.note("VM_STARTED", vm, f"VM '{vm['name_label']}' started")


@call("VM.start_on")
def start_on(ctx: Context, vm: Obj, host: str, start_paused: bool, force: bool) -> None:
    del force
    _after_other_starts(ctx, vm)
    with operating(ctx, vm, "start_on"):
        there = ctx.db.get("host", host)
        placement.assert_fits(ctx.pool, vm, there)
        start_on_host(ctx, vm, there, paused=start_paused)
    ctx.note("VM_STARTED", vm, f"VM '{vm['name_label']}' started")


@call("VM.pause")
def pause(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "pause"):
        ctx.db.set(vm, power_state="Paused")


@call("VM.unpause")
def unpause(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "unpause"):
        ctx.db.set(vm, power_state="Running")
        _come_up(ctx.pool, vm)


@call("VM.hard_shutdown")
def hard_shutdown(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "hard_shutdown"):
        ctx.work(ctx.settings.stop_seconds)
        if vm["power_state"] != "Halted":
            stop(ctx.pool, vm)
    ctx.note("VM_SHUTDOWN", vm)


def _wait_for_guest(ctx: Context, vm: Obj) -> None:
    """Until the guest has stopped by itself, or somebody else has stopped it."""
    settings = ctx.settings
    if guest(vm) in {"deaf", "plain"}:
        ctx.work(settings.ack_seconds)
        if vm["power_state"] == "Running":
            raise Failure("VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT", vm.ref)
    elif guest(vm) == "stuck":
        ctx.work(settings.shutdown_seconds)
        if vm["power_state"] == "Running":
            raise Failure("VM_SHUTDOWN_TIMEOUT", vm.ref, f"{settings.shutdown_seconds:g}.")
    else:
        ctx.work(settings.guest_seconds)


@call("VM.clean_shutdown")
def clean_shutdown(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "clean_shutdown"):
        _wait_for_guest(ctx, vm)
        if vm["power_state"] != "Halted":
            stop(ctx.pool, vm)
    ctx.note("VM_SHUTDOWN", vm)


@call("VM.shutdown")
def shutdown(ctx: Context, vm: Obj) -> None:
    demand(vm, "Paused", "Suspended", "Running")
    try:
        clean_shutdown(ctx, vm)
    except Failure as failure:
        if failure.details[0] in {"OPERATION_BLOCKED", "TASK_CANCELLED", "VM_IS_TEMPLATE", "VM_IS_SNAPSHOT"}:
            raise
        hard_shutdown(ctx, vm)


@call("VM.clean_reboot")
def clean_reboot(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "clean_reboot"):
        _wait_for_guest(ctx, vm)
        _again(ctx, vm)


@call("VM.hard_reboot")
def hard_reboot(ctx: Context, vm: Obj) -> None:
    with operating(ctx, vm, "hard_reboot"):
        ctx.work(ctx.settings.stop_seconds)
        _again(ctx, vm)


def _again(ctx: Context, vm: Obj) -> None:
    if vm["power_state"] == "Halted":
        return
    host = ctx.db.get("host", vm["resident_on"])
    stop(ctx.pool, vm)
    boot(ctx.pool, vm, host)
    ctx.note("VM_REBOOTED", vm)


@call("VM.power_state_reset")
def power_state_reset(ctx: Context, vm: Obj) -> None:
    if vm["is_control_domain"]:
        raise Failure("CANNOT_RESET_CONTROL_DOMAIN", vm.ref)
    stop(ctx.pool, vm)
    ctx.db.set(vm, current_operations={})
