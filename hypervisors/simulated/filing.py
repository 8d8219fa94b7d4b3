"""Orders on disk files: renamed out of the way, given their name back, removed. Each looks first, then acts."""

from __future__ import annotations

from hypervisors import retired
from hypervisors.contract import FileOrder, Handle, Progress, RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.simulated.changing import follow
from hypervisors.simulated.client import Client
from hypervisors.simulated.faults import NativeFault

STEPS = {RetireDiskFile: "renaming", RestoreDiskFile: "renaming", RemoveDiskFile: "removing"}


def submit(client: Client, order: FileOrder) -> Handle:
    retired.check_order(order)
    if _reached(client, order):
        return {}
    task = client.task("", target=order.file_ref)
    return {"task": task["ref"] if task is not None else _start(client, order)}


def poll(client: Client, order: FileOrder, handle: Handle) -> Progress:
    step = STEPS[type(order)]
    task = client.task(handle.get("task", ""), target=order.file_ref)
    if task is not None and task["state"] != "success":
        return follow(client, task, step)
    if not _reached(client, order):
        return Progress(False, 0, step, handle={"task": _start(client, order)})
    ref = "" if isinstance(order, RemoveDiskFile) else order.file_ref
    return Progress(True, 100, step, ref)


def _reached(client: Client, order: FileOrder) -> bool:
    """Whether it is as the order wants it; raises what the order may not do to the file as it is."""
    try:
        row = client.disk_file(order.file_ref)
    except NativeFault as fault:
        if fault.code != "not_found" or not isinstance(order, RemoveDiskFile):
            raise
        return True
    match order:
        case RetireDiskFile():
            return retired.is_retired(row["path"], order.key)
        case RestoreDiskFile():
            if row["path"] != order.name:
                retired.check_former(row["path"], order)
            return bool(row["path"] == order.name)
        case RemoveDiskFile():
            retired.check_retired(row["path"], order.key)
            return False


def _start(client: Client, order: FileOrder) -> str:
    match order:
        case RetireDiskFile():
            path = client.disk_file(order.file_ref)["path"]
            return client.rename_file(order.file_ref, retired.new_path(path, order.key))
        case RestoreDiskFile():
            return client.rename_file(order.file_ref, order.name)
        case RemoveDiskFile():
            return client.delete_file(order.file_ref)
