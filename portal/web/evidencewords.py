"""What is known of a machine that nobody holds, in sentences. Values are hostile: cut here, escaped by the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.cleaning import cut

LONGEST = 160
MOMENTS = ("created_at", "first_seen_at", "idle_since")

SENTENCES: dict[str, tuple[str, str | Promise]] = {
    "created_by": ("user-round", lazy("Made by “%(value)s”, as the hypervisor’s own events say")),
    "created_at": ("calendar", lazy("Made on %(value)s")),
    "note": ("scroll-text", lazy("The note on it says “%(value)s”")),
    "guest_name": ("tag", lazy("Inside it calls itself “%(value)s”")),
    "addresses": ("network", lazy("It answers to %(value)s")),
    "first_seen_at": ("scan-search", lazy("First seen by a scan on %(value)s")),
    "idle_since": ("moon", lazy("It has done nothing since %(value)s")),
    "power": ("power", lazy("When last seen it was %(value)s")),
    "endpoint": ("layers", lazy("It stands on %(value)s")),
    "pool": ("boxes", lazy("It is placed in %(value)s")),
}
POWERS = {
    "on": lazy("running"),
    "off": lazy("off"),
    "suspended": lazy("suspended"),
    "unknown": lazy("in an unknown state"),
}


@dataclass(frozen=True)
class Evidence:
    icon: str
    sentence: str


def sentences(evidence: Iterable[Mapping[str, str]]) -> list[Evidence]:
    return [_sentence(str(one.get("what", "")), str(one.get("value", ""))) for one in evidence]


def _sentence(what: str, value: str) -> Evidence:
    icon, pattern = SENTENCES.get(what, ("info", _("%(what)s: %(value)s")))
    return Evidence(icon, str(pattern) % {"what": cut(what, LONGEST), "value": _value(what, value)})


def _value(what: str, value: str) -> str:
    if what == "power":
        return str(POWERS.get(value, cut(value, LONGEST)))
    if what in MOMENTS:
        try:
            return date_format(localtime(datetime.fromisoformat(value)), _("j F Y"))
        except ValueError:
            pass
    return cut(" ".join(value.split()), LONGEST)
