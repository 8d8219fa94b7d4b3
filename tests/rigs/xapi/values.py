"""Values on their way in, with the very complaints of the real server, and on their way out, as XML and as JSON.

Inside, an int is an int, a datetime the text that goes over the wire, a ref a string, a record an object's fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xmlrpc.client import DateTime

from tests.rigs.xapi.datamodel import CLASSES, ENUMS, Field, Type
from tests.rigs.xapi.errors import Failure

_SPECIAL = re.compile("[&<>\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def shown(value: Any) -> str:
    """A value as the real server prints it in a complaint: `I(0)`, `S(x)`, `N`."""
    match value:
        case None:
            return "N"
        case bool():
            return f"B({str(value).lower()})"
        case int():
            return f"I({value})"
        case float():
            return f"F({value:g})"
        case list():
            return f"[{';'.join(shown(item) for item in value)}]"
        case dict():
            return "{" + ";".join(f"{key}:{shown(item)}" for key, item in value.items()) + "}"
        case DateTime():
            return f"D({value.value})"
    return f"S({value})"


def _unexpected(expected: str, value: Any) -> Failure:
    return Failure.internal(f"Expected {expected}, got '{shown(value)}'")


def incoming(type_: Type, value: Any) -> Any:
    """The value in the form used inside; raises what the real server would answer."""
    match type_.kind:
        case "string" | "ref":
            return _text(value)
        case "enum":
            if _text(value) not in ENUMS[type_.name]:
                raise Failure.internal("Unknown tag/contents")
            return value
        case "set":
            if not isinstance(value, list):
                raise _unexpected("array", value)
            return [incoming(type_.of[0], item) for item in value]
        case "map":
            if not isinstance(value, dict):
                raise _unexpected("dict", value)
            return {incoming(type_.of[0], key): incoming(type_.of[1], item) for key, item in value.items()}
        case "record":
            if not isinstance(value, dict):
                raise _unexpected("dict", value)
            return record(CLASSES[type_.name], value)
    return _PLAIN[type_.kind](value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unexpected("string", value)
    return value


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _unexpected("int64", value)
    if not re.fullmatch(r"-?[0-9]+", value):
        raise Failure.internal("Int64.of_string")
    return int(value)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unexpected("bool", value)
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _unexpected("float", value)
    try:
        return float(value)
    except ValueError as error:
        raise Failure.internal("float_of_string") from error


def _datetime(value: Any) -> str:
    if not isinstance(value, DateTime | str):
        raise _unexpected("datetime", value)
    return str(value)


_PLAIN: dict[str, Callable[[Any], Any]] = {"int": _int, "bool": _bool, "float": _float, "datetime": _datetime}


def record(fields: dict[str, Field], given: dict[str, Any]) -> dict[str, Any]:
    """A record for `create`: every field without a default must be there, what it cannot set is ignored."""
    for name, field in fields.items():
        if field.required and name not in given:
            raise Failure("INTERNAL_ERROR", f'Server_helpers.Dispatcher_FieldNotFound("{name}")')
    return {name: incoming(fields[name].type, given[name]) for name in fields if fields[name].given and name in given}


def escaped(text: str) -> str:
    if _SPECIAL.search(text):
        return _SPECIAL.sub(lambda match: _ENTITIES.get(match[0], "?"), text)
    return text


def xml(type_: Type, value: Any) -> str:
    """`<value>…</value>` of a value that holds no record."""
    match type_.kind:
        case "string" | "enum" | "ref":
            return f"<value>{escaped(value)}</value>" if value else "<value/>"
        case "int":
            return f"<value>{value}</value>"
        case "bool":
            return "<value><boolean>1</boolean></value>" if value else "<value><boolean>0</boolean></value>"
        case "set":
            if not value:
                return "<value><array><data/></array></value>"
            return f"<value><array><data>{''.join(xml(type_.of[0], item) for item in value)}</data></array></value>"
        case "map":
            if not value:
                return "<value><struct/></value>"
            members = (member(str(key), xml(type_.of[1], item)) for key, item in value.items())
            return f"<value><struct>{''.join(members)}</struct></value>"
        case "datetime":
            return f"<value><dateTime.iso8601>{value}</dateTime.iso8601></value>"
        case "float":
            return f"<value><double>{float(value):.15g}</double></value>"
    return "<value/>"


def member(name: str, value: str) -> str:
    return f"<member><name>{escaped(name)}</name>{value}</member>"


_FIELDS_XML = {
    cls: [(name, f"<member><name>{name}</name>", field.type) for name, field in fields.items()]
    for cls, fields in CLASSES.items()
}
_EMPTY = {kind: xml(Type(kind), value) for kind, value in (("string", ""), ("set", []), ("map", {}))}


def record_xml(cls: str, fields: dict[str, Any]) -> bytes:
    """A whole record; this is what listing thousands of machines consists of."""
    parts = ["<value><struct>"]
    for name, head, type_ in _FIELDS_XML[cls]:
        value = fields[name]
        parts.append(head)
        parts.append(xml(type_, value) if value or type_.kind not in _EMPTY else _EMPTY[type_.kind])
        parts.append("</member>")
    parts.append("</struct></value>")
    return "".join(parts).encode()


def plain(type_: Type, value: Any) -> Any:
    """The value as JSON has it: ints are bare numbers, keys are text."""
    match type_.kind:
        case "set":
            return [plain(type_.of[0], item) for item in value]
        case "map":
            return {str(key): plain(type_.of[1], item) for key, item in value.items()}
        case "void":
            return ""
    return value


def record_plain(cls: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(field.type, fields[name]) for name, field in CLASSES[cls].items()}
