"""What a lease bar says to those who do not see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# What happens at the moment a stage begins.
BEGAN: dict[str, str | Promise] = {
    "discovered": gettext_lazy("Found"),
    "ordered": gettext_lazy("Asked for"),
    "building": gettext_lazy("Being built"),
    "active": gettext_lazy("Handed over"),
    "expiring": gettext_lazy("Warnings from"),
    "expired": gettext_lazy("Being stopped"),
    "quarantined": gettext_lazy("Stopped"),
    "archived": gettext_lazy("Exported"),
    "removing": gettext_lazy("Being removed"),
    "removed": gettext_lazy("Disks deleted"),
    "failed": gettext_lazy("Failed"),
}


class Stretch(Protocol):
    @property
    def stage(self) -> str: ...
    @property
    def start(self) -> dt.datetime: ...
    @property
    def planned(self) -> bool: ...


def began(stage: str) -> str:
    return str(BEGAN.get(stage, stage))


def sentence(
    segments: Sequence[Stretch], today: dt.datetime, *, on_hold: bool = False, review: dt.datetime | None = None
) -> str:
    """'Handed over 12 July 2026. If nobody acts: stopped 27 November 2026.'"""
    past = [segment for segment in segments if segment.start <= today and not segment.planned]
    coming = [segment for segment in segments if segment.start > today or segment.planned]
    # The planned rest of the stage that runs now began already: it is no news.
    running = past[-1].stage if past else ""
    coming = [segment for segment in coming if segment.stage != running]
    words = [f"{_listed(past)}."] if past else []
    if on_hold:
        words.append(_("On hold: nothing is planned."))
    elif coming:
        words.append(_("If nobody acts: %(what)s.") % {"what": _lower(_listed(coming))})
    if review and not on_hold:
        words.append(_("Review on %(day)s.") % {"day": _day(review)})
    return " ".join(words) or _("No lease.")


def _listed(segments: Sequence[Stretch]) -> str:
    seen: dict[str, str] = {}
    for segment in segments:
        seen.setdefault(segment.stage, f"{began(segment.stage)} {_day(segment.start)}")
    first, *rest = seen.values()
    return ", ".join([first, *map(_lower, rest)])


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def _day(moment: dt.datetime) -> str:
    return date_format(timezone.localtime(moment), "j F Y")
