"""Charts as SVG geometry: percent along, pixels up, so that words are never stretched. Axes start at zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format


def plain(value: float) -> str:
    return number_format(round(value, 2), use_l10n=True, force_grouping=True).rstrip()


@dataclass(frozen=True)
class Point:
    """One bar or one point: a long name for the table, a short one for the axis."""

    name: str
    value: float
    planned: bool = False
    short: str = ""
    words: str = ""  # said in the table instead of the value


@dataclass(frozen=True)
class BarChart:
    """`finding` is the sentence a reader hears: "€493.80 so far in November, €26 a day"."""

    title: str
    subtitle: str
    points: Sequence[Point]
    finding: str
    head: str = ""  # what the points are, above their column of the table
    say: Callable[[float], str] = plain  # the exact words of a value
    say_axis: Callable[[float], str] | None = None  # shorter words for the axis
    height: int = 96
    top: float = 0  # what the axis reaches at least


@dataclass(frozen=True)
class AreaChart(BarChart):
    """`start` and `end` are the words under both ends."""

    start: str = ""
    end: str = ""
    height: int = 48


@dataclass(frozen=True)
class Line:
    y: str
    word: str


@dataclass(frozen=True)
class BarShape:
    x: str
    width: str
    y: str
    height: str
    planned: bool


@dataclass(frozen=True)
class Word:
    x: str
    word: str
    extra: bool  # left out where there is little room


@dataclass(frozen=True)
class Row:
    name: str
    value: str
    planned: bool


@dataclass(frozen=True)
class Bars:
    lines: list[Line]
    shapes: list[BarShape]
    words: list[Word]
    rows: list[Row]
    frame: int  # pixels of the plot and the words under it


@dataclass(frozen=True)
class Area:
    area: str
    line: str
    planned_line: str
    dot_y: str
    rows: list[Row]


def scale(top: float) -> list[float]:
    """Three to five round values from zero that reach over `top`."""
    if top <= 0:
        return [0.0, 1.0]
    power: float = 10.0 ** math.floor(math.log10(top))
    for step in (power * factor for factor in (0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0)):
        count = math.ceil(top / step - 1e-9)
        if count <= 4:
            return [step * place for place in range(max(count, 2) + 1)]
    return [0.0, top]


def bars(chart: BarChart) -> Bars:
    """Daily bars: past solid, future outlined."""
    values = scale(max((chart.top, *(point.value for point in chart.points))))
    say = chart.say_axis or chart.say
    slot = 100 / (len(chart.points) or 1)

    def height(value: float) -> float:
        return chart.height * max(value, 0) / values[-1]

    shapes = [
        BarShape(
            x=f"{slot * (place + 0.12):.3f}%",
            width=f"{slot * 0.76:.3f}%",
            y=f"{chart.height - height(point.value):.2f}",
            height=f"{height(point.value):.2f}",
            planned=point.planned,
        )
        for place, point in enumerate(chart.points)
    ]
    lines = [Line(f"{chart.height - height(value):.2f}", say(value)) for value in values]
    return Bars(lines, shapes, _words(chart.points, slot), _rows(chart), chart.height + 24)


def area(chart: AreaChart) -> Area:
    """A small line over its ground, in a box of 1000 by the chart's height that is stretched to the place it gets."""
    top = max((point.value for point in chart.points), default=0) * 1.1 or 1
    last = max(len(chart.points) - 1, 1)
    at = [
        (1000 * place / last, chart.height * (1 - max(point.value, 0) / top))
        for place, point in enumerate(chart.points)
    ]
    past = [spot for spot, point in zip(at, chart.points, strict=True) if not point.planned]
    coming = at[len(past) - 1 :] if past and len(past) < len(at) else []
    ground = [(at[0][0], float(chart.height)), *at, (at[-1][0], float(chart.height))] if at else []
    return Area(
        area=_path(ground, closed=True),
        line=_path(past),
        planned_line=_path(coming),
        dot_y=f"{at[-1][1]:.2f}" if at else "0",
        rows=_rows(chart),
    )


def _rows(chart: BarChart) -> list[Row]:
    return [Row(point.name, point.words or chart.say(point.value), point.planned) for point in chart.points]


def _words(points: Sequence[Point], slot: float) -> list[Word]:
    """First, and then every tenth, fifth or each: as many as can be read."""
    every = 10 if len(points) > 20 else 5 if len(points) > 10 else 1
    return [
        Word(f"{slot * (place + 0.5):.3f}%", point.short or point.name, extra=every == 1 and place % 2 == 1)
        for place, point in enumerate(points)
        if place == 0 or (place + 1) % every == 0
    ]


def _path(spots: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    if not spots:
        return ""
    return "M" + "L".join(f"{x:.1f} {y:.2f}" for x, y in spots) + ("Z" if closed else "")
