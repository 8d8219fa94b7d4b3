"""From history to lines: spans x tenures x rates, in whole seconds. Drafts and running costs both come from here.

Nothing is read or written here, so the same history and the same `now` always give the same lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, TypeVar

from lifecycle.estate.models import Span, Tenure
from lifecycle.money import calendar
from lifecycle.money.models import Rate
from lifecycle.money.rates import PriceList, cents


class Key(NamedTuple):
    """What makes a line one line."""

    month: date
    machine_id: int
    meter: str
    tenure_id: int
    rate_id: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one span; once split at tenures and months, a charge to be."""

    span: Span
    started_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> int:
        return calendar.seconds_between(self.started_at, self.ended_at)


@dataclass(slots=True)
class Reckoned:
    """A line to be."""

    month: date
    rate: Rate
    parts: list[Part] = field(default_factory=list)

    @property
    def seconds(self) -> int:
        return sum(part.seconds for part in self.parts)

    @property
    def unit_seconds(self) -> int:
        return sum(part.span.quantity * part.seconds for part in self.parts)

    @property
    def cents(self) -> int:
        return cents(self.unit_seconds, self.rate, self.month)


@dataclass(slots=True)
class Reckoning:
    """The lines, and the held seconds for which no card has a price."""

    lines: dict[Key, Reckoned] = field(default_factory=dict)
    unpriced_seconds: int = 0

    def add(self, held: Part, tenure: Tenure, prices: PriceList) -> None:
        """Splits one span's part in one tenure at the month borders."""
        span = held.span
        for month, begins, ends in calendar.months_between(held.started_at, held.ended_at):
            part = Part(span, begins, ends)
            rate = prices.at(month).get(span.meter)
            if rate is None:
                self.unpriced_seconds += part.seconds
            else:
                key = Key(month, span.machine_id, span.meter, tenure.pk, rate.pk)
                self.lines.setdefault(key, Reckoned(month, rate)).parts.append(part)


def reckon(
    spans: Iterable[Span], tenures: Iterable[Tenure], prices: PriceList, *, start: datetime, end: datetime
) -> Reckoning:
    """The lines of any number of machines for [start, end). Time outside a tenure is nobody's and costs nothing.

    `start` must be a month border or lie before all history, since a line holds its whole month.
    """
    reckoning = Reckoning()
    held: defaultdict[int, list[Tenure]] = defaultdict(list)
    for tenure in tenures:
        held[tenure.machine_id].append(tenure)
    metered: defaultdict[tuple[int, str], list[Span]] = defaultdict(list)
    for span in spans:
        metered[span.machine_id, span.meter].append(span)
    for (machine_id, _meter), group in metered.items():
        stretches = list(_disjoint(group, start, end))
        for tenure, begins, ends in _disjoint(held[machine_id], start, end):
            for span, from_, to in stretches:
                if span.quantity and from_ < ends and begins < to:
                    reckoning.add(Part(span, max(from_, begins), min(to, ends)), tenure, prices)
    return reckoning


S = TypeVar("S", Span, Tenure)


def _disjoint(rows: Iterable[S], start: datetime, end: datetime) -> Iterator[tuple[S, datetime, datetime]]:
    """Each row's part of [start, end) in whole seconds.

    Rows of one meter should never overlap. Where they do, the earlier one keeps its time and the later one gets the
    rest, so that no second is ever charged twice, whatever was written.
    """
    free = start
    for row in sorted(rows, key=lambda row: (row.started_at, row.pk)):
        begins = max(calendar.whole(row.started_at), free)
        ends = min(calendar.whole(row.ended_at), end) if row.ended_at else end
        if begins < ends:
            yield row, begins, ends
            free = ends
