"""Rows from one database into another: what a table holds, as the database has it, and a sum that tells it apart.

Values are taken past the fields' own reading: what is encrypted stays encrypted, and JSON stays the text that it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connections
from django.db.models import Field, JSONField, Model

CHUNK = 2000
"""Rows in memory at a time."""
MODULUS = 1 << 128

Row = tuple[Any, ...]


def models() -> list[type[Model]]:
    """Every table, those of many-to-many fields included; mostly, what others point to comes first."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy and not model._meta.swapped]


@dataclass
class Sum:
    """How many rows, and a checksum of them that does not depend on their order."""

    rows: int = 0
    digest: int = 0

    def add(self, row: Row) -> None:
        self.rows += 1
        # Added and not combined bit by bit: two equal rows must not cancel each other.
        content = blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self.digest = (self.digest + int.from_bytes(content)) % MODULUS

    def __str__(self) -> str:
        return f"{self.digest:032x}"


class Table:
    """One model's table in one database."""

    def __init__(self, model: type[Model], alias: str) -> None:
        self.name, self.connection = model._meta.db_table, connections[alias]
        self.fields: list[Field] = list(model._meta.local_concrete_fields)
        self.key = model._meta.pk.column
        self._canonical = [canon(field) for field in self.fields]

    def _quoted(self, name: str | None) -> str:
        return str(self.connection.ops.quote_name(name or ""))

    def is_empty(self) -> bool:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {self._quoted(self.name)} LIMIT 1")  # noqa: S608 - names of our own
            return cursor.fetchone() is None

    def read(self) -> Iterator[Row]:
        """All rows in the order of their keys, a bounded number of them in memory."""
        columns = ", ".join(self._quoted(field.column) for field in self.fields)
        key = self._quoted(self.key)
        readers = [reader(field, self.connection) for field in self.fields]
        with self.connection.chunked_cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {self._quoted(self.name)} ORDER BY {key}")  # noqa: S608 - likewise
            while chunk := cursor.fetchmany(CHUNK):
                for row in chunk:
                    yield tuple(read(value) for read, value in zip(readers, row, strict=True))

    def write(self, rows: Iterator[Row]) -> None:
        """Rows as `read` gives them. PostgreSQL only; one statement, so that it is all of them or none."""
        kept = [place for place, field in enumerate(self.fields) if not field.generated]
        columns = ", ".join(self._quoted(self.fields[place].column) for place in kept)
        writers = [(place, writer(self.fields[place], self.connection)) for place in kept]
        statement = f"COPY {self._quoted(self.name)} ({columns}) FROM STDIN"
        # The wrapper as well: what goes wrong within a COPY would otherwise come in the driver's own words.
        with self.connection.wrap_database_errors, self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([write(row[place]) for place, write in writers])

    def canonical(self, row: Row) -> Row:
        """The same for equal values, whichever database they come from."""
        return tuple(None if value is None else canon(value) for canon, value in zip(self._canonical, row, strict=True))

    def sum(self) -> Sum:
        total = Sum()
        for row in self.read():
            total.add(self.canonical(row))
        return total


def reader(field: Field, connection: Any) -> Callable[[Any], Any]:
    """From what the driver gives to a Python value; text stays text where the field would interpret it."""
    column = field.get_col(field.model._meta.db_table)
    converters = list(connection.ops.get_db_converters(column))
    if not interprets(column.output_field):
        converters += column.get_db_converters(connection)

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, column, connection)
        return value

    return read


def writer(field: Field, connection: Any) -> Callable[[Any], Any]:
    return _as_it_is if interprets(field) else partial(field.get_db_prep_save, connection=connection)


def interprets(field: Field) -> bool:
    """JSON, and what we encrypt."""
    return hasattr(field, "from_db_value")


def _as_it_is(value: Any) -> Any:
    return value


def canon(field: Field) -> Callable[[Any], Any]:
    return canonical_json if isinstance(field, JSONField) else canonical


def canonical(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
        case Decimal():
            return format(value.normalize(), "f")
        case UUID():
            return value.hex
        case memoryview() | bytearray():
            return bytes(value)
        case _:
            return value


def canonical_json(text: str) -> str:
    """PostgreSQL orders keys, forgets repeated ones, and writes 1e3 as 1000: none of it changes what is said."""
    return json.dumps(json.loads(text, parse_float=_number, parse_int=_number), sort_keys=True, separators=(",", ":"))


def _number(digits: str) -> str:
    """Marked, so that 1 and "1" stay two things; neither database lets a text begin so."""
    value = Decimal(digits)
    return "\0" + format(value.normalize() if value else Decimal(0), "f")
