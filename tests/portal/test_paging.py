"""Keyset paging: forward, backward, over ties, and with positions that are not ours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lifecycle.errors import Invalid
from lifecycle.models import Entry, Line, RateCard, User
from portal.paging import MOST_COUNTED, Page, page
from tests.lifecycle.factories import make_user

NEWEST, OLDEST = ("-at", "-id"), ("at", "id")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def entries(db: None) -> list[Entry]:
    """Seven acts, three of them in the same second."""
    moments = [0, 1, 1, 1, 2, 3, 4]
    return [
        Entry.objects.create(
            at=NOON + timedelta(minutes=minutes), actor_name="x", verb=str(number), object_type="t", object_id=1,
            object_name="x",
        )
        for number, minutes in enumerate(moments)
    ]  # fmt: skip


def shown(found: Page) -> str:
    return "".join(entry.verb for entry in found.rows)


@pytest.mark.parametrize(("key", "pages"), [(OLDEST, ["012", "345", "6"]), (NEWEST, ["654", "321", "0"])])
def test_pages_cover_every_row_once_in_both_directions(
    entries: list[Entry], key: tuple[str, ...], pages: list[str]
) -> None:
    forward, position = [], ""
    while True:
        found = page(Entry.objects.all(), key=key, position=position, size=3)
        forward.append(found)
        if not (position := found.next):
            break
    assert [shown(each) for each in forward] == pages

    backward = [forward[-1]]
    while backward[-1].previous:
        backward.append(page(Entry.objects.all(), key=key, position=backward[-1].previous, size=3))
    assert [shown(each) for each in reversed(backward)] == pages
    assert backward[-1].next


def test_the_first_page_has_no_previous_and_the_only_page_no_next(entries: list[Entry]) -> None:
    found = page(Entry.objects.all(), key=NEWEST, size=7)

    assert (found.next, found.previous, found.count) == ("", "", 7)


def test_nothing_is_one_empty_page(db: None) -> None:
    found = page(Entry.objects.all(), key=NEWEST)

    assert (found.rows, found.next, found.previous, found.count) == ([], "", "", 0)


def test_rows_that_come_meanwhile_move_no_page(entries: list[Entry]) -> None:
    first = page(Entry.objects.all(), key=NEWEST, size=3)
    Entry.objects.create(
        at=NOON + timedelta(hours=1), actor_name="x", verb="n", object_type="t", object_id=1, object_name="x"
    )

    assert shown(page(Entry.objects.all(), key=NEWEST, position=first.next, size=3)) == "321"


def test_keys_may_be_days_and_names(db: None) -> None:
    for month in (1, 2, 3):
        RateCard.objects.create(name=f"2026-{month}", valid_from=date(2026, month, 1))
    people = [make_user(name) for name in ("anna", "bela", "cleo")]

    cards = page(RateCard.objects.all(), key=("-valid_from", "-id"), size=2)
    rest = page(RateCard.objects.all(), key=("-valid_from", "-id"), position=cards.next, size=2)
    named = page(User.objects.all(), key=("username", "id"), size=1)
    after = page(User.objects.all(), key=("username", "id"), position=named.next, size=5)

    assert [card.name for card in rest.rows] == ["2026-1"]
    assert after.rows == people[1:]


@pytest.mark.parametrize("position", ["x", "W10:x:y", "é", "\0", "a" * 5000, "W2ZhbHNlLFsxXV0:1abcde:forged"])
def test_damaged_positions_are_refused(entries: list[Entry], position: str) -> None:
    with pytest.raises(Invalid) as refused:
        page(Entry.objects.all(), key=NEWEST, position=position)

    assert refused.value.field == "page"


@pytest.mark.parametrize("key", [OLDEST, ("-id",), ("-month", "-id")])
def test_positions_of_lists_in_another_order_are_refused(entries: list[Entry], key: tuple[str, ...]) -> None:
    position = page(Entry.objects.all(), key=NEWEST, size=3).next

    with pytest.raises(Invalid):
        page(Line.objects.all() if "-month" in key else Entry.objects.all(), key=key, position=position)


def test_counts_are_capped(db: None) -> None:
    Entry.objects.bulk_create(
        Entry(at=NOON, actor_name="x", verb="v", object_type="t", object_id=1, object_name="x")
        for _ in range(MOST_COUNTED + 5)
    )

    found = page(Entry.objects.all(), key=NEWEST)

    assert found.count == MOST_COUNTED + 1
    assert found.count_is_capped


@pytest.mark.parametrize(("count", "queries"), [(True, 2), (False, 1)])
def test_a_page_is_two_queries_or_one_without_the_count(
    entries: list[Entry], django_assert_num_queries: object, count: bool, queries: int
) -> None:
    with django_assert_num_queries(queries):  # type: ignore[operator]
        page(Entry.objects.all(), key=NEWEST, count=count)


@pytest.mark.parametrize(("key", "pages"), [(OLDEST, ["012", "345", "6"]), (NEWEST, ["654", "321", "0"])])
def test_rows_that_are_fetched_by_their_ids_come_in_the_same_pages(
    entries: list[Entry], key: tuple[str, ...], pages: list[str]
) -> None:
    def at(position: str) -> Page:
        return page(Entry.objects.all(), key=key, position=position, size=3, shown=Entry.objects.all())

    first = at("")
    second = at(first.next)
    third = at(second.next)

    assert [shown(found) for found in (first, second, third)] == pages
    assert [shown(found) for found in (at(second.previous), at(third.previous))] == pages[:2]
    assert [bool(found.next) for found in (first, second, third)] == [True, True, False]
    assert {found.count for found in (first, second, third)} == {len(entries)}


@pytest.mark.parametrize(("position", "count", "queries"), [(False, True, 2), (True, True, 3), (True, False, 2)])
def test_a_page_of_rows_by_their_ids_is_one_query_more_but_not_at_first(
    entries: list[Entry], django_assert_num_queries: Any, position: bool, count: bool, queries: int
) -> None:
    where = page(Entry.objects.all(), key=NEWEST, size=3).next if position else ""
    with django_assert_num_queries(queries):
        page(Entry.objects.all(), key=NEWEST, position=where, count=count, shown=Entry.objects.all())
