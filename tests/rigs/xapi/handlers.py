"""What is no call: disk content in and out, usage figures, and the pages that say no."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.rigs.xapi import figures, storage, tasks
from tests.rigs.xapi.context import Context, Pool
from tests.rigs.xapi.database import Obj
from tests.rigs.xapi.datamodel import Type
from tests.rigs.xapi.errors import Failure

if TYPE_CHECKING:
    from tests.rigs.xapi.faults import Fault
    from tests.rigs.xapi.server import Handler

FORBIDDEN = "<html><body><h1>HTTP 403 forbidden</h1>Access to the requested resource is forbidden.</body></html>"
UNAUTHORISED = "<html><body><h1>HTTP 401 unauthorised</h1>Please check your credentials and retry.</body></html>"
BROKEN = b"<html><body><h1>HTTP 500 internal server error</h1></body></html>"
PIECE = 1024 * 1024
VOID = Type("void")
GUARDED = {
    ("GET", "/export"): "get_export",
    ("GET", "/export_raw_vdi"): "get_export_raw_vdi",
    ("PUT", "/import_raw_vdi"): "put_import_raw_vdi",
    ("GET", "/rrd_updates"): "http_get_rrd_updates",
}


def handle(http: Handler, verb: str, path: str, query: dict[str, str]) -> None:
    realm = GUARDED.get((verb, path))
    session = query.get("session_id", "")
    entry = http.site.log.begin(
        f"{verb} {path}", session, http.originator(session), int(http.headers.get("Content-Length") or 0)
    )
    fault = http.site.faults.next(entry)
    http.suffer(fault, "before")
    pool = http.site.pool
    if realm is None:
        http.respond(403, FORBIDDEN.encode(), "text/html", close=True)
    elif fault and fault.action == "fail":
        _discard(http)
        http.respond(500, BROKEN, "text/html", close=True)
    elif session not in pool.db.tables["session"]:
        _discard(http)
        refusal = [("WWW-Authenticate", f'Basic realm="{realm}"')]
        http.respond(401, UNAUTHORISED.encode(), "text/html", close=True, extra=refusal)
    elif path == "/rrd_updates":
        entry.sent = _figures(http, pool, query)
    elif path == "/import_raw_vdi":
        _import(http, pool, query, fault)
    elif path == "/export_raw_vdi":
        _export(http, pool, query)
    else:
        http.drop()
    entry.done = True


def _figures(http: Handler, pool: Pool, query: dict[str, str]) -> int:
    with pool.db.changed:
        host = list(pool.db.all("host"))[http.server.number]
        answer = figures.updates(pool, host, query)
    body = json.dumps(answer, separators=(",", ":")).encode()
    http.respond(200, body, "application/json")
    return len(body)


def _disk(pool: Pool, query: dict[str, str]) -> Obj | None:
    """By ref or by uuid, as the real handlers take it."""
    name = query.get("vdi", "")
    return pool.db.find("VDI", name) or pool.db.by_uuid.get(("VDI", name))


def _task(pool: Pool, query: dict[str, str], label: str) -> Context:
    """The client's own task, or a new one."""
    task = pool.db.find("task", query.get("task_id", "")) or tasks.begin(pool, label, cancellable=False)
    return Context(pool, label, task=task)


def _import(http: Handler, pool: Pool, query: dict[str, str], fault: Fault | None) -> None:
    length = int(http.headers.get("Content-Length") or 0)
    with pool.db.changed:
        vdi = _disk(pool, query)
        ctx = _task(pool, query, "VDI.import")
        failure = _objection(pool, vdi, query, length)
    if failure or vdi is None:
        with pool.db.changed:
            tasks.fail(ctx, failure or Failure("HANDLE_INVALID", "VDI", query.get("vdi", "")))
        _discard(http)
        http.respond(500, BROKEN, "text/html", close=True)
        return
    content = http.rfile.read(length)
    with pool.db.changed:
        if len(content) < length:
            tasks.fail(ctx, Failure("VDI_IO_ERROR", "Device I/O errors"))
            http.drop()
            return
        old = vdi.hidden["content"]
        vdi.hidden["content"] = content + old[len(content) :]
        tasks.succeed(ctx, VOID, "")
    http.suffer(fault, "after")
    http.respond(200, b"", "application/octet-stream", close=True, extra=[("task-id", ctx.task_ref)])


def _discard(http: Handler) -> None:
    """Reads what nobody wants: a client that is still sending would not hear the refusal."""
    left = int(http.headers.get("Content-Length") or 0)
    while left > 0 and (piece := http.rfile.read(min(left, PIECE))):
        left -= len(piece)


def _objection(pool: Pool, vdi: Obj | None, query: dict[str, str], length: int) -> Failure | None:
    if vdi is None:
        return Failure("HANDLE_INVALID", "VDI", query.get("vdi", ""))
    if query.get("format", "raw") != "raw":
        return Failure("NOT_IMPLEMENTED", f"format {query['format']}")
    if storage.attached_to(pool.db, vdi):
        return Failure("VDI_IN_USE", vdi.ref, "import")
    if length > vdi["virtual_size"]:
        return Failure("VDI_TOO_SMALL", vdi.ref, length)
    return None


def _export(http: Handler, pool: Pool, query: dict[str, str]) -> None:
    """The whole disk, zeros and all."""
    with pool.db.changed:
        vdi = _disk(pool, query)
        if vdi is None or query.get("format", "raw") != "raw":
            http.drop()
            return
        content: bytes = vdi.hidden["content"]
        left = int(vdi["virtual_size"]) - len(content)
        ctx = _task(pool, query, "VDI.export")
    kind: list[tuple[str, str]] = [("content-type", "application/octet-stream"), ("task-id", ctx.task_ref)]
    http.stream(200, [("Connection", "close"), ("Cache-Control", "no-cache, no-store"), *kind])
    http.wfile.write(content)
    zeros = bytes(PIECE)
    while left > 0:
        http.wfile.write(zeros[: min(left, PIECE)])
        left -= PIECE
    with pool.db.changed:
        tasks.succeed(ctx, VOID, "")
