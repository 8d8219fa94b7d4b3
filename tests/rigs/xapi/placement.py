"""Hosts: what is free on them, which of them can run a machine, and why not."""

from __future__ import annotations

from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, Pool, optional
from tests.rigs.xapi.database import Database, Obj, now
from tests.rigs.xapi.errors import NULL, Failure

MIB = 1024 * 1024


def overhead(static_max: int, vcpus: int) -> int:
    """What Xen needs besides the guest's own memory: page tables and a few pages for each processor."""
    return (3 + vcpus + static_max // (128 * MIB)) * MIB


def needed(vm: Obj) -> int:
    return int(vm["memory_dynamic_max"]) + overhead(vm["memory_static_max"], vm["VCPUs_max"])


def free_memory(db: Database, host: Obj) -> int:
    total = int(db.get("host_metrics", host["metrics"])["memory_total"])
    residents = {vm.ref: vm for vm in db.many("VM", host["resident_VMs"])}
    residents |= {vm.ref: vm for vm in db.all("VM") if vm["scheduled_to_be_resident_on"] == host.ref}
    return total - int(host["memory_overhead"]) - sum(needed(vm) for vm in residents.values())


def assert_fits(pool: Pool, vm: Obj, host: Obj) -> None:
    """Raises the reason why this host cannot run it."""
    db = pool.db
    if not host["enabled"]:
        raise Failure("HOST_DISABLED", host.ref)
    if not db.get("host_metrics", host["metrics"])["live"]:
        raise Failure("HOST_NOT_LIVE")
    if int(host["cpu_info"]["cpu_count"]) < vm["VCPUs_max"]:
        raise Failure("HOST_NOT_ENOUGH_PCPUS", vm["VCPUs_max"], host["cpu_info"]["cpu_count"])
    _assert_reachable(pool, vm, host)
    if vm["domain_type"] == "hvm" and not any(word.startswith("hvm") for word in host["capabilities"]):
        raise Failure("VM_HVM_REQUIRED", vm.ref)
    if needed(vm) > (available := free_memory(db, host)):
        raise Failure("HOST_NOT_ENOUGH_FREE_MEMORY", needed(vm), available)


def _assert_reachable(pool: Pool, vm: Obj, host: Obj) -> None:
    db = pool.db
    attached = {pbd["SR"] for pbd in db.many("PBD", host["PBDs"]) if pbd["currently_attached"]}
    for vbd in db.many("VBD", vm["VBDs"]):
        vdi = db.find("VDI", vbd["VDI"])
        if vdi is not None and vdi["SR"] not in attached:
            raise Failure("VM_REQUIRES_SR", vm.ref, vdi["SR"])
    for vif in db.many("VIF", vm["VIFs"]):
        if host.ref in pool.out_of_reach.get(vif["network"], set()):
            raise Failure("VM_REQUIRES_NETWORK", vm.ref, vif["network"])


def possible(pool: Pool, vm: Obj) -> list[Obj]:
    found = []
    for host in pool.db.all("host"):
        try:
            assert_fits(pool, vm, host)
        except Failure:
            continue
        found.append(host)
    return found


def choose(pool: Pool, vm: Obj) -> Obj:
    """The host it likes, if that has room, else the one with the most free memory."""
    candidates = possible(pool, vm)
    if not candidates:
        raise Failure("NO_HOSTS_AVAILABLE")
    for host in candidates:
        if host.ref == vm["affinity"]:
            return host
    return max(candidates, key=lambda host: free_memory(pool.db, host))


@call("VM.assert_can_boot_here")
def assert_can_boot_here(ctx: Context, vm: Obj, host: str) -> None:
    assert_fits(ctx.pool, vm, ctx.db.get("host", host))


@call("VM.get_possible_hosts")
def get_possible_hosts(ctx: Context, vm: Obj) -> list[str]:
    return [host.ref for host in possible(ctx.pool, vm)]


@call("VM.assert_agile")
def assert_agile(ctx: Context, vm: Obj) -> None:
    for vbd in ctx.db.many("VBD", vm["VBDs"]):
        vdi = ctx.db.find("VDI", vbd["VDI"])
        sr = vdi and ctx.db.find("SR", vdi["SR"])
        if sr and not sr["shared"]:
            raise Failure("HA_CONSTRAINT_VIOLATION_SR_NOT_SHARED", sr.ref)


@call("VM.set_affinity")
def set_affinity(ctx: Context, vm: Obj, value: str) -> None:
    optional(ctx.db, "host", value)
    ctx.db.set(vm, affinity=value or NULL)


@call("host.compute_free_memory")
def compute_free_memory(ctx: Context, host: Obj) -> int:
    return free_memory(ctx.db, host)


@call("host.compute_memory_overhead")
def compute_memory_overhead(ctx: Context, host: Obj) -> int:
    return int(host["memory_overhead"])


@call("host.enable")
def enable(ctx: Context, host: Obj) -> None:
    ctx.db.set(host, enabled=True)


@call("host.disable", True)
def disable(ctx: Context, host: Obj, auto_enable: bool) -> None:
    del auto_enable
    ctx.db.set(host, enabled=False)


@call("host.get_servertime")
def get_servertime(ctx: Context, host: Obj) -> str:
    return now()
