"""From a method's name and its arguments to a value or a failure: counts, types, session, rights, object, work."""

from __future__ import annotations

import traceback
from threading import Thread
from typing import Any

from tests.rigs.xapi import sessions, tasks
from tests.rigs.xapi.calls import TABLE, Call
from tests.rigs.xapi.context import Context, Pool
from tests.rigs.xapi.database import Obj
from tests.rigs.xapi.datamodel import Type
from tests.rigs.xapi.errors import Failure
from tests.rigs.xapi.values import incoming, shown

TASK_REF = Type("ref", "task")


def ask(pool: Pool, method: str, args: list[Any]) -> tuple[Type, Any]:
    """The answer and its type. Takes the lock; whatever the answer holds must be rendered under it too."""
    parallel = method.startswith("Async.")
    name = method.removeprefix("Async.")
    found = TABLE.get(name)
    if found is None:
        raise Failure("MESSAGE_METHOD_UNKNOWN", method)
    if parallel and not found.takes_task:
        raise Failure("Fault", f"No async mode for this operation (rpc: {name})")
    token, given = (None, args) if found.bare else (args[:1], args[1:])
    values = _checked(found, given)
    if pool.settings.booting:
        raise Failure("HOST_STILL_BOOTING")
    ctx = Context(pool, method)
    if token is not None:
        ctx.session = sessions.resumed(pool, _session_ref(token))
        sessions.authorised(pool, ctx.session, found)
    if parallel:
        return TASK_REF, _start_task(ctx, found, values).ref
    return found.result, _run(ctx, found, values)


def _session_ref(token: list[Any]) -> str:
    value = token[0] if token else None
    if not isinstance(value, str):
        raise Failure.internal(f"Expected string, got '{shown(value)}'")
    return value


def _checked(found: Call, given: list[Any]) -> list[Any]:
    most, least = len(found.params), len(found.params) - len(found.optional)
    if not least <= len(given) <= most:
        raise Failure("MESSAGE_PARAMETER_COUNT_MISMATCH", found.name, most, len(given))
    values = [incoming(type_, value) for (_, type_), value in zip(found.params, given, strict=False)]
    left_out = most - len(given)
    return values + list(found.optional[len(found.optional) - left_out :] if left_out else [])


def _resolved(ctx: Context, found: Call, values: list[Any]) -> list[Any]:
    """The first argument, where it is a ref of the class, becomes the object."""
    if values and found.params[0][1] == Type("ref", found.name.split(".")[0]):
        cls = found.name.split(".")[0]
        return [ctx.db.get(cls, values[0]), *values[1:]]
    return values


def _run(ctx: Context, found: Call, values: list[Any]) -> Any:
    try:
        return found.handler(ctx, *_resolved(ctx, found, values))
    except Failure:
        raise
    except Exception as error:
        traceback.print_exc()
        raise Failure("INTERNAL_ERROR", f"{type(error).__name__}({error})") from error


def _start_task(ctx: Context, found: Call, values: list[Any]) -> Obj:
    task = tasks.begin(ctx.pool, ctx.method, cancellable=True)
    own = Context(ctx.pool, ctx.method, ctx.session, task, parallel=True)

    def carry_on() -> None:
        with ctx.db.changed:
            try:
                value = _run(own, found, values)
            except Failure as failure:
                tasks.fail(own, failure)
            else:
                tasks.succeed(own, found.result, value)

    Thread(target=carry_on, name=ctx.method, daemon=True).start()
    return task
