"""Requests in, answers out, as XML-RPC and as both JSON-RPCs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error as XmlRpcError
from xmlrpc.client import loads

from tests.rigs.xapi.database import Database, Obj
from tests.rigs.xapi.datamodel import Type
from tests.rigs.xapi.errors import Failure
from tests.rigs.xapi.values import escaped, member, plain, record_plain, xml

HEAD = b'<?xml version="1.0"?><methodResponse><params><param>'
TAIL = b"</param></params></methodResponse>"
STRINGS = Type("set", of=(Type("string"),))

Asked = Callable[[str, list[Any]], tuple[Type, Any]]


class Malformed(Exception):
    """Not what the protocol speaks."""


def read_xml(body: bytes) -> tuple[str, list[Any]]:
    try:
        args, method = loads(body)
    except (ExpatError, XmlRpcError, ValueError, LookupError, TypeError) as error:
        raise Malformed(str(error)) from error
    if method is None:
        raise Malformed("no method")
    return method, list(args)


def success_xml(db: Database, type_: Type, value: Any) -> bytes:
    inner = _member(b"Status", b"<value>Success</value>") + _member(b"Value", _rendered(db, type_, value))
    return HEAD + b"<value><struct>" + inner + b"</struct></value>" + TAIL


def failure_xml(failure: Failure) -> bytes:
    details = xml(STRINGS, failure.details).encode()
    inner = _member(b"Status", b"<value>Failure</value>") + _member(b"ErrorDescription", details)
    return HEAD + b"<value><struct>" + inner + b"</struct></value>" + TAIL


def _member(name: bytes, value: bytes) -> bytes:
    return b"<member><name>" + name + b"</name>" + value + b"</member>"


def _rendered(db: Database, type_: Type, value: Any) -> bytes:
    if _holds_records(type_):
        parts = [b"<value><struct>"]
        for obj in value:
            parts += (b"<member><name>", obj.ref.encode(), b"</name>", db.xml(obj), b"</member>")
        return b"".join([*parts, b"</struct></value>"])
    if type_.kind == "record":
        return db.xml(value)
    if type_.kind == "batch":
        return _batch_xml(db, value)
    return xml(type_, value).encode()


def _holds_records(type_: Type) -> bool:
    return type_.kind == "records" or (type_.kind == "map" and type_.of[1].kind == "record")


def _batch_xml(db: Database, batch: dict[str, Any]) -> bytes:
    events = b"".join(_event_xml(db, event) for event in batch["events"])
    counts = "".join(
        member(cls, f"<value><i4>{count}</i4></value>") for cls, count in batch["valid_ref_counts"].items()
    )
    return b"".join(
        [
            b"<value><struct>",
            _member(b"events", b"<value><array><data>" + events + b"</data></array></value>"),
            _member(b"valid_ref_counts", f"<value><struct>{counts}</struct></value>".encode()),
            _member(b"token", f"<value>{batch['token']}</value>".encode()),
            b"</struct></value>",
        ]
    )


def _event_xml(db: Database, event: dict[str, Any]) -> bytes:
    texts = {"id": event["id"], "timestamp": "0.0"} | {name: event[name] for name in ("class", "operation", "ref")}
    parts = [member(name, f"<value>{escaped(text)}</value>").encode() for name, text in texts.items()]
    if "snapshot" in event:
        parts.append(_member(b"snapshot", db.xml(event["snapshot"])))
    return b"<value><struct>" + b"".join(parts) + b"</struct></value>"


# JSON


def read_json(body: bytes) -> tuple[str, list[Any], dict[str, Any]]:
    try:
        asked = json.loads(body)
        return str(asked["method"]), list(asked.get("params", [])), asked
    except (ValueError, LookupError, TypeError) as error:
        raise Malformed(str(error)) from error


def success_json(db: Database, type_: Type, value: Any, asked: dict[str, Any]) -> bytes:
    result = _plain(db, type_, value)
    if "jsonrpc" in asked:
        return _compact({"jsonrpc": "2.0", "result": result, "id": asked.get("id")})
    return _compact({"result": result, "error": None, "id": asked.get("id")})


def failure_json(failure: Failure, asked: dict[str, Any]) -> bytes:
    code, *params = failure.details
    if "jsonrpc" in asked:
        error = {"code": 1, "message": code, "data": params}
        return _compact({"jsonrpc": "2.0", "error": error, "id": asked.get("id")})
    return _compact({"result": None, "error": failure.details, "id": asked.get("id")})


def _compact(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _record(db: Database, obj: Obj) -> dict[str, Any]:
    return record_plain(obj.cls, db.record(obj))


def _plain(db: Database, type_: Type, value: Any) -> Any:
    if _holds_records(type_):
        return {obj.ref: _record(db, obj) for obj in value}
    if type_.kind == "record":
        return _record(db, value)
    if type_.kind == "batch":
        events = [
            event | {"timestamp": "0.0"} | ({"snapshot": _record(db, event["snapshot"])} if "snapshot" in event else {})
            for event in value["events"]
        ]
        return value | {"events": events}
    return plain(type_, value)
