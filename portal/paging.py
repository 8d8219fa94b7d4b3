"""Keyset paging for pages and API alike: the cost of a page does not grow with how far in it lies.

Keys are indexed, non-null tuples in one direction. The position is the key of the row where the page begins or ends,
signed, so that a made-up one is refused rather than asked of the database; signed for its key, so that one from a list
in another order is refused too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core import signing
from django.db.models import F, Model, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple as TupleOf
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan
from django.utils.translation import gettext as _

from lifecycle.errors import Invalid

SALT = "portal.paging"
MOST_COUNTED = 1000


@dataclass(frozen=True)
class Page:
    rows: list[Any]
    next: str = ""
    previous: str = ""
    count: int = 0
    """How many there are in all, at most `MOST_COUNTED` + 1, which reads as "more than"."""

    @property
    def count_is_capped(self) -> bool:
        return self.count > MOST_COUNTED


def page(
    rows: QuerySet[Any],
    *,
    key: Sequence[str],
    position: str = "",
    size: int = 50,
    count: bool = True,
    shown: QuerySet[Any] | None = None,
) -> Page:
    """One page of `rows`, ordered by `key`: column names, all with or all without a leading minus, unique together.

    `shown` is the table with all that rows are shown with: it is asked for the page's rows only, by their ids, since
    a database that must find rows and join ten tables at once plans long and badly.
    Two queries, or one without the count; where `shown` is given one more, but not on the first page.
    Raises Invalid for a position that is not ours.
    """
    descending = key[0].startswith("-")
    columns = [name.lstrip("-") for name in key]
    backwards, values = _read(position, key)
    found = rows.order_by(*_order(columns, descending != backwards))
    if values:
        beyond = _beyond if shown is None else _beyond_by_parts
        found = beyond(found, columns, values, descending != backwards)
    counted = 0
    if shown is None:
        fetched = list(found[: size + 1])
    else:
        # Ids are cheap: on the first page as many are fetched as are counted.
        counts_too = count and not values
        ids = list(found.values_list("pk", flat=True)[: MOST_COUNTED + 1 if counts_too else size + 1])
        counted, count = len(ids), count and not counts_too
        by_id = shown.in_bulk(ids[: size + 1])
        fetched = [by_id[pk] for pk in ids[: size + 1]]
    more, fetched = len(fetched) > size, fetched[:size]
    if backwards:
        fetched.reverse()
    has_next, has_previous = (True, more) if backwards else (more, bool(values))
    return Page(
        rows=fetched,
        next=_write(fetched[-1], key, backwards=False) if fetched and has_next else "",
        previous=_write(fetched[0], key, backwards=True) if fetched and has_previous else "",
        count=rows.order_by()[: MOST_COUNTED + 1].count() if count else counted,
    )


def _order(columns: Sequence[str], descending: bool) -> list[str]:
    return [f"-{name}" if descending else name for name in columns]


def _beyond(rows: QuerySet[Any], columns: Sequence[str], values: Sequence[Any], descending: bool) -> QuerySet[Any]:
    """Rows after a key. The first filter bounds the index scan on SQLite, which does not use the tuple for it."""
    lookup = TupleLessThan if descending else TupleGreaterThan
    bound = f"{columns[0]}__{'lte' if descending else 'gte'}"
    return rows.filter(**{bound: values[0]}).filter(lookup(TupleOf(*map(F, columns)), tuple(values)))


def _beyond_by_parts(
    rows: QuerySet[Any], columns: Sequence[str], values: Sequence[Any], descending: bool
) -> QuerySet[Any]:
    """The same without a tuple, of which PostgreSQL thinks that no two rows share its first column: it would expect
    one row and join for each what somebody may see. What shares the first column is read, so it must not be much.
    """
    past = "lt" if descending else "gt"
    beyond = Q((f"{columns[-1]}__{past}", values[-1]))
    for column, value in reversed(list(zip(columns, values, strict=True))[:-1]):
        beyond = Q((f"{column}__{past}", value)) | Q((column, value)) & beyond
    return rows.filter(beyond, **{f"{columns[0]}__{past}e": values[0]})


def _write(row: Model, key: Sequence[str], *, backwards: bool) -> str:
    values = [_plain(getattr(row, name.lstrip("-"))) for name in key]
    return signing.dumps([backwards, values], salt=_salt(key), compress=True)


def _read(position: str, key: Sequence[str]) -> tuple[bool, list[Any]]:
    if not position:
        return False, []
    try:
        backwards, values = signing.loads(position, salt=_salt(key))
    except (signing.BadSignature, ValueError):
        raise Invalid(
            _("This position is damaged, or belongs to another list. Begin at the first page."), field="page"
        ) from None
    return backwards, [_whole(value) for value in values]


def _salt(key: Sequence[str]) -> str:
    return ":".join([SALT, *key])


def _plain(value: Any) -> Any:
    """What JSON does not know, as text that says what it is."""
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    return {"d": value.isoformat()} if isinstance(value, date) else value


def _whole(value: Any) -> Any:
    match value:
        case {"t": text}:
            return datetime.fromisoformat(text)
        case {"d": text}:
            return date.fromisoformat(text)
    return value
