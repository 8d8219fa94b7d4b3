"""The proof that no second is charged twice: what it finds is a flaw of ours, and names the rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_

from django.db.models import F, Max, Q, QuerySet, RowRange, Sum, Window

from lifecycle.money import calendar
from lifecycle.money.models import Charge, Line


@dataclass(frozen=True)
class Flaw:
    """One machine, meter and month: `seconds` charged where `limit` is the month's length.

    With `overlap_id` set it is a charge that begins before an earlier one has ended; else the sum is too large.
    """

    machine_id: int
    meter: str
    month: date
    seconds: int
    limit: int
    overlap_id: int | None = None


def overcharged_seconds(month: date | None = None) -> list[Flaw]:
    """Whatever breaks the promise, in all months or in one; empty is the proof. Three queries, whatever the estate."""
    charges = Charge.objects.all() if month is None else Charge.objects.filter(line__month=month.replace(day=1))
    return [*_too_many(charges), *_overlapping(charges)]


def _too_many(charges: QuerySet[Charge]) -> list[Flaw]:
    months = Line.objects.order_by().values_list("month", flat=True).distinct()
    limits = {month: calendar.month_seconds(month) for month in months}
    if not limits:
        return []
    beyond = reduce(or_, (Q(line__month=month, total__gt=limit) for month, limit in limits.items()))
    rows = (
        charges.order_by()
        .values("line__machine_id", "line__meter", "line__month")
        .annotate(total=Sum("seconds"))
        .filter(beyond)
        .order_by("line__month", "line__machine_id", "line__meter")
        .values_list("line__machine_id", "line__meter", "line__month", "total")
    )
    return [Flaw(machine, meter, month, total, limits[month]) for machine, meter, month, total in rows]


def _overlapping(charges: QuerySet[Charge]) -> list[Flaw]:
    before = Window(
        Max("ended_at"),
        partition_by=["line__machine_id", "line__meter"],
        order_by=["started_at", "pk"],
        frame=RowRange(end=-1),
    )
    rows = charges.order_by().annotate(before=before).filter(before__gt=F("started_at")).select_related("line")
    return [
        Flaw(
            charge.line.machine_id,
            charge.line.meter,
            charge.line.month,
            charge.seconds,
            calendar.month_seconds(charge.line.month),
            overlap_id=charge.pk,
        )
        for charge in rows
    ]
