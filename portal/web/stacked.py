"""A stacked area chart as SVG geometry: one series on the other, over days that need not follow each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portal.web.charts import Line, Word, plain, scale

WIDTH = 1000
MOST_WORDS = 7
MOST_PRINTED = 13


@dataclass(frozen=True)
class Series:
    """`place` is its colour, 1 to 5, from the ground up."""

    name: str
    place: int
    values: Sequence[float]


@dataclass(frozen=True)
class StackedChart:
    title: str
    subtitle: str
    days: Sequence[date]
    series: Sequence[Series]
    finding: str
    day_format: str = "j M Y"
    tick_format: str = "j M"
    say: Callable[[float], str] = plain
    say_axis: Callable[[float], str] | None = None
    height: int = 180

    @property
    def sums(self) -> list[float]:
        return [sum(values) for values in zip(*(each.values for each in self.series), strict=True)]


@dataclass(frozen=True)
class Layer:
    name: str
    place: int
    path: str
    last: str


@dataclass(frozen=True)
class TableRow:
    name: str
    values: list[str]


@dataclass(frozen=True)
class Stacked:
    lines: list[Line]
    layers: list[Layer]
    words: list[Word]
    heads: list[str]
    rows: list[TableRow]
    few: list[TableRow]
    """About a dozen of them, for paper."""
    frame: int


def stacked(chart: StackedChart) -> Stacked:
    """Of one day there is nothing to draw: the table alone says it."""
    values = scale(max(chart.sums, default=0))
    say = chart.say_axis or chart.say
    places = _places(chart.days)

    def up(value: float) -> float:
        return chart.height * (1 - value / values[-1])

    layers, below = [], [0.0] * len(chart.days)
    for each in chart.series:
        above = [low + value for low, value in zip(below, each.values, strict=True)]
        spots = [*zip(places, map(up, above), strict=True), *reversed(list(zip(places, map(up, below), strict=True)))]
        path = "M" + "L".join(f"{WIDTH * x:.1f} {y:.2f}" for x, y in spots) + "Z" if len(places) > 1 else ""
        layers.append(Layer(each.name, each.place, path, chart.say(each.values[-1] if each.values else 0)))
        below = above
    return Stacked(
        lines=[Line(f"{up(value):.2f}", say(value)) for value in values],
        layers=layers,
        words=_ticks(chart, places),
        heads=[*(each.name for each in chart.series), _("Together")],
        rows=(rows := _rows(chart)),
        few=rows[:: max(1, -(-len(rows) // MOST_PRINTED))],
        frame=chart.height + 24,
    )


def _places(days: Sequence[date]) -> list[float]:
    """From 0 to 1, as far apart as the days are."""
    span = (days[-1] - days[0]).days if len(days) > 1 else 0
    return [(day - days[0]).days / span if span else 0.0 for day in days]


def _ticks(chart: StackedChart, places: list[float]) -> list[Word]:
    """As many as can be read; every second one is left out where there is little room."""
    every = max(1, -(-len(places) // MOST_WORDS))
    chosen = list(enumerate(zip(chart.days, places, strict=True)))[::-1][::every][::-1]
    return [
        Word(f"{100 * place:.2f}%", date_format(day, chart.tick_format), extra=(len(chosen) - number) % 2 == 0)
        for number, (_index, (day, place)) in enumerate(chosen)
    ]


def _rows(chart: StackedChart) -> list[TableRow]:
    """The latest first."""
    columns = [*(each.values for each in chart.series), chart.sums]
    return [
        TableRow(date_format(day, chart.day_format), [chart.say(values[number]) for values in columns])
        for number, day in reversed(list(enumerate(chart.days)))
    ]
