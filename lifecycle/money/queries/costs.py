"""What a machine cost its present holder so far: reckoned at once, as the next draft will."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from lifecycle.estate.models import Machine, Span, Tenure
from lifecycle.money import calendar
from lifecycle.money.rates import PriceList
from lifecycle.money.reckoning import Key, Reckoned, reckon


def cost_so_far(machine: Machine, *, now: datetime) -> int:
    """Cents since the present tenure began, or of the last one: the sum of the lines a draft at `now` gives it."""
    return costs_so_far([machine], now=now)[machine.pk]


def costs_so_far(machines: Iterable[Machine], *, now: datetime) -> dict[int, int]:
    """Machine's id -> `cost_so_far`, in as many queries as for one."""
    costs = {machine.pk: 0 for machine in machines}
    for key, line in _present_lines(costs, calendar.whole(now)):
        costs[key.machine_id] += line.cents
    return costs


def cost_this_month(machine: Machine, *, now: datetime) -> int:
    """The part of `cost_so_far` that falls into the billing zone's present month."""
    return spent(machine, now=now).this_month


@dataclass(frozen=True)
class Spent:
    """Cents: `cost_so_far`, and the part of it that is `cost_this_month`."""

    so_far: int
    this_month: int


def spent(machine: Machine, *, now: datetime, prices: PriceList | None = None) -> Spent:
    """Both at once. `prices` saves a query to whoever has them already."""
    month = calendar.month_of(now)
    cents = [(key.month, line.cents) for key, line in _present_lines([machine.pk], calendar.whole(now), prices)]
    return Spent(sum(each for _, each in cents), sum(each for charged, each in cents if charged == month))


def _present_lines(
    machines: Iterable[int], now: datetime, prices: PriceList | None = None
) -> Iterator[tuple[Key, Reckoned]]:
    rows = Tenure.objects.filter(machine__in=machines, started_at__lt=now).order_by("started_at", "pk")
    present = {tenure.machine_id: tenure for tenure in rows}
    if not present:
        return
    first = calendar.month_of(min(tenure.started_at for tenure in present.values()))
    start, _end = calendar.month_bounds(first)
    spans = Span.objects.filter(Q(ended_at=None) | Q(ended_at__gt=start), machine__in=present, started_at__lt=now)
    reckoning = reckon(spans.order_by(), rows, prices or PriceList.load(), start=start, end=now)
    for key, line in reckoning.lines.items():
        if key.tenure_id == present[key.machine_id].pk:
            yield key, line
