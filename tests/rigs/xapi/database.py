"""The objects of one pool, who points at whom, and what has changed since when."""

from __future__ import annotations

import random
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Condition, RLock
from typing import Any

from tests.rigs.xapi.datamodel import CLASSES, INITIAL
from tests.rigs.xapi.errors import NULL, Failure
from tests.rigs.xapi.values import record_xml

RELATIONS: dict[tuple[str, str], tuple[str, str]] = {
    ("VBD", "VM"): ("VM", "VBDs"),
    ("VBD", "VDI"): ("VDI", "VBDs"),
    ("VIF", "VM"): ("VM", "VIFs"),
    ("VIF", "network"): ("network", "VIFs"),
    ("VDI", "SR"): ("SR", "VDIs"),
    ("VDI", "snapshot_of"): ("VDI", "snapshots"),
    ("PBD", "SR"): ("SR", "PBDs"),
    ("PBD", "host"): ("host", "PBDs"),
    ("console", "VM"): ("VM", "consoles"),
    ("VM", "resident_on"): ("host", "resident_VMs"),
    ("VM", "snapshot_of"): ("VM", "snapshots"),
    ("VM", "parent"): ("VM", "children"),
    ("task", "subtask_of"): ("task", "subtasks"),
}
"""A field that points, and the list on the other side that the database keeps by itself."""

_POINTERS: dict[str, list[tuple[str, str, str]]] = {}
_LISTS: dict[str, list[str]] = {}
for (_cls, _field), (_other, _list) in RELATIONS.items():
    _POINTERS.setdefault(_cls, []).append((_field, _other, _list))
    _LISTS.setdefault(_other, []).append(_list)

SILENT = {"session"}
"""Classes whose changes are no events."""


def now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H:%M:%SZ")


class Obj:
    """One object. Fields are read by name and written by `Database.set` only; `hidden` never goes over the wire."""

    __slots__ = ("cls", "created", "fields", "hidden", "modified", "ref", "xml")

    def __init__(self, cls: str, ref: str, fields: dict[str, Any]) -> None:
        self.cls, self.ref, self.fields = cls, ref, fields
        self.created = self.modified = 0
        self.xml: bytes | None = None
        self.hidden: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def uuid(self) -> str:
        return str(self.fields["uuid"])


class Database:
    """Every method wants `changed` (a condition on one lock) to be held by the caller."""

    def __init__(self, seed: int) -> None:
        self.changed = Condition(RLock())
        self.chance = random.Random(seed)
        self.tables: dict[str, dict[str, Obj]] = {cls: {} for cls in CLASSES}
        self.by_uuid: dict[tuple[str, str], Obj] = {}
        self.generation = 0
        self.recent: OrderedDict[str, Obj] = OrderedDict()
        self.deleted: deque[tuple[int, str, str]] = deque(maxlen=50_000)
        self.derive: dict[str, Callable[[Obj], dict[str, Any]]] = {}

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    # reading

    def get(self, cls: str, ref: str) -> Obj:
        found = self.tables[cls].get(ref)
        if found is None:
            raise Failure("HANDLE_INVALID", cls, ref)
        return found

    def find(self, cls: str, ref: str) -> Obj | None:
        return self.tables[cls].get(ref)

    def all(self, cls: str) -> Iterator[Obj]:
        return iter(list(self.tables[cls].values()))

    def many(self, cls: str, refs: list[str]) -> list[Obj]:
        """The objects of a list that still exist."""
        table = self.tables[cls]
        return [table[ref] for ref in refs if ref in table]

    def record(self, obj: Obj) -> dict[str, Any]:
        """The fields, with those that follow from others brought up to date."""
        self.xml(obj)
        return obj.fields

    def xml(self, obj: Obj) -> bytes:
        """The record on the wire; made once for every change."""
        if obj.xml is None:
            if derive := self.derive.get(obj.cls):
                obj.fields.update(derive(obj))
            obj.xml = record_xml(obj.cls, obj.fields)
        return obj.xml

    # writing

    def create(self, cls: str, /, **fields: Any) -> Obj:
        values = INITIAL[cls] | {name: [] for name in _LISTS.get(cls, ())} | fields
        values["uuid"] = values["uuid"] or self.uuid()
        obj = Obj(cls, f"OpaqueRef:{self.uuid()}", values)
        self.tables[cls][obj.ref] = obj
        self.by_uuid[cls, obj.uuid] = obj
        for field, other, kept in _POINTERS.get(cls, ()):
            self._join(other, values[field], kept, obj.ref)
        self.touch(obj)
        obj.created = obj.modified
        return obj

    def set(self, obj: Obj, /, **fields: Any) -> None:
        for field, other, kept in _POINTERS.get(obj.cls, ()):
            if field in fields and fields[field] != obj.fields[field]:
                self._part(other, obj.fields[field], kept, obj.ref)
                self._join(other, fields[field], kept, obj.ref)
        obj.fields.update(fields)
        self.touch(obj)

    def destroy(self, obj: Obj) -> None:
        """Takes it out; lists that named it forget it, pointers at it stay as they are."""
        if self.tables[obj.cls].pop(obj.ref, None) is None:
            return
        self.by_uuid.pop((obj.cls, obj.uuid), None)
        for field, other, kept in _POINTERS.get(obj.cls, ()):
            self._part(other, obj.fields[field], kept, obj.ref)
        self.recent.pop(obj.ref, None)
        self.generation += 1
        if obj.cls not in SILENT:
            self.deleted.append((self.generation, obj.cls.lower(), obj.ref))
        self.changed.notify_all()

    def touch(self, obj: Obj) -> None:
        """It has changed: its record is made anew, and who waits for events hears of it."""
        obj.xml = None
        self.generation += 1
        obj.modified = self.generation
        if obj.cls not in SILENT:
            self.recent[obj.ref] = obj
            self.recent.move_to_end(obj.ref)
        self.changed.notify_all()

    def _join(self, cls: str, ref: str, kept: str, member: str) -> None:
        if ref != NULL and (other := self.find(cls, ref)):
            other.fields[kept].append(member)
            self.touch(other)

    def _part(self, cls: str, ref: str, kept: str, member: str) -> None:
        if ref != NULL and (other := self.find(cls, ref)) and member in other.fields[kept]:
            other.fields[kept].remove(member)
            self.touch(other)
