"""Drift: a machine that somebody leased is not what was agreed any more, and it was not us.

A chunk opens what is new; at the end of a look all that stand open are compared with the machines once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

from lifecycle import bulk
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import LEASED, Drift, Endpoint, Machine

WATCHED = frozenset(Drift.Column.values)


def note_drift(
    changes: Iterable[tuple[Machine, dict[str, Any]]], busy: Callable[[Collection[int]], Collection[int]], *,
    at: datetime,
) -> None:  # fmt: skip
    """`changes` are rows as they are now, with the values before. What stands open already keeps what it began with."""
    found = [(row, before) for row, before in changes if row.stage in LEASED and before.keys() & WATCHED]
    if not found:
        return
    working = set(busy([row.pk for row, _before in found]))
    Drift.objects.bulk_create(
        [
            Drift(
                machine=row, column=column, ours=_text(before[column]), theirs=_text(getattr(row, column)), since=at
            )
            for row, before in found
            if row.pk not in working
            for column in sorted(before.keys() & WATCHED)
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def settle_drift(endpoint: Endpoint, busy: Callable[[Collection[int]], Collection[int]], *, at: datetime) -> None:
    """What is as it was again has ended by itself; of the rest, theirs is what it is now."""
    standing = list(
        Drift.objects.filter(machine__endpoint=endpoint, ended_at=None).select_related("machine").order_by("pk")
    )
    if not standing:
        return
    working = set(busy({drift.machine_id for drift in standing}))
    ended, changed = [], {}
    for drift in standing:
        theirs = _text(getattr(drift.machine, drift.column))
        if drift.machine_id in working:
            continue
        if theirs == drift.ours or drift.machine.stage not in LEASED:
            ended.append(drift.pk)
        elif theirs != drift.theirs:
            changed[drift.pk] = (theirs,)
    bulk.update(Drift, ("theirs",), changed)
    if ended:
        Drift.objects.filter(pk__in=ended, ended_at=None).update(ended_at=at, end=Drift.End.BY_ITSELF)


def _text(value: Any) -> str:
    return cut(value, 255)
