"""Many rows at once: what costs a model instance and a statement's worth of parameters per row costs a tuple here.

On PostgreSQL rows go in by COPY and are changed by one UPDATE from arrays; on SQLite by what it does fastest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, GeneratedField, JSONField, Model

Row = Sequence[Any]
Fields = Sequence["Field[Any, Any]"]


def insert(model: type[Model], columns: Sequence[str], rows: Sequence[Row]) -> list[int]:
    """Adds rows and returns their keys, in order. `columns` are attribute names; all others have their
    defaults, one value for all rows. Runs inside a transaction."""
    if not rows:
        return []
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, GeneratedField)]
    rest = [field for field in fields if field.attname not in columns and not field.primary_key]
    given = [_field(model, name) for name in columns]
    put = _copy if connection.vendor == "postgresql" else _insert_each
    return put(model, [*given, *rest], rows, [field.get_default() for field in rest])


def update(model: type[Model], columns: Sequence[str], rows: Mapping[int, Row]) -> None:
    """Sets these columns of the rows with these keys."""
    if not rows or not columns:
        return
    fields = [_field(model, name) for name in columns]
    if connection.vendor == "postgresql":
        _update_from_arrays(model, fields, rows)
        return
    wanted = ", ".join(f"{_column(field)} = %s" for field in fields)
    statement = f"UPDATE {_quoted(model._meta.db_table)} SET {wanted} WHERE id = %s"  # noqa: S608 - names of our own
    with connection.cursor() as cursor:
        cursor.executemany(
            statement,
            [(*_prepared(fields, row), pk) for pk, row in rows.items()],
        )


def _copy(model: type[Model], fields: Fields, rows: Sequence[Row], rest: Row) -> list[int]:
    table, order = _quoted(model._meta.db_table), ", ".join(map(_column, fields))
    texts = [place for place, field in enumerate(fields) if isinstance(field, JSONField)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, len(rows)]
        )
        keys = [int(key) for (key,) in cursor.fetchall()]
        with cursor.copy(f"COPY {table} ({_quoted('id')}, {order}) FROM STDIN") as copy:
            for key, row in zip(keys, rows, strict=True):
                values = [*row, *rest]
                for place in texts:
                    values[place] = json.dumps(values[place])
                copy.write_row((key, *values))
    return keys


def _insert_each(model: type[Model], fields: Fields, rows: Sequence[Row], rest: Row) -> list[int]:
    """With keys of our own: nobody else writes while this transaction does."""
    table, order = model._meta.db_table, ", ".join(map(_column, fields))
    marks = ", ".join(["%s"] * (len(fields) + 1))
    same = _prepared(fields[len(fields) - len(rest) :], rest)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        first = int(cursor.fetchone()[0]) + 1
        cursor.executemany(
            f"INSERT INTO {_quoted(table)} ({_quoted('id')}, {order}) VALUES ({marks})",  # noqa: S608 - names of our own
            [(first + number, *_prepared(fields, row), *same) for number, row in enumerate(rows)],
        )
    return list(range(first, first + len(rows)))


def _prepared(fields: Fields, row: Row) -> Row:
    return [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=False)]


def _update_from_arrays(model: type[Model], fields: Fields, rows: Mapping[int, Row]) -> None:
    kinds = ["text" if isinstance(field, JSONField) else _kind(field) for field in fields]
    wanted = ", ".join(
        f"{_column(field)} = v.c{number}{'::jsonb' if isinstance(field, JSONField) else ''}"
        for number, field in enumerate(fields)
    )
    arrays = ", ".join(["%s::bigint[]", *(f"%s::{kind}[]" for kind in kinds)])
    names = ", ".join(["id", *(f"c{number}" for number in range(len(fields)))])
    statement = (
        f"UPDATE {_quoted(model._meta.db_table)} AS t SET {wanted}"  # noqa: S608 - names of our own
        f" FROM unnest({arrays}) AS v({names}) WHERE t.id = v.id"
    )
    lists = [
        [_plain(field, value) for value in values]
        for field, values in zip(fields, zip(*rows.values(), strict=True), strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(rows), *lists])


def _plain(field: Field[Any, Any], value: Any) -> Any:
    return json.dumps(value) if isinstance(field, JSONField) else value


def _kind(field: Field[Any, Any]) -> str:
    """A foreign key's type is that of the key; a serial one's that of the number behind it."""
    return str(field.db_type(connection)).replace("serial", "int")


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if field.attname == name)


def _column(field: Field[Any, Any]) -> str:
    return _quoted(str(field.column))


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
