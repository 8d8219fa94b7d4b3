"""`{% load leasehold %}`: what pages are built from. docs/pages.md shows a line of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django import template
from django.template import Context, Engine
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

from portal.templatetags import fields, figures, moments, states
from portal.web import charts, leasebar, stacked

register = template.Library()

for _filter in (
    figures.money,
    figures.money_change,
    figures.gib,
    figures.vcpus,
    figures.hours,
    figures.percent,
    figures.initials,
    figures.breakable,
):
    register.filter(_filter.__name__, _filter)

register.inclusion_tag("components/field.html", name="field")(fields.field)
register.inclusion_tag("components/error_summary.html", name="error_summary")(fields.error_summary)


@register.simple_tag(takes_context=True)
def rendered(context: Context, name: str) -> SafeString:
    """A template's words, for `as`: what stands on a page twice is rendered once."""
    return Engine.get_default().get_template(name).render(context)


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "", colour: str = "") -> SafeString:
    """An inline lucide icon. Without a label it is hidden from readers: the word stands beside it."""
    return _icon(str(name), int(size), str(label), str(colour))


@lru_cache(maxsize=512)
def _icon(name: str, size: int, label: str, colour: str) -> SafeString:
    classes = " ".join(filter(None, ["icon", f"icon-{size}" if size != 16 else "", f"is-{colour}" if colour else ""]))
    attrs: dict[str, Any] = {"class": classes, "stroke-width": "1.75", "focusable": "false"}
    attrs |= {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    return mark_safe(lucide(name, size=size, **attrs))  # noqa: S308 - built by lucide's XML writer, which escapes


@register.simple_tag(takes_context=True)
def when(context: Context, moment: dt.datetime | dt.date | None, style: str = "both") -> SafeString:
    return moments.when(moment, _now(context), style)


@register.simple_tag(takes_context=True)
def when_words(context: Context, moment: dt.datetime, style: str = "table") -> str:
    """The same words without the element, for drawings and attributes."""
    return moments.words(moment, _now(context), style)


def _now(context: Context) -> dt.datetime:
    return moments.current(context.get("now"))


def _badge(shown: states.Look) -> SafeString:
    return format_html('<span class="badge c-{}">{}{}</span>', shown.colour, icon(shown.icon, 14), shown.word)


@register.simple_tag
def stage_badge(stage: str) -> SafeString:
    return _badge(states.look(states.STAGES, stage))


@register.simple_tag
def stage_word(stage: str) -> SafeString:
    """The stage as a coloured word, for the second line of a list's row."""
    shown = states.look(states.STAGES, stage)
    return format_html('<span class="is-stage c-{}">{}</span>', shown.colour, shown.word)


@register.simple_tag
def request_badge(state: str) -> SafeString:
    return _badge(states.look(states.REQUESTS, state))


@register.simple_tag
def operation_badge(state: str) -> SafeString:
    return _badge(states.look(states.OPERATIONS, state))


@register.simple_tag
def finding_badge(urgency: str) -> SafeString:
    return _badge(states.look(states.FINDINGS, urgency))


@register.simple_tag
def badge(word: str, colour: str = "gone", icon_name: str = "circle-dashed") -> SafeString:
    """For a fact that is no state: `{% badge "Over budget" "bad" "triangle-alert" %}`."""
    return _badge(states.Look(word, colour, icon_name))


@register.simple_tag
def hold_badge() -> SafeString:
    return format_html('<span class="badge badge-outline">{}{}</span>', icon("lock", 14), _("On hold"))


@register.simple_tag(takes_context=True)
def power_badge(context: Context, power: str, seen_at: dt.datetime | None = None) -> SafeString:
    """What the hypervisor last said, and when: never shown as if it were now."""
    shown = states.look(states.POWERS, power)
    seen: str | SafeString = ""
    if seen_at:
        words = _("since") if power == "unknown" else _("seen")
        seen = format_html(' <span class="state-seen">{} {}</span>', words, when(context, seen_at, "relative"))
    return format_html('<span class="state c-{}">{}{}{}</span>', shown.colour, icon(shown.icon, 14), shown.word, seen)


CONFIDENCE = {"certain": (3, "Certain"), "likely": (2, "Likely"), "guess": (1, "Guess")}


@register.simple_tag
def confidence(level: str) -> SafeString:
    return _confidence(str(level), get_language())


@lru_cache(maxsize=64)
def _confidence(level: str, language: str | None) -> SafeString:
    """Kept by language: lists show the same three again and again."""
    bars, word = CONFIDENCE[level]
    drawing = [
        f'<rect x="{4 * place}" y="{8 - 4 * place}" width="3" height="{4 + 4 * place}" rx="1"{on}/>'
        for place in range(3)
        for on in ([' class="on"'] if place < bars else [""])
    ]
    svg = mark_safe(f'<svg width="11" height="12" aria-hidden="true">{"".join(drawing)}</svg>')  # noqa: S308 - figures only
    return format_html('<span class="confidence">{}{}</span>', svg, _(word))


@register.inclusion_tag("components/progress.html")
def progress(percent: float, label: str, left: str = "", right: str = "") -> dict[str, Any]:
    """A named step: `label` says which, `left` the real amounts, `right` an estimate that has been right before."""
    return {"percent": max(0, min(100, round(percent))), "label": label, "left": left, "right": right}


@register.inclusion_tag("components/meter.html")
def meter(
    used: float, limit: float, *, extra: float = 0, label: str = "", words: str = "", tone: str = "", row: bool = False
) -> dict[str, Any]:
    """Used and this order against a limit, from zero. `words` repeats both numbers; tone: "", "plain" or "warn"."""
    reach = max(used + extra, limit) or 1
    inside = min(used, limit), min(used + extra, limit)
    over = used + extra > limit

    def share(value: float) -> str:
        return f"{100 * value / reach:.2f}%"

    return {
        "label": label,
        "words": words,
        "row": row,
        "tone": "bad" if over else tone,
        "used": share(inside[0]),
        "extra": share(inside[1] - inside[0]) if extra else "",
        "over": share(used + extra - limit) if over else "",
        "limit": share(limit) if over else "",
    }


@register.inclusion_tag("components/lease_bar_row.html", takes_context=True)
def lease_bar_row(
    context: Context,
    segments: Sequence[leasebar.Segment],
    axis: leasebar.Axis,
    *,
    label: str = "",
    on_hold: bool = False,
    review: dt.datetime | None = None,
) -> dict[str, Any]:
    return {"bar": leasebar.row(segments, axis, today=_now(context), label=label, on_hold=on_hold, review=review)}


@register.inclusion_tag("components/lease_axis.html", takes_context=True)
def lease_axis(context: Context, axis: leasebar.Axis) -> dict[str, Any]:
    word = _("Today")
    width = leasebar.tag_width(word)
    today = axis.place(_now(context))
    return {"axis": axis, "today": today, "today_word": word, "tag_width": width, "tag_half": width // 2}


@register.inclusion_tag("components/lease_bar_page.html", takes_context=True)
def lease_bar_page(
    context: Context,
    segments: Sequence[leasebar.Segment],
    on_hold: bool = False,
    review: dt.datetime | None = None,
) -> dict[str, Any]:
    # An inclusion tag starts a bare context: its template's dates need the portal's now handed on.
    now = _now(context)
    return {"bar": leasebar.page(segments, today=now, on_hold=on_hold, review=review), "now": now}


@register.inclusion_tag("components/lease_legend.html")
def lease_legend() -> dict[str, Any]:
    stages = ("active", "expiring", "quarantined")
    return {"looks": [states.STAGES[stage] for stage in stages]}


@register.inclusion_tag("components/bar_chart.html")
def bar_chart(chart: charts.BarChart) -> dict[str, Any]:
    return {"chart": chart, "plot": charts.bars(chart)}


@register.inclusion_tag("components/stacked_chart.html")
def stacked_chart(chart: stacked.StackedChart, as_table: bool = False) -> dict[str, Any]:
    return {"chart": chart, "plot": stacked.stacked(chart), "as_table": as_table}


@register.inclusion_tag("components/area_chart.html")
def area_chart(chart: charts.AreaChart) -> dict[str, Any]:
    return {"chart": chart, "plot": charts.area(chart)}
