"""What speaks for somebody, in sentences with points. Values are hostile: cut here, escaped by the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.cleaning import cut

LONGEST = 120

NOTE = "scroll-text", lazy("The note on it says “%(value)s”")
NAME = "tag", lazy("It is called “%(value)s”")
GUEST = "terminal", lazy("Inside it calls itself “%(value)s”")
FOLDER = "folder", lazy("It is filed in “%(value)s”")

SENTENCES: dict[str, tuple[str, str | Promise]] = {
    "created_by": ("plus", lazy("“%(value)s” made it, the hypervisor’s events say")),
    "powered_by": ("power", lazy("“%(value)s” last started or stopped it, the events say")),
    "note_account": NOTE,
    "note_name": NOTE,
    "note_surname": NOTE,
    "note_team": NOTE,
    "label_owner": ("tags", lazy("Its label %(label)s says “%(value)s”")),
    "label_team": ("tags", lazy("Its label %(label)s says “%(value)s”")),
    "label_cost_centre": ("tags", lazy("Its label %(label)s says “%(value)s”")),
    "label_other": ("tags", lazy("It is labelled “%(value)s”")),
    "name_account": NAME,
    "name_surname": NAME,
    "name_team": NAME,
    "guest_account": GUEST,
    "guest_surname": GUEST,
    "guest_team": GUEST,
    "folder_account": FOLDER,
    "folder_surname": FOLDER,
    "folder_team": FOLDER,
    "folder_neighbours": ("network", lazy("%(n)s of %(of)s neighbours in the folder %(value)s are theirs")),
    "network_neighbours": ("network", lazy("%(n)s of %(of)s neighbours on the network %(value)s are theirs")),
    "held": ("key-round", lazy("Held it before")),
    "held_alike": ("key-round", lazy("Held “%(value)s”, a machine with the same UUID")),
    "cmdb_uuid": ("book-open", lazy("The inventory names “%(value)s”, by its UUID")),
    "cmdb_name": ("book-open", lazy("The inventory names “%(value)s”, by its name")),
    "cmdb_address": ("book-open", lazy("The inventory names “%(value)s”, by its address")),
    "rule_place": ("list-checks", lazy("The rule “%(value)s” says so")),
    "rule_text": ("list-checks", lazy("The rule “%(value)s” says so, by its name or a label")),
    "no_cmdb": ("book-x", lazy("The inventory does not know it")),
    "cmdb_other": ("book-x", lazy("The inventory names somebody else: “%(value)s”")),
}
DATED: dict[str, str | Promise] = {
    "created_by": lazy("“%(value)s” made it on %(day)s, the hypervisor’s events say"),
    "held": lazy("Held it until %(day)s"),
    "held_alike": lazy("Held “%(value)s” until %(day)s, a machine with the same UUID"),
}
"""The same where it is known when."""


@dataclass(frozen=True)
class Said:
    icon: str
    sentence: str
    points: str


def said(evidence: Iterable[Mapping[str, Any]]) -> list[Said]:
    return [_said(one) for one in evidence]


def left_of(evidence: Iterable[Mapping[str, Any]]) -> str:
    """The one who has left, of whom everything is said that speaks for somebody."""
    names = {str(one.get("left", "")) for one in evidence if _points(one) > 0}
    return cut(names.pop(), LONGEST) if len(names) == 1 else ""


def _said(one: Mapping[str, Any]) -> Said:
    what, points = str(one.get("what", "")), _points(one)
    icon, pattern = SENTENCES.get(what, ("info", _("%(what)s: %(value)s")))
    facts = {name: _plain(one.get(name, "")) for name in ("value", "label", "n", "of")}
    day = _day(one.get("at"))
    sentence = str(DATED[what] if day and what in DATED else pattern) % {**facts, "what": _plain(what), "day": day}
    if left := one.get("left"):
        sentence = _("%(sentence)s: of %(left)s, who has left") % {"sentence": sentence, "left": _plain(left)}
    return Said(icon, sentence, f"+ {points}" if points >= 0 else f"− {-points}")


def _points(one: Mapping[str, Any]) -> int:
    points = one.get("points", 0)
    return points if isinstance(points, int) else 0


def _day(at: Any) -> str:
    try:
        return date_format(localtime(datetime.fromisoformat(str(at))), _("j F Y")) if at else ""
    except ValueError:
        return ""


def _plain(value: Any) -> str:
    return cut(" ".join(str(value).split()), LONGEST)
