"""The lease bar: stages of a machine from hand-over to removal, as geometry for an SVG.

Solid is what happened, outlined is what will happen if nobody acts, dashed is no longer on the hypervisor.
Places along the bar are percent, heights are pixels: so a bar fits any width and its words are never stretched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from portal.templatetags.states import STAGES, look
from portal.web.leasewords import began, sentence

GAP = 2.0  # pixels between two pieces
ROW_WIDTH = 400  # the narrowest row with words beside its bar; below it they stand underneath
PAGE_WIDTH = 560  # the narrowest page form; below it the dates stand as a list
LEAST = 90  # pixels of a stage in the page form, so that its word fits
WORD_AT = 9  # pixels from its border
LETTER = 7  # a wide one of the word


@dataclass(frozen=True)
class Segment:
    """A stage over a time. No end: it runs until somebody reviews it."""

    stage: str
    start: dt.datetime
    end: dt.datetime | None
    planned: bool = False
    gone: bool = False  # no longer on the hypervisor


@dataclass(frozen=True)
class Tick:
    x: str
    word: str
    year: str = ""  # said in January only, and left out where there is little room


@dataclass(frozen=True)
class Axis:
    """The shared scale of a list of rows."""

    start: dt.datetime
    end: dt.datetime
    width: int = ROW_WIDTH

    def share(self, moment: dt.datetime) -> float:
        """Where a moment lies, in percent, held inside the axis."""
        whole = (self.end - self.start).total_seconds() or 1
        return max(0.0, min(100.0, 100 * (moment - self.start).total_seconds() / whole))

    def place(self, moment: dt.datetime) -> str:
        return _percent(self.share(moment))

    @property
    def months(self) -> list[Tick]:
        """The first of each month; January says its year."""
        ticks, first = [], timezone.localtime(self.start).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while first < self.end:
            if first >= self.start:
                ticks.append(
                    Tick(self.place(first), date_format(first, "M"), str(first.year) if first.month == 1 else "")
                )
            first = _next_month(first)
        return ticks


@dataclass(frozen=True)
class Piece:
    x: str
    width: str
    classes: str


@dataclass(frozen=True)
class Mark:
    """A stage of the page form: its word inside, and under its left border what happens and when."""

    x: str
    word: str
    word_x: str
    colour: str
    solid: bool
    title: str
    moment: dt.datetime


@dataclass(frozen=True)
class Bar:
    pieces: list[Piece]
    name: str
    today: str
    today_word: str = ""
    tag_width: int = 0
    tag_half: int = 0
    tag_shift: int = 0  # pixels that keep the word over today inside the drawing
    label: str = ""
    label_x: str = ""
    label_below: bool = False
    open_end: str = ""
    open_colour: str = ""
    on_hold: bool = False
    review: dt.datetime | None = None
    months: Sequence[Tick] = ()
    marks: Sequence[Mark] = ()


def axis_around(today: dt.datetime, *, back: int = 1, ahead: int = 4, width: int = ROW_WIDTH) -> Axis:
    """From the first of the month `back` months ago to the end of the month `ahead` months on."""
    first = timezone.localtime(today).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = end = first
    for _step in range(back):
        start = (start - dt.timedelta(days=1)).replace(day=1)
    for _step in range(ahead + 1):
        end = _next_month(end)
    return Axis(_aware(start), _aware(end), width)


def row(
    segments: Sequence[Segment],
    axis: Axis,
    *,
    today: dt.datetime,
    label: str = "",
    on_hold: bool = False,
    review: dt.datetime | None = None,
) -> Bar:
    """12 pixels high, true to scale on the shared axis."""
    parts = [part for part in cut(segments, today, on_hold=on_hold) if _shown(part, axis)]
    gap = 100 * GAP / axis.width
    pieces = [_piece(part, axis.share(part.start), axis.share(part.end or axis.end), gap) for part in parts]
    last = parts[-1] if parts else None
    end = axis.share(last.end or axis.end) if last else axis.share(today)
    runs_on = bool(last and last.end is None and not on_hold)
    # A label that would run over the edge goes below the bar instead. 6.5 px is a wide letter of 12 px text.
    below = runs_on or end + 100 * (8 + 6.5 * len(label)) / axis.width > 100
    return Bar(
        pieces=pieces,
        name=sentence(segments, today, on_hold=on_hold, review=review),
        today=axis.place(today),
        label=label,
        label_x=_percent(end),
        label_below=below,
        open_end=_percent(end) if runs_on else "",
        open_colour=look(STAGES, last.stage).colour if last else "",
        on_hold=on_hold,
        review=review,
        months=axis.months,
    )


def page(
    segments: Sequence[Segment], *, today: dt.datetime, on_hold: bool = False, review: dt.datetime | None = None
) -> Bar:
    """26 pixels high; each stage is wide enough for its word, so it is not to scale."""
    stages = _joined(segments)
    if on_hold:
        stages = [stage for stage in stages if stage.start <= today]
    edges = _edges(stages, today)
    pieces: list[Piece] = []
    marks: list[Mark] = []
    here = 0.0
    for stage, left, right in zip(stages, edges, edges[1:], strict=False):
        inside = _inside(stage, today)
        if inside is not None:
            here = left + (right - left) * inside
        elif stage.end and stage.end <= today:
            here = right
        parts = cut([stage], today, on_hold=on_hold)
        for part in parts:
            first = left if part.start == stage.start else here
            last = right if part.end == stage.end else here
            pieces.append(_piece(part, first, last, 100 * GAP / PAGE_WIDTH))
        crossed = here if inside is not None and not on_hold else None
        marks.append(_mark(stage, left, right, crossed, solid=not parts[0].planned))
    word = _("Today, %(day)s") % {"day": date_format(timezone.localtime(today), _("j M"))}
    width = tag_width(word)
    runs_on = bool(stages and stages[-1].end is None and not on_hold)
    return Bar(
        pieces=pieces,
        name=sentence(segments, today, on_hold=on_hold, review=review),
        today=_percent(here),
        today_word=word,
        tag_width=width,
        tag_half=width // 2,
        tag_shift=width // 2 if here < 10 else -width // 2 if here > 90 else 0,
        open_end="100%" if runs_on else "",
        open_colour=look(STAGES, stages[-1].stage).colour if stages else "",
        on_hold=on_hold,
        review=review,
        marks=marks,
    )


def cut(segments: Iterable[Segment], today: dt.datetime, *, on_hold: bool = False) -> list[Segment]:
    """Split at today, so that past and plan can be drawn differently. On hold, nothing is planned."""
    parts: list[Segment] = []
    for segment in segments:
        if segment.planned or segment.start >= today:
            parts.append(replace(segment, planned=True))
        elif segment.end is None or segment.end > today:
            parts += [replace(segment, end=today), replace(segment, start=today, planned=True)]
        else:
            parts.append(segment)
    return [part for part in parts if not (on_hold and part.planned)]


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Neighbours of one stage become one: the page form has one word per stage."""
    stages: list[Segment] = []
    for segment in segments:
        if stages and stages[-1].stage == segment.stage:
            planned = stages[-1].planned and segment.planned
            stages[-1] = replace(stages[-1], end=segment.end, planned=planned)
        else:
            stages.append(segment)
    return stages


