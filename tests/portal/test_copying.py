"""What counts as the same on both sides of a copy."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from portal.copying import Sum, canonical, canonical_json, models

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NOON, NOON.astimezone(timezone(timedelta(hours=2)))),
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal(100), Decimal("1E+2")),
        (memoryview(b"x"), b"x"),
        (UUID(int=7), UUID(int=7)),
        (date(2026, 3, 1), date(2026, 3, 1)),
    ],
)
def test_the_same_value_is_equal_however_it_is_held(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [(NOON, NOON + timedelta(microseconds=1)), (timedelta(0), timedelta(microseconds=1)), ("1", 1), ("", None)],
)
def test_another_value_differs(one: Any, other: Any) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"b": 1, "a": [1.0, 1e3, -0.0]}', '{"a":[1,1000,0],"b":1}'),
        ('{"a": 1, "a": 2}', '{"a": 2}'),
        ('"\\u00e9"', '"é"'),
    ],
)
def test_json_is_what_it_says(one: str, other: str) -> None:
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1", '"1"'), ("1", "true"), ("null", "0"), ("[1, 2]", "[2, 1]"), ("0.1", "0.10000000000000001")]
)
def test_json_that_says_something_else_differs(one: str, other: str) -> None:
    assert canonical_json(one) != canonical_json(other)


def test_a_sum_forgets_the_order_and_nothing_else() -> None:
    def total(*rows: tuple[Any, ...]) -> Sum:
        found = Sum()
        for row in rows:
            found.add(row)
        return found

    assert total((1, "a"), (2, "b")) == total((2, "b"), (1, "a"))
    assert total((1, "a"), (2, "b")) != total((1, "b"), (2, "a"))
    assert total((1, "a"), (1, "a")) != total((2, "b"), (2, "b"))
    assert total((1, "a")) != total((1, "a"), (1, "a"))


@pytest.mark.django_db
def test_every_table_of_the_database_is_copied() -> None:
    there = set(connection.introspection.table_names()) - {"django_migrations"}

    assert there == {model._meta.db_table for model in models()}
