"""Async calls: at once a task, later its end."""

from __future__ import annotations

import time
from typing import Any

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import machine, refused


def finished(rig: XapiRig, xapi: Any, task: str) -> dict[str, Any]:
    rig.wait_for(lambda: xapi.task.get_status(task) not in {"pending", "cancelling"})
    return dict(xapi.task.get_record(task))


def test_a_clone_is_seen_to_go_on(rig: XapiRig, xapi: Any) -> None:
    template = rig.image()
    rig.settings(clone_seconds=1.0)
    began = time.monotonic()
    task = xapi.Async.VM.clone(template, "slow")
    assert time.monotonic() - began < 0.5
    record = xapi.task.get_record(task)
    assert (record["status"], record["result"], record["allowed_operations"]) == ("pending", "", ["cancel"])
    assert record["finished"].value == "19700101T00:00:00Z"
    assert xapi.VM.get_current_operations(template) == {task: "clone"}
    assert xapi.VM.get_by_name_label("slow") == []
    rig.wait_for(lambda: 0.2 < xapi.task.get_progress(task) < 1)
    done = finished(rig, xapi, task)
    rig.settings(clone_seconds=0)
    assert (done["status"], done["progress"]) == ("success", 1.0)
    (vm,) = xapi.VM.get_by_name_label("slow")
    assert done["result"] == f"<value>{vm}</value>"


def test_a_state_error_is_found_in_the_task_and_an_argument_error_at_once(rig: XapiRig, xapi: Any) -> None:
    template = rig.image()
    failed = finished(rig, xapi, xapi.Async.VM.start(template, False, False))
    assert (failed["status"], failed["error_info"]) == ("failure", ["VM_IS_TEMPLATE", template, "start"])
    assert failed["result"] == ""
    with refused("MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.start", "3", "1"):
        xapi.Async.VM.start(template)
    with refused("Fault", "No async mode for this operation (rpc: VM.get_power_state)"):
        xapi.Async.VM.get_power_state(template)


def test_a_clone_that_is_cancelled_leaves_nothing(rig: XapiRig, xapi: Any) -> None:
    before = set(xapi.VDI.get_all())
    rig.settings(clone_seconds=30)
    task = xapi.Async.VM.clone(rig.image(), "never")
    rig.wait_for(lambda: set(xapi.VDI.get_all()) > before)
    xapi.task.cancel(task)
    done = finished(rig, xapi, task)
    rig.settings(clone_seconds=0)
    assert (done["status"], done["error_info"]) == ("cancelled", ["TASK_CANCELLED", task])
    assert set(xapi.VDI.get_all()) == before
    assert xapi.VM.get_by_name_label("never") == []
    with refused("OPERATION_NOT_ALLOWED", "task is not cancellable"):
        xapi.task.cancel(task)


def test_tasks_go_away_when_told_to_and_when_there_are_too_many(rig: XapiRig, xapi: Any) -> None:
    vm = machine(xapi)
    task = xapi.Async.VM.start(vm, False, False)
    finished(rig, xapi, task)
    xapi.task.destroy(task)
    with refused("HANDLE_INVALID", "task", task):
        xapi.task.get_record(task)
    rig.settings(task_limit=3)
    many = [xapi.Async.VM.hard_reboot(vm) for _ in range(1)]
    for _ in range(6):
        finished(rig, xapi, many[-1])
        many.append(xapi.Async.VM.hard_reboot(vm))
    finished(rig, xapi, many[-1])
    rig.settings(task_limit=200)
    with refused("HANDLE_INVALID", "task", many[0]):
        xapi.task.get_status(many[0])
    assert rig.tell("collect_tasks") > 0
    with refused("HANDLE_INVALID", "task", many[-1]):
        xapi.task.get_status(many[-1])


def test_a_restart_breaks_work_off(rig: XapiRig, xapi: Any) -> None:
    rig.settings(clone_seconds=30)
    task = xapi.Async.VM.clone(rig.image(), "broken off")
    rig.restart()
    rig.settings(clone_seconds=0)
    with rig.session() as session:
        done = finished(rig, session.xenapi, task)
        assert done["status"] == "cancelled"
        assert session.xenapi.VM.get_current_operations(rig.image()) == {}