def _edges(stages: Sequence[Segment], today: dt.datetime) -> list[float]:
    """Borders in percent: each stage gets its least width, the rest is shared out by the root of its length."""
    if not stages:
        return [0.0]
    least = min(100 * LEAST / PAGE_WIDTH, 100 / len(stages))
    # The root tames a lease of two years beside a quarantine of two weeks and still keeps their order.
    lengths = [max(((stage.end or today) - stage.start).total_seconds(), 1.0) ** 0.5 for stage in stages]
    spare = 100 - least * len(stages)
    edges = [0.0]
    for length in lengths:
        edges.append(edges[-1] + least + spare * length / sum(lengths))
    return edges


def _inside(stage: Segment, today: dt.datetime) -> float | None:
    """How far today lies into a stage, kept off its borders; None when it lies elsewhere."""
    if not stage.start <= today or (stage.end and stage.end <= today):
        return None
    if stage.end is None:
        return 0.5
    return max(0.04, min(0.96, (today - stage.start) / (stage.end - stage.start)))


def _mark(stage: Segment, left: float, right: float, today: float | None, *, solid: bool) -> Mark:
    """The word stands after today's line where it would stand across it, and fits behind."""
    shown = look(STAGES, stage.stage)
    word, word_x = str(shown.word), left
    room = 100 * (WORD_AT + LETTER * len(word)) / PAGE_WIDTH
    if today is not None and today < left + room and today + room <= right:
        word_x, solid = today, False
    return Mark(_percent(left), word, _percent(word_x), shown.colour, solid, began(stage.stage), stage.start)


def _piece(part: Segment, left: float, right: float, gap: float) -> Piece:
    classes = ["seg-planned" if part.planned else "seg", f"c-{look(STAGES, part.stage).colour}"]
    if part.planned and part.gone:
        classes.append("seg-gone")
    return Piece(_percent(left), _percent(max(right - left - gap, gap / 2)), " ".join(classes))


def _shown(part: Segment, axis: Axis) -> bool:
    return part.start < axis.end and (part.end is None or part.end > axis.start)


def tag_width(word: str) -> int:
    """Pixels of the dark tag over today, for the widest of system fonts."""
    return 8 * len(word) + 10


def _percent(share: float) -> str:
    return f"{share:.2f}%"


def _next_month(first: dt.datetime) -> dt.datetime:
    return _aware((first + dt.timedelta(days=32)).replace(day=1))


def _aware(moment: dt.datetime) -> dt.datetime:
    """Midnight of the zone on that day, also when summer time began or ended in between."""
    return timezone.make_aware(moment.replace(tzinfo=None)) if timezone.is_aware(moment) else moment
