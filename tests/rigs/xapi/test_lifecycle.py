"""The table of power states, and the order in which refusals come."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import XenAPI

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import machine, refused

TABLE = {
    "halted": "start start_on provision make_into_template changing_VCPUs changing_static_range changing_memory_limits "
    "changing_shadow_memory changing_NVRAM create_vtpm clone copy",
    "paused": "unpause",
    "suspended": "resume resume_on csvm",
    "running": "clean_shutdown clean_reboot pause suspend pool_migrate changing_VCPUs_live changing_memory_live "
    "changing_shadow_memory_live awaiting_memory_live data_source_op call_plugin send_sysrq send_trigger sysprep "
    "snapshot_with_quiesce",
    "halted, running": "changing_dynamic_range",
    "halted, suspended": "destroy export create_template",
    "paused, running": "hard_reboot",
    "paused, suspended, running": "hard_shutdown shutdown checkpoint get_boot_record",
    "halted, suspended, running": "migrate_send",
    "halted, paused, suspended, running": "snapshot revert metadata_export power_state_reset query_services "
    "update_allowed_operations assert_operation_valid",
}
"""Section 5 of the contract paper."""
NEVER_HERE = {
    "provision": ["PROVISION_ONLY_ALLOWED_ON_TEMPLATE"],
    "revert": ["REVERT_ONLY_ALLOWED_ON_SNAPSHOT"],
    "snapshot_with_quiesce": ["VM_SNAPSHOT_WITH_QUIESCE_NOT_SUPPORTED"],
}
ALLOWED = [(operation, states) for states, operations in TABLE.items() for operation in operations.split()]


def brought_to(xapi: Any, state: str) -> str:
    vm = machine(xapi, running=state != "Halted")
    if state in {"Paused", "Suspended"}:
        {"Paused": xapi.VM.pause, "Suspended": xapi.VM.suspend}[state](vm)
    assert xapi.VM.get_power_state(vm) == state
    return vm


@pytest.mark.parametrize("state", ["Halted", "Paused", "Suspended", "Running"])
def test_every_operation_is_allowed_just_where_the_table_says(xapi: Any, state: str) -> None:
    vm = brought_to(xapi, state)
    assert len(ALLOWED) == 48
    for operation, states in ALLOWED:
        details: list[str] = []
        try:
            xapi.VM.assert_operation_valid(vm, operation)
        except XenAPI.Failure as failure:
            details = failure.details
        if state.lower() not in states.split(", "):
            assert details == ["VM_BAD_POWER_STATE", vm, states, state.lower()], operation
        else:
            assert details[:1] == NEVER_HERE.get(operation, []), operation


def test_the_first_objection_wins(xapi: Any) -> None:
    vm = brought_to(xapi, "Running")
    with refused("VM_BAD_POWER_STATE", vm, "halted", "running"):
        xapi.VM.start(vm, False, False)
    xapi.VM.add_to_blocked_operations(vm, "start", "NOT_TODAY")
    with refused("OPERATION_BLOCKED", vm, "NOT_TODAY"):
        xapi.VM.start(vm, False, False)
    template = xapi.VM.get_by_name_label("debian-12")[0]
    with refused("VM_BAD_POWER_STATE", template, "running", "halted"):
        xapi.VM.pause(template)
    with refused("VM_IS_TEMPLATE", template, "start"):
        xapi.VM.start(template, False, False)


def test_default_templates_cannot_be_deleted_but_own_ones_can(xapi: Any) -> None:
    default = xapi.VM.get_by_name_label("Other install media")[0]
    with refused("VM_CANNOT_DELETE_DEFAULT_TEMPLATE", default):
        xapi.VM.destroy(default)
    own = xapi.VM.clone(xapi.VM.get_by_name_label("debian-12")[0], "mine")
    assert xapi.VM.get_is_a_template(own)
    xapi.VM.destroy(own)
    with refused("HANDLE_INVALID", "VM", own):
        xapi.VM.get_record(own)


def test_the_control_domain_is_left_alone(xapi: Any) -> None:
    dom0 = next(ref for ref, vm in xapi.VM.get_all_records().items() if vm["is_control_domain"])
    with refused("OPERATION_NOT_ALLOWED", "This operation is not allowed on dom0"):
        xapi.VM.hard_shutdown(dom0)


def test_a_guest_without_drivers_cannot_be_asked(xapi: Any) -> None:
    vm = machine(xapi, "debian-12-plain", running=True)
    for ask in (xapi.VM.clean_shutdown, xapi.VM.clean_reboot, xapi.VM.suspend):
        with refused("VM_LACKS_FEATURE", vm):
            ask(vm)
    assert not {"clean_shutdown", "clean_reboot", "suspend"} & set(xapi.VM.get_allowed_operations(vm))
    assert xapi.VM.get_guest_metrics(vm) == "OpaqueRef:NULL"
    xapi.VM.shutdown(vm)
    assert xapi.VM.get_power_state(vm) == "Halted"


def test_guests_that_do_not_hear_and_guests_that_do_not_stop(rig: XapiRig, xapi: Any) -> None:
    rig.settings(ack_seconds=0.1, shutdown_seconds=0.2)
    deaf, stuck = (machine(xapi, image, running=True) for image in ("debian-12-deaf", "debian-12-stuck"))
    with refused("VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT", deaf):
        xapi.VM.clean_shutdown(deaf)
    with refused("VM_SHUTDOWN_TIMEOUT", stuck, "0.2."):
        xapi.VM.clean_shutdown(stuck)
    assert xapi.VM.get_power_state(deaf) == xapi.VM.get_power_state(stuck) == "Running"
    xapi.VM.shutdown(deaf)
    assert xapi.VM.get_power_state(deaf) == "Halted"


def test_an_agent_that_takes_its_time(rig: XapiRig, xapi: Any) -> None:
    rig.settings(agent_seconds=0.3)
    vm = machine(xapi, running=True)
    rig.settings(agent_seconds=0)
    with refused("VM_LACKS_FEATURE", vm):
        xapi.VM.clean_shutdown(vm)
    rig.wait_for(lambda: xapi.VM.get_guest_metrics(vm) != "OpaqueRef:NULL")
    xapi.VM.clean_shutdown(vm)


def test_a_hard_shutdown_goes_over_a_clean_one(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi, running=True)
    rig.settings(guest_seconds=5)
    try:
        task = xapi.Async.VM.clean_shutdown(vm)
        rig.wait_for(lambda: xapi.VM.get_current_operations(vm) == {task: "clean_shutdown"})
        with refused("OTHER_OPERATION_IN_PROGRESS", "VM", vm, "clean_shutdown", task):
            xapi.VM.pause(vm)
        began = time.monotonic()
        xapi.VM.hard_shutdown(vm)
        assert time.monotonic() - began < 2
        assert xapi.VM.get_power_state(vm) == "Halted"
        xapi.task.cancel(task)
    finally:
        rig.settings(guest_seconds=0)


def test_starts_of_one_machine_queue_up(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    rig.settings(start_seconds=0.3)

    def start(_: int) -> list[str]:
        with rig.session() as session:
            try:
                session.xenapi.VM.start(vm, False, False)
            except XenAPI.Failure as failure:
                return list(failure.details)
            return []

    try:
        with ThreadPoolExecutor(3) as pool:
            answers = sorted(pool.map(start, range(3)))
    finally:
        rig.settings(start_seconds=0)
    assert answers == [[], *[["VM_BAD_POWER_STATE", vm, "halted", "running"]] * 2]


def test_what_is_seen_of_a_machine_that_runs_and_stops(xapi: Any) -> None:
    vm = machine(xapi, running=True)
    record = xapi.VM.get_record(vm)
    (console,) = record["consoles"]
    assert xapi.console.get_protocol(console) == "rfb"
    assert xapi.console.get_location(console).endswith(f"/console?uuid={xapi.console.get_uuid(console)}")
    assert int(record["domid"]) > 0
    assert vm in xapi.host.get_resident_VMs(record["resident_on"])
    networks = xapi.VM_guest_metrics.get_networks(record["guest_metrics"])
    assert set(networks) == {"0/ip", "0/ipv4/0"}
    xapi.VM.clean_shutdown(vm)
    halted = xapi.VM.get_record(vm)
    assert (halted["domid"], halted["resident_on"], halted["guest_metrics"]) == ("-1", *["OpaqueRef:NULL"] * 2)
    assert halted["consoles"] == []
    assert not any(xapi.VBD.get_currently_attached(vbd) for vbd in halted["VBDs"])


def test_processors_and_memory_keep_their_rules(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    rule = "VCPU values must satisfy: 0 < VCPUs_at_startup ≤ VCPUs_max"
    with refused("INVALID_VALUE", rule, "2"):
        xapi.VM.set_VCPUs_at_startup(vm, "2")
    xapi.VM.set_VCPUs_max(vm, "2")
    xapi.VM.set_VCPUs_at_startup(vm, "2")
    low, high = str(1 << 30), str(2 << 30)
    with refused("MEMORY_CONSTRAINT_VIOLATION_MAXPIN", "DMC disabled"):
        xapi.VM.set_memory_limits(vm, low, high, low, high)
    xapi.VM.set_memory(vm, high)
    record = xapi.VM.get_record(vm)
    assert [record[f"memory_{name}"] for name in ("static_max", "dynamic_min", "dynamic_max")] == [high] * 3
    rig.settings(dynamic_memory=True)
    try:
        xapi.VM.set_memory_limits(vm, low, high, low, high)
        with refused("MEMORY_CONSTRAINT_VIOLATION_ORDER"):
            xapi.VM.set_memory_limits(vm, high, low, low, high)
    finally:
        rig.settings(dynamic_memory=False)
    xapi.VM.set_memory(vm, low)
    xapi.VM.start(vm, False, False)
    for change in (xapi.VM.set_memory, xapi.VM.set_VCPUs_max):
        with refused("VM_BAD_POWER_STATE", vm, "halted", "running"):
            change(vm, "1")
