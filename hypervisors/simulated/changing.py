"""Orders on a machine that exists: power, annotation, removal. Each looks first and then takes one step."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from hypervisors.contract import (
    Annotate,
    Handle,
    PowerOff,
    PowerOn,
    Progress,
    RemoveMachine,
    Reset,
    Restart,
    Resume,
    Shutdown,
    Suspend,
)
from hypervisors.simulated import mapping, tasks
from hypervisors.simulated.client import Client, Seen
from hypervisors.simulated.faults import NativeFault

STEPS = {
    PowerOn: "starting",
    PowerOff: "stopping",
    Shutdown: "stopping",
    Restart: "starting",
    Reset: "starting",
    Suspend: "suspending",
    Resume: "starting",
    Annotate: "annotating",
    RemoveMachine: "removing",
}

Plain = PowerOn | PowerOff | Restart | Reset | Suspend | Resume | Annotate


def protect(row: sqlite3.Row) -> None:
    if row["managed_by"] or row["is_template"]:
        raise NativeFault("protected", f"Managed by {row['managed_by'] or 'the image library'}.")


def _reached(order: Plain, row: sqlite3.Row) -> bool:
    """Does the machine look as if the order had been carried out?"""
    match order:
        case PowerOn() | Resume():
            return bool(row["power"] == "on")
        case PowerOff():
            return bool(row["power"] == "off")
        case Suspend():
            return bool(row["power"] == "suspended")
        case Restart() | Reset():
            return False  # a restart leaves nothing to be seen
        case Annotate():
            stamped = order.stamp is None or order.stamp.operation == row["stamp"]
            return mapping.carries(row, order.holding) and stamped


def _starter(client: Client, order: Plain) -> tuple[str, Callable[[], str]]:
    match order:
        case PowerOn(ref):
            return "power_on", lambda: client.power_on(ref)
        case PowerOff(ref):
            return "power_off", lambda: client.power_off(ref)
        case Restart(ref):
            return "restart", lambda: client.restart(ref)
        case Reset(ref):
            return "reset", lambda: client.reset(ref)
        case Suspend(ref):
            return "suspend", lambda: client.suspend(ref)
        case Resume(ref):
            return "resume", lambda: client.resume(ref)
        case Annotate(ref, holding, stamp):
            operation = stamp.operation if stamp else ""
            return "annotate", lambda: client.annotate(ref, mapping.fields(holding), operation)


def submit(client: Client, order: Plain) -> Handle:
    row = client.machine(order.ref).row
    if isinstance(order, Annotate):
        if order.stamp is not None and str(order.stamp.uuid) != row["uuid"]:
            raise NativeFault("wrong_uuid", f"The machine's UUID is {row['uuid']}.")
    else:
        protect(row)
    if _reached(order, row):
        return {}
    kind, start = _starter(client, order)
    task = client.task("", target=order.ref, kind=kind)
    try:
        return {"task": task["ref"] if task is not None else start()}
    except NativeFault as fault:
        # Somebody else may have done it since we looked.
        if fault.code == "wrong_state" and _reached(order, client.machine(order.ref).row):
            return {}
        raise


def poll(client: Client, order: Plain, handle: Handle) -> Progress:
    kind, start = _starter(client, order)
    step = STEPS[type(order)]
    task = client.task(handle.get("task", ""), target=order.ref, kind=kind)
    if task is not None:
        return follow(client, task, step)
    row = client.machine(order.ref).row
    # A forgotten restart is taken for done when the machine runs: doing it twice would hurt more than not at all.
    if _reached(order, row) or (isinstance(order, Restart | Reset) and row["power"] == "on"):
        return Progress(True, 100, step)
    protect(row)
    start()
    return Progress(False, 0, step)


def follow(client: Client, task: sqlite3.Row, step: str) -> Progress:
    if task["state"] == "error":
        raise NativeFault(task["code"], task["message"])
    if task["state"] == "running":
        return Progress(False, tasks.percent(task, now=client.now()), step)
    return Progress(True, 100, step)


def submit_shutdown(client: Client, order: Shutdown) -> Handle:
    row = client.machine(order.ref).row
    protect(row)
    if row["power"] == "off":
        return {}
    if row["power"] != "on":
        return {"task": client.power_off(order.ref)}
    return {"task": client.shutdown(order.ref), "until": str(client.now().timestamp() + order.patience)}


def poll_shutdown(client: Client, order: Shutdown, handle: Handle) -> Progress:
    row = client.machine(order.ref).row
    if row["power"] == "off":
        return Progress(True, 100, "stopping")
    if row["power"] != "on":  # a suspended guest cannot hear
        if client.task("", target=order.ref, kind="power_off") is None:
            protect(row)
            client.power_off(order.ref)
        return Progress(False, 0, "stopping")
    if row["stop_asked"] is None:
        if "until" in handle:  # it stopped as asked, and somebody has started it again since
            return Progress(True, 100, "stopping")
        protect(row)
        client.shutdown(order.ref)
        return Progress(False, 0, "stopping")
    until = float(handle.get("until", row["stop_asked"] + order.patience))
    if client.now().timestamp() >= until:
        client.power_off(order.ref)
    elapsed = (client.now().timestamp() - row["stop_asked"]) / max(order.patience, 1)
    return Progress(False, min(90, max(0, int(elapsed * 90))), "stopping")


def submit_remove(client: Client, order: RemoveMachine) -> Handle:
    seen = _to_remove(client, order)
    if seen is None:
        return {}
    return _remove_step(client, order, seen)


def poll_remove(client: Client, order: RemoveMachine, handle: Handle) -> Progress:
    seen = _to_remove(client, order)
    if seen is None:
        return Progress(True, 100, "removing")
    task = client.task(handle.get("task", ""), target=order.ref)
    if task is not None and task["state"] == "running":
        return Progress(False, tasks.percent(task, now=client.now()), "removing")
    if task is not None and task["state"] == "error":
        raise NativeFault(task["code"], task["message"])
    _remove_step(client, order, seen)
    return Progress(False, 0, "removing")


def _to_remove(client: Client, order: RemoveMachine) -> Seen | None:
    """The machine behind the reference when it is the right one, None when there is none any more."""
    try:
        seen = client.machine(order.ref)
    except NativeFault as fault:
        if fault.code != "not_found":
            raise
        # Registered again under another reference it is not gone: saying so would leave it running for nobody.
        if client.find_uuid(str(order.uuid)):
            raise NativeFault("moved", f"{order.uuid} is registered under another reference.") from fault
        return None
    if seen.row["uuid"] != str(order.uuid):
        raise NativeFault("wrong_uuid", f"The machine's UUID is {seen.row['uuid']}.")
    protect(seen.row)
    return seen


def _remove_step(client: Client, order: RemoveMachine, seen: Seen) -> Handle:
    """Pulls the plug first: a running machine cannot be removed."""
    task = client.task("", target=order.ref)
    if task is not None:
        return {"task": task["ref"]}
    try:
        return {"task": client.remove(order.ref) if seen.row["power"] == "off" else client.power_off(order.ref)}
    except NativeFault as fault:
        if fault.code != "not_found":
            raise
        return {}  # an earlier removal came to its end since we looked
