"""The open months' lines and charges, brought in line with history: chunk by chunk, each in one short transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce, Least

from lifecycle.estate.models import Span, Tenure
from lifecycle.money import calendar, ledger
from lifecycle.money.models import Charge, Draft, Line
from lifecycle.money.rates import PriceList
from lifecycle.money.reckoning import reckon

BEFORE_ALL = date(1970, 1, 1)
CHUNK = 50
"""Machines per transaction: while one is drafted on SQLite, every other writer waits."""


@dataclass(frozen=True)
class DraftResult:
    """What a draft did; `unpriced_seconds` is held time that no rate card has a price for."""

    machines: int = 0
    lines_written: int = 0
    lines_removed: int = 0
    unpriced_seconds: int = 0

    def __add__(self, other: DraftResult) -> DraftResult:
        return DraftResult(
            self.machines + other.machines,
            self.lines_written + other.lines_written,
            self.lines_removed + other.lines_removed,
            self.unpriced_seconds + other.unpriced_seconds,
        )


def months_to_draft(now: datetime) -> tuple[date, dict[int, date]]:
    """The first month to recompute for everyone, and an earlier one for machines whose history was cut short since.

    The month before the last draft's counts as touched: news about its end may have come late, and a draft that
    overlapped with another may have left its end short.
    """
    drafted_to = Draft.objects.filter(pk=1).values_list("drafted_to", flat=True).first()
    if drafted_to is None:
        return BEFORE_ALL, {}
    first = calendar.previous_month(calendar.month_of(min(drafted_to, now)))
    dropped = _dropped(first)
    cut_short = _cut_short(first)
    return first, {pk: min(month, dropped.get(pk, first)) for pk, month in (dropped | cut_short).items()}


def machines_to_draft(first: date, cut_short: Iterable[int]) -> list[int]:
    """Whoever was held since, and whoever has lines there: a line may have lost its evidence."""
    since = Q(ended_at=None) | Q(ended_at__gt=calendar.month_bounds(first)[0])
    held = Tenure.objects.filter(since).order_by().values_list("machine_id", flat=True)
    lined = Line.objects.filter(month__gte=first).order_by().values_list("machine_id", flat=True)
    return sorted({*held.iterator(), *lined.distinct().iterator(), *cut_short})


def draft_each(machines: Sequence[int], first: date, now: datetime) -> tuple[DraftResult, list[Exception]]:
    """Drafts these machines; where that fails, one by one, so that a broken row holds up no machine but its own."""
    try:
        return _draft_chunk(machines, first, now), []
    except Exception as error:
        if len(machines) == 1:
            error.add_note(f"While drafting machine {machines[0]}.")
            return DraftResult(), [error]
    result, failures = DraftResult(), []
    for machine in machines:
        more, failed = draft_each([machine], first, now)
        result += more
        failures += failed
    return result, failures


def _draft_chunk(machines: Sequence[int], first: date, now: datetime) -> DraftResult:
    start = calendar.month_bounds(first)[0]
    since = Q(ended_at=None) | Q(ended_at__gt=start)
    with transaction.atomic():
        # Drafts take turns, so that none writes over another's lines with what it read before.
        Draft.objects.select_for_update().get(pk=1)
        reckoning = reckon(
            Span.objects.filter(since, machine__in=machines, started_at__lt=now).order_by(),
            Tenure.objects.filter(since, machine__in=machines, started_at__lt=now).order_by(),
            PriceList.load(),
            start=start,
            end=now,
        )
        written, removed = ledger.store(reckoning.lines, machines=machines, first=first)
    return DraftResult(len(machines), written, removed, reckoning.unpriced_seconds)


def _cut_short(first: date) -> dict[int, date]:
    """Machine -> month in which a span or tenure now ends before what was charged for it.

    Looking at the lines since `first` is enough: whatever was open at the last draft was charged up to it.
    """
    true_end = Least(Coalesce("span__ended_at", "ended_at"), Coalesce("line__tenure__ended_at", "ended_at"))
    rows = Charge.objects.filter(line__month__gte=first).annotate(end=true_end).filter(end__lt=F("ended_at"))
    found: dict[int, date] = {}
    for machine, end in rows.order_by().values_list("line__machine_id", "end").iterator():
        found[machine] = min(found.get(machine, first), calendar.month_of(end))
    return found


def _dropped(first: date) -> dict[int, date]:
    """Machine -> month before its first line without a charge: the span behind it was dropped as empty.

    The month before, because there the dropped span may have begun beside others that still stand.
    """
    bare = Line.objects.filter(charges=None).order_by()
    machines = bare.filter(month__gte=first).values("machine")
    months = bare.filter(machine__in=machines).values_list("machine").annotate(first=Min("month"))
    return {machine: min(first, calendar.previous_month(month)) for machine, month in months}
