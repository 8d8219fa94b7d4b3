"""Statements: the same lines everywhere, and totals that are nothing but their sums."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from django.db.models import QuerySet

from lifecycle.estate.models import Machine
from lifecycle.money import calendar
from lifecycle.money.models import Charge, Draft, Line
from lifecycle.money.queries.lines import NAMED, lines_of
from lifecycle.people.models import CostCentre, User


@dataclass(frozen=True)
class MachineLines:
    """One machine's lines of a month; more than one tenure where it changed hands."""

    machine: Machine
    lines: tuple[Line, ...]
    cents: int


@dataclass(frozen=True)
class Statement:
    """What somebody pays for one month. `drafted_to` is the last moment it knows of; None before the first draft."""

    payer: User | CostCentre
    month: date
    machines: tuple[MachineLines, ...]
    cents: int
    drafted_to: datetime | None


def statement(payer: User | CostCentre, month: date, *, viewer: User) -> Statement:
    """A month's lines grouped by machine, in order of the machines' names."""
    lines = lines_of(payer, viewer=viewer).filter(month=month.replace(day=1)).select_related(*NAMED)
    machines = tuple(_by_machine(lines.order_by("machine__name", "machine_id", "meter", "tenure_id", "rate_id")))
    return Statement(
        payer=payer,
        month=month.replace(day=1),
        machines=machines,
        cents=sum(machine.cents for machine in machines),
        drafted_to=Draft.objects.filter(pk=1).values_list("drafted_to", flat=True).first(),
    )


def daily_cents(lines: QuerySet[Line], month: date) -> list[tuple[date, int]]:
    """What each day of a month cost, for a chart: the days add up to the sum of the lines to the cent.

    A line is rounded once and its cents are then dealt out to days: each day shows what the line has reached by its
    end, cut down to cents, less what the days before showed. So the rounding rest falls to the line's last day.
    """
    month = month.replace(day=1)
    first, _end = calendar.month_bounds(month)
    days = [(day, calendar.seconds_between(first, end)) for day, _start, end in calendar.days_of(month)]
    totals = dict.fromkeys((day for day, _end in days), 0)
    for line, charges in _charges_by_line(lines.filter(month=month), first):
        begins = reached = shown = 0
        for day, ends in days:
            reached += sum(
                max(0, min(charge.to, ends) - max(charge.from_, begins)) * charge.units for charge in charges
            )
            so_far = line.cents * reached // line.unit_seconds
            totals[day] += so_far - shown
            begins, shown = ends, so_far
    return list(totals.items())


class _Dealt(NamedTuple):
    """What of a line is dealt out."""

    pk: int
    cents: int
    unit_seconds: int


class _Stretch(NamedTuple):
    """A charge in seconds since the month began."""

    from_: int
    to: int
    units: int


def _charges_by_line(lines: QuerySet[Line], first: datetime) -> Iterator[tuple[_Dealt, list[_Stretch]]]:
    columns = ("line_id", "line__cents", "line__unit_seconds", "started_at", "ended_at", "quantity")
    rows = Charge.objects.filter(line__in=lines.order_by()).order_by("line_id").values_list(*columns)
    for line, group in itertools.groupby(rows.iterator(), key=lambda row: _Dealt(*row[:3])):
        yield (
            line,
            [
                _Stretch(calendar.seconds_between(first, start), calendar.seconds_between(first, end), units)
                for *_line, start, end, units in group
            ],
        )


def _by_machine(lines: QuerySet[Line]) -> Iterator[MachineLines]:
    for _pk, group in itertools.groupby(lines, key=lambda line: line.machine_id):
        own = tuple(group)
        yield MachineLines(own[0].machine, own, sum(line.cents for line in own))
