"""Instants as people read them: absolute and relative, always in the reader's zone, always from the portal's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

HOUR = 3600


def current(now: object) -> dt.datetime:
    """The page's `now`: the demo shifts it, so the wall clock would contradict the dates on the page."""
    if isinstance(now, dt.datetime):
        return now
    from lifecycle import clock  # noqa: PLC0415 - only needed outside a request

    return clock.now()


def when(moment: dt.datetime | dt.date | None, now: dt.datetime, style: str = "both") -> SafeString:
    """A <time> element that says the moment in one of STYLES."""
    if moment is None:
        return nothing()
    if isinstance(moment, dt.datetime):
        instant = timezone.localtime(moment).isoformat(timespec="seconds")
    else:
        instant = moment.isoformat()
    return format_html('<time datetime="{}">{}</time>', instant, words(moment, now, style))


def words(moment: dt.datetime | dt.date, now: dt.datetime, style: str = "both") -> str:
    """The moment in one of STYLES."""
    here = timezone.localtime(now)
    if isinstance(moment, dt.datetime):
        return STYLES[style](timezone.localtime(moment), here)
    # A plain day is compared from its beginning, and never gets an hour that nobody set.
    start = dt.datetime.combine(moment, dt.time(), here.tzinfo)
    return DAY_STYLES.get(style, STYLES[style])(start, here)


def nothing() -> SafeString:
    """A reader hears "none" where the eye sees a dash."""
    return format_html(
        '<span class="none" aria-hidden="true">–</span><span class="visually-hidden">{}</span>', _("none")
    )


def relative(local: dt.datetime, here: dt.datetime) -> str:
    """'in 7 days', '3 hours ago'; beyond eight weeks nothing, because only the date is of use there."""
    span = distance(local, here)
    if not span:
        return ""
    if span == _("now"):
        return span
    return (_("in %(span)s") if local > here else _("%(span)s ago")) % {"span": span}


def distance(local: dt.datetime, here: dt.datetime) -> str:
    seconds = int(abs((local - here).total_seconds()))
    # People count days by the calendar: Friday evening is 7 days from last Friday morning.
    days = abs((local.date() - here.date()).days)
    if seconds < 1:
        return _("now")
    if seconds < 60:
        return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}
    if seconds < HOUR:
        return ngettext("%(n)s minute", "%(n)s minutes", seconds // 60) % {"n": seconds // 60}
    if seconds < 48 * HOUR:
        return ngettext("%(n)s hour", "%(n)s hours", seconds // HOUR) % {"n": seconds // HOUR}
    return _days(days)


def _days(days: int) -> str:
    if days < 14:
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    if days < 56:
        return ngettext("%(n)s week", "%(n)s weeks", days // 7) % {"n": days // 7}
    return ""


def _long(local: dt.datetime, here: dt.datetime) -> str:
    return date_format(local, _("l j F Y \\a\\t H:i"))


def _day(local: dt.datetime, here: dt.datetime) -> str:
    return date_format(local, _("l j F Y"))


def _running(local: dt.datetime, here: dt.datetime) -> str:
    pattern = _("l j F \\a\\t H:i") if local.year == here.year else _("l j F Y \\a\\t H:i")
    return _joined(date_format(local, pattern), relative(local, here))


def _table(local: dt.datetime, here: dt.datetime) -> str:
    return date_format(local, _("j M Y"))


def _tight(local: dt.datetime, here: dt.datetime) -> str:
    date = date_format(local, _("j M") if local.year == here.year else _("j M Y"))
    span = distance(local, here)
    return _joined(date, span if local > here else relative(local, here))


def _relative(local: dt.datetime, here: dt.datetime) -> str:
    return relative(local, here) or _table(local, here)


def _both(local: dt.datetime, here: dt.datetime) -> str:
    return _joined(_long(local, here), relative(local, here))


def _log(local: dt.datetime, here: dt.datetime) -> str:
    """For rows of a history: the hour matters, the distance does not."""
    if local.date() == here.date():
        return _("Today, %(time)s") % {"time": date_format(local, "H:i")}
    return date_format(local, _("D j M, H:i") if local.year == here.year else _("j M Y, H:i"))


def _clock(local: dt.datetime, here: dt.datetime) -> str:
    return date_format(local, "H:i:s")


def _exact(local: dt.datetime, here: dt.datetime) -> str:
    return date_format(local, _("j M Y H:i:s"))


def _joined(first: str, second: str) -> str:
    return f"{first}, {second}" if second else first


Style = Callable[[dt.datetime, dt.datetime], str]
STYLES: dict[str, Style] = {
    "both": _both,  # Friday 27 November 2026 at 18:00, in 7 days
    "long": _long,  # Friday 27 November 2026 at 18:00
    "running": _running,  # Friday 27 November at 18:00, in 7 days
    "day": _day,  # Friday 27 November 2026
    "table": _table,  # 27 Nov 2026
    "tight": _tight,  # 27 Nov, 7 days
    "relative": _relative,  # in 7 days
    "log": _log,  # Today, 10:38 / Thu 19 Nov, 15:08
    "clock": _clock,  # 10:38:04
    "exact": _exact,  # 23 Oct 2026 11:48:12
}
DAY_STYLES: dict[str, Style] = {
    "both": lambda local, here: _joined(_day(local, here), relative(local, here)),
    "long": _day,
    "running": lambda local, here: _joined(
        date_format(local, _("l j F") if local.year == here.year else _("l j F Y")), relative(local, here)
    ),
    "log": _table,
    "exact": _table,
}
