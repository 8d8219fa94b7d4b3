"""What a property collector is asked and answers: objects, and those of their properties that are set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vmodl
from pyVmomi.VmomiSupport import ManagedObject


@dataclass(slots=True)
class Row:
    """One object: its reference, and those of its properties that are set and that we may read."""

    ref: str
    kind: str
    props: Mapping[str, Any]
    missing: Mapping[str, str] = field(default_factory=dict)
    """Properties that could not be read, and why."""

    def get(self, path: str, default: Any = None) -> Any:
        return self.props.get(path, default)


@dataclass(frozen=True, slots=True)
class TaskState:
    running: bool
    percent: int
    error: Exception | None
    value: Any
    """What it led to."""

    @property
    def result(self) -> str:
        return reference(self.value)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Objects to read, and of which kind which properties. `select` says how to go on from the objects."""

    objects: Sequence[Any]
    paths: Mapping[type[Any], Sequence[str]]
    select: Sequence[Any] = ()
    skip: bool = False


def pages(first: Any, more: Callable[[str], Any]) -> Iterator[Any]:
    """All objects of an answer that may come in several parts, each with a token for the next."""
    page = first
    while page is not None:
        yield from page.objects
        page = more(page.token) if page.token else None


def reference(found: Any) -> str:
    """An object's reference as we hand it out, without its kind; empty for nothing."""
    return str(found._GetMoId()) if isinstance(found, ManagedObject) else ""


def filter_of(wanted: Wanted) -> Any:
    query, select = vmodl.query.PropertyCollector, list(wanted.select)
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=one, skip=wanted.skip, selectSet=select) for one in wanted.objects],
        propSet=[query.PropertySpec(type=kind, pathSet=list(paths), all=False) for kind, paths in wanted.paths.items()],
        reportMissingObjectsInResults=True,
    )


def row_of(found: Any) -> Row:
    missing: Iterable[Any] = found.missingSet or ()
    return Row(
        ref=found.obj._GetMoId(),
        kind=type(found.obj).__name__.rpartition(".")[2],
        props={prop.name: prop.val for prop in found.propSet},
        missing={one.path: type(one.fault).__name__.rpartition(".")[2] for one in missing},
    )
