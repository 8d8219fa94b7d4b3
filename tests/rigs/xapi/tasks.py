"""Tasks: what Async.* leaves behind, how it ends, how it is cancelled, and when it is thrown away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.rigs.xapi.calls import call
from tests.rigs.xapi.context import Context, Pool
from tests.rigs.xapi.database import Obj, now
from tests.rigs.xapi.datamodel import Type
from tests.rigs.xapi.errors import Failure
from tests.rigs.xapi.values import xml


def begin(pool: Pool, label: str, description: str = "", *, cancellable: bool) -> Obj:
    collect(pool)
    return pool.db.create(
        "task",
        name_label=label,
        name_description=description,
        allowed_operations=["cancel"] if cancellable else [],
        created=now(),
        status="pending",
        resident_on=pool.coordinator,
        type="<none/>",
    )


def _end(ctx: Context, **fields: Any) -> None:
    assert ctx.task is not None
    ctx.pool.cancelled.discard(ctx.task.ref)
    if ctx.db.find("task", ctx.task.ref):
        ctx.db.set(ctx.task, finished=now(), progress=1.0, allowed_operations=[], current_operations={}, **fields)


def succeed(ctx: Context, type_: Type, value: Any) -> None:
    _end(ctx, status="success", result="<value></value>" if type_.kind == "void" else xml(type_, value))


def fail(ctx: Context, failure: Failure) -> None:
    status = "cancelled" if failure.details[0] == "TASK_CANCELLED" else "failure"
    _end(ctx, status=status, error_info=failure.details)


def collect(pool: Pool, *, everything: bool = False) -> int:
    """Throws finished tasks away: those that are old, and the oldest when there are too many."""
    done = [task for task in pool.db.all("task") if task["status"] not in {"pending", "cancelling"}]
    limit = 0 if everything else pool.settings.task_limit
    oldest = (datetime.now(UTC) - timedelta(seconds=pool.settings.task_seconds)).strftime("%Y%m%dT%H:%M:%SZ")
    doomed = [task for number, task in enumerate(done) if number < len(done) - limit or task["finished"] < oldest]
    for task in doomed:
        pool.db.destroy(task)
    return len(doomed)


def interrupt(pool: Pool) -> None:
    """What a restart of the toolstack does to tasks that were under way."""
    for task in pool.db.all("task"):
        if task["status"] in {"pending", "cancelling"}:
            pool.cancelled.add(task.ref)
            pool.db.touch(task)


@call("task.create")
def create(ctx: Context, label: str, description: str) -> str:
    return begin(ctx.pool, label, description, cancellable=False).ref


@call("task.destroy")
def destroy(ctx: Context, task: Obj) -> None:
    ctx.db.destroy(task)


@call("task.cancel")
def cancel(ctx: Context, task: Obj) -> None:
    """Only asks. A task that nobody carries out stays pending, with the wish in its current_operations."""
    if task["status"] not in {"pending", "cancelling"}:
        raise Failure("OPERATION_NOT_ALLOWED", "task is not cancellable")
    wish = f"DummyRef:|{ctx.db.uuid()}|task.cancel"
    ctx.pool.cancelled.add(task.ref)
    status = "cancelling" if "cancel" in task["allowed_operations"] else task["status"]
    ctx.db.set(task, current_operations=task["current_operations"] | {wish: "cancel"}, status=status)


@call("task.set_status")
def set_status(ctx: Context, task: Obj, value: str) -> None:
    finished = {} if value in {"pending", "cancelling"} else {"finished": now(), "allowed_operations": []}
    ctx.db.set(task, status=value, **finished)
