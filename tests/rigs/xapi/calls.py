"""The table of calls: the generic accessors of every class, and what the other modules register."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.rigs.xapi.context import Context
from tests.rigs.xapi.database import Obj
from tests.rigs.xapi.datamodel import CALLS, CLASSES, Field, Type
from tests.rigs.xapi.errors import Failure

Handler = Callable[..., Any]
STRING, VOID = Type("string"), Type("void")


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `optional` trailing arguments may be left out; `takes_task` says whether Async.* knows it."""

    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type
    handler: Handler
    optional: tuple[Any, ...] = ()
    takes_task: bool = False
    bare: bool = False
    """Asked without a session."""

    @property
    def reads(self) -> bool:
        """Someone with a role that only reads may ask it."""
        verb = self.name.split(".")[1]
        return verb.startswith(("get", "assert_", "query", "compute_")) or self.name.split(".")[0] in {
            "event",
            "session",
            "system",
        }


TABLE: dict[str, Call] = {}
_NO_TASK = {"session", "task", "event", "system", "message"}


def call(name: str, *optional: Any, bare: bool = False) -> Callable[[Handler], Handler]:
    """Registers a call; its signature comes from the data model, its last arguments may have defaults."""

    def register(handler: Handler) -> Handler:
        signature = CALLS[name]
        cls, verb = name.split(".")
        takes_task = cls not in _NO_TASK and not verb.startswith("get_")
        TABLE[name] = Call(name, signature.params, signature.result, handler, optional, takes_task, bare)
        return handler

    return register


def _register(name: str, params: list[Type], result: Type, handler: Handler) -> None:
    TABLE.setdefault(name, Call(name, tuple((f"arg{n}", type_) for n, type_ in enumerate(params)), result, handler))


def complete() -> None:
    """Adds the generic accessors where nothing special is registered, and refusals for what is left."""
    for cls, fields in CLASSES.items():
        _readers(cls)
        for field in fields.values():
            _field_calls(cls, field)
    for name, signature in CALLS.items():
        if name not in TABLE:
            TABLE[name] = Call(name, signature.params, signature.result, _not_implemented)


def _not_implemented(ctx: Context, *_: Any) -> None:
    raise Failure("NOT_IMPLEMENTED", ctx.method)


def unknown() -> list[str]:
    """Calls of the data model that are only refused."""
    return sorted(name for name, found in TABLE.items() if found.handler is _not_implemented)


def _readers(cls: str) -> None:
    ref = Type("ref", cls)
    refs = Type("set", of=(ref,))
    _register(f"{cls}.get_record", [ref], Type("record", cls), lambda ctx, obj: obj)
    if cls == "session":
        return
    _register(f"{cls}.get_all", [], refs, lambda ctx: list(ctx.db.tables[cls]))
    _register(f"{cls}.get_all_records", [], Type("records", cls), lambda ctx: list(ctx.db.all(cls)))
    _register(f"{cls}.get_by_uuid", [STRING], ref, lambda ctx, uuid: _by_uuid(ctx, cls, uuid))
    if "name_label" in CLASSES[cls]:
        by_name = lambda ctx, label: [obj.ref for obj in ctx.db.all(cls) if obj["name_label"] == label]
        _register(f"{cls}.get_by_name_label", [STRING], refs, by_name)


def _by_uuid(ctx: Context, cls: str, uuid: str) -> str:
    found = ctx.db.by_uuid.get((cls, uuid))
    if found is None:
        raise Failure("UUID_INVALID", cls, uuid)
    return found.ref


def _field_calls(cls: str, field: Field) -> None:
    ref, type_, name = Type("ref", cls), field.type, field.name
    _register(f"{cls}.get_{name}", [ref], type_, lambda ctx, obj: ctx.db.record(obj)[name])
    verbs: dict[str, tuple[list[Type], Handler]] = {f"set_{name}": ([ref, type_], _setter(name))}
    if type_.kind == "map":
        verbs[f"add_to_{name}"] = ([ref, *type_.of], _adder(cls, name))
        verbs[f"remove_from_{name}"] = ([ref, type_.of[0]], _remover(name))
    if type_.kind == "set":
        verbs[f"add_{name}"] = ([ref, type_.of[0]], _joiner(name))
        verbs[f"remove_{name}"] = ([ref, type_.of[0]], _parter(name))
    for verb, (params, handler) in verbs.items():
        if field.qualifier == "RW" or f"{cls}.{verb}" in CALLS:
            _register(f"{cls}.{verb}", params, VOID, handler)


def _setter(name: str) -> Handler:
    return lambda ctx, obj, value: ctx.db.set(obj, **{name: value})


def _adder(cls: str, name: str) -> Handler:
    def add(ctx: Context, obj: Obj, key: str, value: Any) -> None:
        if key in obj[name]:
            raise Failure("MAP_DUPLICATE_KEY", cls, name, obj.ref, key)
        ctx.db.set(obj, **{name: obj[name] | {key: value}})

    return add


def _remover(name: str) -> Handler:
    def remove(ctx: Context, obj: Obj, key: str) -> None:
        if key in obj[name]:
            ctx.db.set(obj, **{name: {have: value for have, value in obj[name].items() if have != key}})

    return remove


def _joiner(name: str) -> Handler:
    def join(ctx: Context, obj: Obj, value: Any) -> None:
        if value not in obj[name]:
            ctx.db.set(obj, **{name: [*obj[name], value]})

    return join


def _parter(name: str) -> Handler:
    def part(ctx: Context, obj: Obj, value: Any) -> None:
        if value in obj[name]:
            ctx.db.set(obj, **{name: [have for have in obj[name] if have != value]})

    return part
