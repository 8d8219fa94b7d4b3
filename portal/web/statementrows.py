"""A month's lines as the pages of money show them: grouped by machine, each with what it was reckoned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Max, Min, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.estate.models import Machine, Meter
from lifecycle.money import calendar
from lifecycle.money.models import Charge, Line
from lifecycle.money.queries import Statement, Why, WhyPart, cost_centres_visible_to, lines_visible_to
from lifecycle.people.models import CostCentre, User
from portal.templatetags import figures
from portal.web import charts, moneywords

ORDER = {meter.value: place for place, meter in enumerate(Meter)}
"""Meters in the order in which people name them."""


@dataclass(frozen=True)
class Row:
    """One line in words."""

    line: Line
    quantity: str
    rate: str

    @property
    def name(self) -> str:
        return self.line.get_meter_display()


@dataclass(frozen=True)
class Group:
    """One machine with its lines; more than one holder where it changed hands."""

    machine: Machine
    holders: str
    cents: int
    rows: list[Row]


@dataclass(frozen=True)
class Part:
    """A span of an opened line."""

    part: WhyPart
    quantity: str
    cause: str


def groups(statement: Statement) -> list[Group]:
    """In one query more than the statement itself."""
    rows = {row.line.pk: row for row in in_words([line for each in statement.machines for line in each.lines])}
    return [
        Group(
            each.machine,
            ", ".join(dict.fromkeys(str(line.tenure.holder or line.tenure.team) for line in each.lines)),
            each.cents,
            sorted((rows[line.pk] for line in each.lines), key=lambda row: ORDER[row.line.meter]),
        )
        for each in statement.machines
    ]


def in_words(lines: Sequence[Line]) -> list[Row]:
    sizes = Charge.objects.filter(line__in=[line.pk for line in lines]).order_by().values("line_id")
    found = {row["line_id"]: row for row in sizes.annotate(least=Min("quantity"), most=Max("quantity"))}
    rows = []
    for line in lines:
        size = found.get(line.pk, {"least": 0, "most": 0})
        words = moneywords.quantities(line.meter, size["least"], size["most"])
        rows.append(Row(line, words, moneywords.rate(line.rate)))
    return rows


def parts(why: Why) -> list[Part]:
    """Spans in words; one that began in an earlier month was carried over."""
    first, _end = calendar.month_bounds(why.line.month)
    shown = []
    for part in why.parts:
        words = moneywords.cause(part.cause)
        if part.charge.span.started_at < first:
            before = date_format(part.charge.span.started_at.astimezone(clock.billing_zone()), "F Y")
            words = _("carried over; since %(month)s: %(cause)s") % {"month": before, "cause": words}
        shown.append(Part(part, moneywords.quantity(why.line.meter, part.quantity), words))
    return shown


def hour_words(why: Why) -> str:
    """Where the clocks changed the month is an hour shorter or longer: said, because somebody will count."""
    days = (calendar.next_month(why.line.month) - why.line.month).days
    rest = why.month_seconds // 3600 - days * 24
    hours = figures.hours(why.month_seconds)
    if rest > 0:
        return _("The month has %(hours)s: the clocks went back.") % {"hours": hours}
    if rest < 0:
        return _("The month has %(hours)s: the clocks went forward.") % {"hours": hours}
    return _("The month has %(hours)s.") % {"hours": hours}


def daily_chart(days: Iterable[tuple[date, int]]) -> charts.BarChart:
    """What each day cost; days to come are empty."""
    points = [
        charts.Point(date_format(day, "j F"), max(cents, 0) / 100, short=date_format(day, "j")) for day, cents in days
    ]
    total = sum(point.value for point in points)
    return charts.BarChart(
        title=_("Each day"),
        subtitle=_("%(symbol)s a day") % {"symbol": settings.CURRENCY_SYMBOL},
        points=points,
        finding=_("%(total)s in this month.") % {"total": _euro(total)},
        head=_("Day"),
        say=_euro,
        say_axis=lambda value: figures.money(round(value * 100), "whole" if value == int(value) else ""),
    )


@dataclass(frozen=True)
class Centre:
    """A cost centre with its months, the latest first."""

    centre: CostCentre
    months: list[tuple[date, int]]


SHOWN = timedelta(days=400)


def centres(user: User) -> list[Centre]:
    """The cost centres whose statements a person may open, with the last year's months. Two queries."""
    shown = list(cost_centres_visible_to(user).select_related("owner"))
    since = (clock.now() - SHOWN).date().replace(day=1)
    lines = lines_visible_to(user).filter(tenure__cost_centre__in=shown, month__gte=since).order_by("-month")
    months: dict[int, list[tuple[date, int]]] = {}
    for row in lines.values("tenure__cost_centre", "month").annotate(total=Sum("cents")):
        months.setdefault(row["tenure__cost_centre"], []).append((row["month"], row["total"]))
    return [Centre(centre, months.get(centre.pk, [])) for centre in shown]


def _euro(value: float) -> str:
    return figures.money(round(value * 100))
