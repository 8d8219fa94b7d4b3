"""Rows of the record as the page shows them, and the chips that say what was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import QueryDict
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from lifecycle.audit.models import Entry
from lifecycle.people.models import User
from portal.web.auditwords import act_words, object_word, sentence
from portal.web.forms_house.record import RecordFilter

# Kind of object -> name of its page.
PAGES = {
    "blueprint": "blueprint", "costcentre": "cost-centre", "endpoint": "endpoint", "machine": "machine",
    "operation": "operation", "request": "request", "size": "size", "team": "team", "user": "person",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    entry: Entry
    sentence: str
    kind: str
    page: str
    """Address of the object's own page, where it has one."""
    same_object: str
    """What to ask the record for, to see only this object …"""
    same_person: str
    """… and only this person; empty for the house and for accounts that are gone."""


@dataclass(frozen=True)
class Chip:
    label: str | Promise
    words: str
    without: str
    """The address with this part left out."""


def rows_of(entries: Iterable[Entry]) -> list[Row]:
    found = list(entries)
    names = dict(User.objects.filter(pk__in={entry.actor_id for entry in found}).values_list("pk", "username"))
    return [_row(entry, names.get(entry.actor_id or 0, "")) for entry in found]


def _row(entry: Entry, username: str) -> Row:
    page = PAGES.get(entry.object_type)
    return Row(
        entry,
        sentence(entry),
        object_word(entry.object_type),
        page=reverse(page, args=[entry.object_id]) if page else "",
        same_object=_query({"about": entry.object_type, "what": str(entry.object_id)}),
        same_person=_query({"who": username}) if username else "",
    )


def chips_of(form: RecordFilter, asked: QueryDict) -> Iterator[Chip]:
    for name, value in form.cleaned_data.items():
        if value:
            words = {"verb": act_words, "about": object_word}.get(name, str)(value) if isinstance(value, str) else ""
            rest = asked.copy()
            for gone in (name, "page"):
                rest.pop(gone, None)
            yield Chip(form.fields[name].label or "", words or date_format(value, _("j M Y")), f"?{rest.urlencode()}")


def _query(parts: dict[str, str]) -> str:
    chosen = QueryDict(mutable=True)
    chosen.update(parts)
    return f"?{chosen.urlencode()}"
