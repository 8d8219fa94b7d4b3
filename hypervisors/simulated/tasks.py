"""Work that takes time: a row with a start and an end. Whoever looks after the end applies its effect first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypervisors.simulated import diskfiles, machines, parts
from hypervisors.simulated.faults import NativeFault, take_fault
from hypervisors.simulated.settings import get, next_ref

TASKS_KEPT = 2_000

Effect = Callable[[sqlite3.Connection, str, dict[str, Any], datetime], None]

EFFECTS: dict[str, Effect] = {
    "clone": machines.finish_clone,
    "power_on": machines.finish_power_on,
    "power_off": machines.finish_power_off,
    "shutdown": machines.finish_shutdown,
    "restart": machines.finish_restart,
    "annotate": machines.finish_annotate,
    "remove": machines.finish_remove,
    "reset": machines.finish_reset,
    "suspend": machines.finish_suspend,
    "resume": machines.finish_resume,
    "resize": machines.finish_resize,
    "add_disk": parts.finish_add_disk,
    "grow_disk": parts.finish_grow_disk,
    "remove_disk": parts.finish_remove_disk,
    "add_nic": parts.finish_add_nic,
    "remove_nic": parts.finish_remove_nic,
    "snapshot": parts.finish_snapshot,
    "revert": parts.finish_revert,
    "remove_snapshot": parts.finish_remove_snapshot,
    "rename_file": diskfiles.finish_rename,
    "delete_file": diskfiles.finish_delete,
}


def start(db: sqlite3.Connection, kind: str, target: str, args: dict[str, Any], *, now: datetime) -> str:
    """Starts a task, which is over at once when its duration is 0. Returns its reference."""
    limit = get(db, "concurrency")
    if limit and db.execute("SELECT COUNT(*) FROM tasks WHERE state = 'running'").fetchone()[0] >= limit:
        raise NativeFault("busy", f"{limit} tasks are running already.")
    ref, started = next_ref(db, "task"), now.timestamp()
    fault = take_fault(db, f"{kind}.task", int(ref.removeprefix("task-")))
    if fault is not None:
        args = {**args, "fails": fault.code, "why": fault.message}
    db.execute(
        "INSERT INTO tasks (ref, kind, target, args, started_at, ends_at, state) VALUES (?, ?, ?, ?, ?, ?, 'running')",
        (ref, kind, target, json.dumps(args), started, started + get(db, f"duration.{kind}")),
    )
    settle(db, now=now)
    return ref


def settle(db: sqlite3.Connection, *, now: datetime) -> None:
    """Applies the effects of all tasks that are over, in the order of their ends."""
    moment = now.timestamp()
    rows = db.execute("SELECT * FROM tasks WHERE state = 'running' AND ends_at <= ? ORDER BY ends_at, ref", (moment,))
    for row in rows.fetchall():
        _end(db, row, now - timedelta(seconds=moment - row["ends_at"]))


def _end(db: sqlite3.Connection, row: sqlite3.Row, at: datetime) -> None:
    args = json.loads(row["args"])
    if "fails" in args:
        _fail(db, row, args["fails"], args["why"])
        return
    try:
        EFFECTS[row["kind"]](db, row["target"], args, at)
    except NativeFault as fault:
        _fail(db, row, fault.code, fault.message)
    else:
        db.execute("UPDATE tasks SET state = 'success' WHERE ref = ?", (row["ref"],))
    if int(row["ref"].removeprefix("task-")) % 100 == 0:
        forget(db, keep=TASKS_KEPT)


def _fail(db: sqlite3.Connection, row: sqlite3.Row, code: str, message: str) -> None:
    if row["kind"] == "clone":
        # A clone that breaks takes its machine away but leaves the disk behind, as real ones do.
        machines.erase(db, row["target"], keep_disks=True)
    db.execute("UPDATE tasks SET state = 'error', code = ?, message = ? WHERE ref = ?", (code, message, row["ref"]))


def cancel(db: sqlite3.Connection, ref: str) -> None:
    """Stops a running clone; what it made so far goes away. Anything else is too late to stop."""
    row = db.execute("SELECT * FROM tasks WHERE ref = ? AND state = 'running'", (ref,)).fetchone()
    if row is None or row["kind"] != "clone":
        raise NativeFault("wrong_state", f"The task {ref} cannot be cancelled.")
    machines.erase(db, row["target"], keep_disks=False)
    db.execute("UPDATE tasks SET state = 'error', code = 'cancelled', message = 'Cancelled.' WHERE ref = ?", (ref,))


def running(db: sqlite3.Connection, target: str, kind: str = "") -> sqlite3.Row | None:
    """The task that works on a machine, of one kind or any."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM tasks WHERE target = ? AND state = 'running' AND (kind = ? OR ? = '')"
        " ORDER BY started_at LIMIT 1",
        (target, kind, kind),
    ).fetchone()
    return row


def percent(row: sqlite3.Row, *, now: datetime) -> int:
    """How far a running task is."""
    length = row["ends_at"] - row["started_at"]
    done = 1.0 if length <= 0 else (now.timestamp() - row["started_at"]) / length
    return min(99, max(0, int(done * 100)))


def forget(db: sqlite3.Connection, *, keep: int = 0) -> None:
    """Hypervisors do not remember their tasks for ever."""
    db.execute(
        "DELETE FROM tasks WHERE state <> 'running' AND ref NOT IN"
        " (SELECT ref FROM tasks WHERE state <> 'running' ORDER BY ends_at DESC LIMIT ?)",
        (keep,),
    )
