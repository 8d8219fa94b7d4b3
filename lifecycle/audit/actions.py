"""Writing the record: called by every action, inside the transaction of what it records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Protocol

from django.db import connection, models, transaction

from lifecycle import bulk, clock
from lifecycle.audit.models import Entry
from lifecycle.audit.queries import Wanted, entries, in_chunks


class Actor(Protocol):
    """Whoever acts: a person, or the house itself."""

    @property
    def pk(self) -> Any: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class House:
    """The portal acting by its own rules: the clock, the engine, a scan."""

    pk: None = None

    def __str__(self) -> str:
        return "Leasehold"


HOUSE = House()


def record(verb: str, subject: models.Model, *, by: Actor, reason: str = "", **detail: Any) -> Entry:
    """Adds one entry. Must run inside the transaction of the change itself, so that neither exists alone."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"The act {verb!r} was to be recorded outside the transaction that does it.")
    entry = _entry(verb, subject, at=clock.now(), by=by, reason=reason, detail=detail)
    entry.save()
    return entry


def record_many(verb: str, subjects: Iterable[models.Model], *, by: Actor, reason: str = "", **detail: Any) -> None:
    """Adds one entry for each subject of a set-based change."""
    at = clock.now()
    Entry.objects.bulk_create(
        [_entry(verb, subject, at=at, by=by, reason=reason, detail=detail) for subject in subjects], batch_size=1000
    )


def record_rows(verb: str, object_type: str, rows: Iterable[tuple[int, str]], *, by: Actor) -> None:
    """Adds one entry for each (key, name): for thousands of rows that were never read as models."""
    at, actor = clock.now(), (by.pk, str(by)[:150])
    columns = ("at", "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name")
    bulk.insert(Entry, columns, [(at, *actor, verb, object_type, pk, name[:255]) for pk, name in rows])


def record_each(verb: str, subjects: Iterable[tuple[models.Model, dict[str, Any]]], *, by: Actor) -> None:
    """Adds one entry for each subject, with a detail of its own."""
    at = clock.now()
    Entry.objects.bulk_create(
        [_entry(verb, subject, at=at, by=by, reason="", detail=detail) for subject, detail in subjects],
        batch_size=1000,
    )


def hand_out(
    wanted: Wanted, *, zone: tzinfo, form: str, asked: dict[str, str], by: models.Model
) -> Iterator[list[Entry]]:
    """Entries to take away, in chunks. Who took them, and what was asked for, is recorded before the first."""
    with transaction.atomic():
        record("audit.exported", by, by=by, form=form, asked=asked)
    return in_chunks(entries(wanted, zone=zone))


def _entry(verb: str, subject: models.Model, *, at: datetime, by: Actor, reason: str, detail: dict[str, Any]) -> Entry:
    return Entry(
        at=at,
        actor_id=by.pk,
        actor_name=str(by)[:150],
        verb=verb,
        object_type=subject._meta.model_name or "",
        object_id=subject.pk,
        object_name=str(subject)[:255],
        reason=reason,
        detail=detail,
    )
