"""Which operation a machine allows now: the table of power states, and the checks in the order of the real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.rigs.xapi.context import Context
from tests.rigs.xapi.database import Database, Obj
from tests.rigs.xapi.datamodel import ENUMS, words
from tests.rigs.xapi.errors import NULL, Failure

STATES = ("Halted", "Paused", "Suspended", "Running")
_IN: dict[tuple[str, ...], str] = {
    ("Halted",): "start start_on provision make_into_template changing_VCPUs changing_static_range "
    "changing_memory_limits changing_shadow_memory changing_NVRAM create_vtpm clone copy",
    ("Paused",): "unpause",
    ("Suspended",): "resume resume_on csvm",
    ("Running",): "clean_shutdown clean_reboot pause suspend pool_migrate changing_VCPUs_live changing_memory_live "
    "changing_shadow_memory_live awaiting_memory_live data_source_op call_plugin send_sysrq send_trigger sysprep "
    "snapshot_with_quiesce",
    ("Halted", "Running"): "changing_dynamic_range",
    ("Halted", "Suspended"): "destroy export create_template",
    ("Paused", "Running"): "hard_reboot",
    ("Paused", "Suspended", "Running"): "hard_shutdown shutdown checkpoint get_boot_record",
    ("Halted", "Suspended", "Running"): "migrate_send",
    STATES: "snapshot revert metadata_export power_state_reset query_services update_allowed_operations "
    "assert_operation_valid",
}
POWER = {operation: states for states, operations in _IN.items() for operation in operations.split()}

FOR_TEMPLATES = set(
    words(
        "changing_dynamic_range changing_static_range changing_memory_limits changing_shadow_memory "
        "changing_VCPUs changing_NVRAM clone copy export metadata_export provision"
    )
)
FOR_OWN_TEMPLATES = {"destroy", "migrate_send"}
FOR_SNAPSHOTS = set(words("revert clone copy export destroy hard_shutdown metadata_export"))
FOR_DOM0 = set(
    words(
        "changing_dynamic_range changing_static_range changing_memory_limits changing_shadow_memory "
        "changing_VCPUs metadata_export data_source_op update_allowed_operations assert_operation_valid"
    )
)
RESIZE_DOM0 = FOR_DOM0 & set(_IN["Halted",].split())
NEEDS_GUEST = {"clean_shutdown", "clean_reboot", "suspend"}
NOT_LISTED = set(
    words(
        "csvm get_boot_record send_sysrq send_trigger query_services shutdown call_plugin changing_memory_live "
        "awaiting_memory_live changing_memory_limits changing_shadow_memory_live changing_VCPUs "
        "assert_operation_valid data_source_op update_allowed_operations import reverting create_template "
        "power_state_reset"
    )
)
LISTED = [name for name in reversed(ENUMS["vm_operations"]) if name in POWER and name not in NOT_LISTED]

_COPYING, _SNAPSHOTTING = {"clone", "copy", "export"}, {"snapshot", "checkpoint"}


def check(db: Database, vm: Obj, operation: str) -> None:
    """Raises the first reason why this may not be done now."""
    if operation in vm["blocked_operations"]:
        raise Failure("OPERATION_BLOCKED", vm.ref, vm["blocked_operations"][operation])
    _check_power(vm, operation)
    _check_others(vm, operation)
    _check_kind(vm, operation)
    if operation in NEEDS_GUEST and not listens(db, vm):
        raise Failure("VM_LACKS_FEATURE", vm.ref)
    if operation == "sysprep" and not listens(db, vm):
        raise Failure("VM_LACKS_FEATURE", vm.ref)
    if operation == "snapshot_with_quiesce":
        raise Failure("VM_SNAPSHOT_WITH_QUIESCE_NOT_SUPPORTED", vm.ref, "")


def states(vm: Obj, operation: str) -> tuple[str, ...]:
    allowed = POWER.get(operation, STATES)
    if vm["is_a_snapshot"] and operation in {"clone", "copy"}:
        return (*allowed, "Suspended")
    if vm["is_control_domain"] and operation in RESIZE_DOM0:
        return (*allowed, "Running")
    return allowed


def _check_power(vm: Obj, operation: str) -> None:
    demand(vm, *states(vm, operation))


def demand(vm: Obj, *allowed: str) -> None:
    if vm["power_state"] not in allowed:
        expected = ", ".join(state.lower() for state in allowed)
        raise Failure("VM_BAD_POWER_STATE", vm.ref, expected, vm["power_state"].lower())


def _check_others(vm: Obj, operation: str) -> None:
    current: dict[str, str] = vm["current_operations"]
    if not current or _goes_along(operation, set(current.values())):
        return
    several = len(current) > 1
    what, where = ",".join(current.values()), ",".join(current)
    raise Failure("OTHER_OPERATION_IN_PROGRESS", "VM", vm.ref, f"{{{what}}}" if several else what, where)


def _goes_along(operation: str, current: set[str]) -> bool:
    for group in (_COPYING, _SNAPSHOTTING):
        if operation in group:
            return current <= group
    if operation == "hard_shutdown":
        return "hard_shutdown" not in current
    if operation == "hard_reboot":
        return not current & {"hard_shutdown", "hard_reboot"}
    if operation in {"metadata_export", "clean_shutdown", "clean_reboot"}:
        return current == {"migrate_send"}
    return False


def _check_kind(vm: Obj, operation: str) -> None:
    if vm["is_a_template"] and not vm["is_a_snapshot"]:
        own = operation in FOR_OWN_TEMPLATES and not vm["is_default_template"]
        if operation not in FOR_TEMPLATES and not own:
            raise Failure("VM_IS_TEMPLATE", vm.ref, operation)
    if vm["is_a_snapshot"] and operation not in FOR_SNAPSHOTS:
        raise Failure("VM_IS_SNAPSHOT", vm.ref, operation)
    if operation == "provision" and not vm["is_a_template"]:
        raise Failure("PROVISION_ONLY_ALLOWED_ON_TEMPLATE")
    if operation == "revert" and not vm["is_a_snapshot"]:
        raise Failure("REVERT_ONLY_ALLOWED_ON_SNAPSHOT")
    if vm["is_control_domain"] and operation not in FOR_DOM0:
        raise Failure("OPERATION_NOT_ALLOWED", "This operation is not allowed on dom0")


def listens(db: Database, vm: Obj) -> bool:
    """The guest has said that it has drivers. Guests that are not HVM always have them."""
    if vm["domain_type"] in {"pv", "pvh", "pv_in_pvh"}:
        return True
    metrics = db.find("VM_guest_metrics", vm["guest_metrics"])
    return metrics is not None and bool(metrics["PV_drivers_detected"])


def allowed(db: Database, vm: Obj) -> list[str]:
    """The advisory list on the record: whatever passes the checks, less what is never listed."""
    found = []
    for operation in LISTED:
        try:
            check(db, vm, operation)
        except Failure:
            continue
        found.append(operation)
    return found


@contextmanager
def operating(ctx: Context, vm: Obj, operation: str) -> Iterator[None]:
    """Checks, and keeps the operation in current_operations until it is over."""
    check(ctx.db, vm, operation)
    ctx.db.set(vm, current_operations=vm["current_operations"] | {ctx.task_ref: operation})
    try:
        yield
    finally:
        if ctx.db.find("VM", vm.ref) is vm:
            rest = {ref: name for ref, name in vm["current_operations"].items() if ref != ctx.task_ref}
            ctx.db.set(vm, current_operations=rest)


def halted(vm: Obj) -> bool:
    return bool(vm["power_state"] == "Halted") and vm["resident_on"] == NULL
