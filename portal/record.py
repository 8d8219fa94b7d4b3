"""What of the record somebody asks for, for the page, the API and the export alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from lifecycle.audit.actions import HOUSE
from lifecycle.audit.queries import Wanted
from lifecycle.errors import Invalid
from lifecycle.people.models import User

MOST_PEOPLE = 20
NAMES = ("username", "first_name", "last_name", "email")


def wanted(asked: Mapping[str, Any]) -> Wanted:
    """From filters by their names in the address. Raises Invalid with the filter that is too wide or stands alone."""
    if asked.get("object_id") is not None and not asked.get("about"):
        raise Invalid(_("A number names nothing by itself: choose what kind of object it is."), field="about")
    parts = {name: asked[name] for name in ("verb", "about", "object_id", "name", "since", "until") if asked.get(name)}
    if not (who := asked.get("who")):
        return Wanted(**parts)
    return Wanted(actors=people_called(who), house=who.lower() in str(HOUSE).lower(), **parts)


def people_called(words: str) -> list[int]:
    """Ids of whoever has exactly this user name; otherwise of all in whose names every word stands."""
    if exact := list(User.objects.filter(username__iexact=words).values_list("pk", flat=True)):
        return exact
    found = Q()
    for word in words.split()[:6]:
        found &= Q(*((f"{column}__icontains", word) for column in NAMES), _connector=Q.OR)
    fitting = list(User.objects.filter(found).order_by("pk").values_list("pk", flat=True)[: MOST_PEOPLE + 1])
    if len(fitting) > MOST_PEOPLE:
        raise Invalid(_("More than %(most)s people fit. Write more of the name.") % {"most": MOST_PEOPLE}, field="who")
    return fitting
