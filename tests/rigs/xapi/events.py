"""event.from: what has changed since a token, merged to one event per object."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.rigs.xapi import sessions
from tests.rigs.xapi.calls import TABLE, Call, call
from tests.rigs.xapi.context import Context
from tests.rigs.xapi.database import SILENT, Obj
from tests.rigs.xapi.datamodel import CALLS, CLASSES, EVENT_CLASSES, Type
from tests.rigs.xapi.errors import Failure

LONGEST = 3600.0
TOKEN = re.compile(r"([0-9]{1,20}),([0-9]{1,20})")


def _token(generation: int) -> str:
    return f"{generation:020d},{0:020d}"


def _since(token: str) -> int:
    if not token:
        return 0
    match = TOKEN.fullmatch(token)
    if match is None:
        raise Failure("EVENT_FROM_TOKEN_PARSE_FAILURE", token)
    return int(match[1])


class _Wanted:
    """The subscription: `*`, a class, or one object of a class."""

    def __init__(self, classes: list[str]) -> None:
        self.everything = "*" in classes
        self.classes = {name.lower() for name in classes if "/" not in name}
        self.objects = {(cls.lower(), ref) for cls, _, ref in (name.partition("/") for name in classes) if ref}

    def __call__(self, cls: str, ref: str) -> bool:
        return self.everything or cls in self.classes or (cls, ref) in self.objects


def _changes(ctx: Context, wanted: _Wanted, since: int) -> list[dict[str, Any]]:
    new: list[tuple[int, Obj]] = []
    for obj in reversed(ctx.db.recent.values()):
        if obj.modified <= since:
            break
        if wanted(obj.cls.lower(), obj.ref):
            new.append((obj.modified, obj))
    found = [
        {
            "id": str(number),
            "class": obj.cls.lower(),
            "operation": "add" if obj.created > since else "mod",
            "ref": obj.ref,
            "snapshot": obj,
        }
        for number, obj in reversed(new)
    ]
    found.sort(key=lambda event: str(event["operation"]))
    for number, cls, ref in ctx.db.deleted:
        if number > since and wanted(cls, ref):
            found.append({"id": str(number), "class": cls, "operation": "del", "ref": ref})
    return found


def _counts(ctx: Context) -> dict[str, int]:
    return dict.fromkeys(EVENT_CLASSES, 0) | {cls.lower(): len(ctx.db.tables[cls]) for cls in CLASSES}


def _from(ctx: Context, classes: list[str], token: str, timeout: float) -> dict[str, Any]:
    """Blocks until something that was asked for has changed, or until the time is over."""
    assert ctx.session is not None
    wanted, since = _Wanted(classes), _since(token)
    until = time.monotonic() + min(timeout, LONGEST)
    while not (found := _changes(ctx, wanted, since)):
        left = until - time.monotonic()
        if left <= 0:
            break
        ctx.db.changed.wait(left)
        sessions.resumed(ctx.pool, ctx.session.ref)
    return {"events": found, "valid_ref_counts": _counts(ctx), "token": _token(ctx.db.generation)}


TABLE["event.from"] = Call("event.from", CALLS["event.from"].params, Type("batch"), _from)


@call("event.register")
def register(ctx: Context, classes: list[str]) -> None:
    assert ctx.session is not None
    ctx.session.hidden["registered"] = set(classes)


@call("event.unregister")
def unregister(ctx: Context, classes: list[str]) -> None:
    assert ctx.session is not None
    ctx.session.hidden.pop("registered", None)


@call("event.next")
def next_(ctx: Context) -> None:
    """Deprecated, and of no use here but to be refused."""
    assert ctx.session is not None
    if "registered" not in ctx.session.hidden:
        raise Failure("SESSION_NOT_REGISTERED", "trackid=" + ctx.session.uuid.replace("-", ""))
    raise Failure("NOT_IMPLEMENTED", ctx.method)


@call("event.get_current_id")
def get_current_id(ctx: Context) -> int:
    return ctx.db.generation


@call("event.inject")
def inject(ctx: Context, cls: str, ref: str) -> str:
    """Lets an object look changed."""
    known = {name.lower(): name for name in CLASSES if name not in SILENT}
    if cls.lower() not in known:
        raise Failure("MESSAGE_METHOD_UNKNOWN", cls)
    ctx.db.touch(ctx.db.get(known[cls.lower()], ref))
    return _token(ctx.db.generation)


@call("message.get_since")
def get_since(ctx: Context, since: str) -> list[Obj]:
    return [message for message in ctx.db.all("message") if message["timestamp"] > _plain(since)]


@call("message.get")
def get(ctx: Context, cls: str, obj_uuid: str, since: str) -> list[Obj]:
    about = (cls, obj_uuid)
    return [message for message in get_since(ctx, since) if (message["cls"], message["obj_uuid"]) == about]


@call("message.destroy")
def destroy(ctx: Context, message: Obj) -> None:
    ctx.db.destroy(message)


def _plain(moment: str) -> str:
    return moment.replace("-", "").rstrip("Z") + "Z"
