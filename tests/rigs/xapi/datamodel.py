"""The data model of `datamodel.json`: classes with their fields, calls with their signatures, enumerations.

The file holds parts A to C of the contract paper, plus the fields of `message`, which the paper leaves out.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.rigs.xapi.errors import NULL

EPOCH = "19700101T00:00:00Z"


def words(text: str) -> list[str]:
    return text.split()


@dataclass(frozen=True, slots=True)
class Type:
    """`kind` is one of string int float bool datetime void ref enum set map record any."""

    kind: str
    name: str = ""
    of: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    qualifier: str
    default: str

    @property
    def required(self) -> bool:
        """A record handed to `create` has to name it."""
        return self.given and not self.default

    @property
    def given(self) -> bool:
        """A record handed to `create` may name it."""
        return self.qualifier in {"RW", "RO/constructor"}

    def initial(self) -> Any:
        return _default(self.type, self.default)


@dataclass(frozen=True, slots=True)
class Signature:
    result: Type
    params: tuple[tuple[str, Type], ...]


@cache
def parse(text: str) -> Type:
    """The notation of the paper: `VM ref set`, `(string -> enum vm_operations) map`."""
    if match := re.fullmatch(r"\((.+?) -> (.+)\) map", text):
        return Type("map", of=(parse(match[1]), parse(match[2])))
    if text.endswith(" set"):
        return Type("set", of=(parse(text.removesuffix(" set")),))
    for kind in ("ref", "record"):
        if text.endswith(f" {kind}"):
            return Type(kind, text.removesuffix(f" {kind}"))
    if text.startswith("enum "):
        return Type("enum", text.removeprefix("enum "))
    return Type(text if text in {"string", "int", "float", "bool", "datetime", "void"} else "any", text)


_ZERO: dict[str, Any] = {"string": "", "int": 0, "float": 0.0, "bool": False, "datetime": EPOCH, "ref": NULL}


def _default(type_: Type, text: str) -> Any:
    match type_.kind:
        case "set":
            return [_default(type_.of[0], item) for item in text.strip("{}").split(",") if item]
        case "map":
            return dict(re.findall(r'"([^"]*)" -> "([^"]*)"', text))
        case "enum":
            return text or ENUMS[type_.name][0]
        case "bool":
            return text == "true"
        case "int" | "float" as kind:
            return {"int": int, "float": float}[kind](text or 0)
        case "ref":
            return NULL
        case kind:
            return text.strip('"') or _ZERO[kind]


def _load() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("datamodel.json").read_text(encoding="utf-8"))
    return loaded


_RAW = _load()
ENUMS: dict[str, list[str]] = _RAW["enums"]
CLASSES: dict[str, dict[str, Field]] = {
    cls: {name: Field(name, parse(type_), qualifier, default) for name, type_, qualifier, default in fields}
    for cls, fields in _RAW["classes"].items()
}
CALLS: dict[str, Signature] = {
    name: Signature(parse(result), tuple((param, parse(type_)) for param, type_ in params))
    for name, (result, params) in _RAW["calls"].items()
}
EVENT_CLASSES: list[str] = _RAW["event_classes"]
INITIAL: dict[str, dict[str, Any]] = {
    cls: {name: field.initial() for name, field in fields.items()} for cls, fields in CLASSES.items()
}
