"""The list of people: filters from the address, one page of rows by user name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.people.lines import in_circles, without_supervisor
from lifecycle.people.models import Team, User
from portal.paging import page

KEY = ("username", "id")
SHOWN: dict[str, str | Promise] = {
    "left": _("Left"),
    "locked": _("Locked"),
    "no-supervisor": _("Without a supervisor"),
    "circle": _("In a circle"),
}
NAMES = ("username", "first_name", "last_name", "email")


def context(chosen: Mapping[str, str]) -> dict[str, Any]:
    q, shown, role = chosen.get("q", "").strip()[:200], chosen.get("show", ""), chosen.get("role", "")
    teams = list(Team.objects.all())
    team = next((each for each in teams if str(each.pk) == chosen.get("team", "")), None)
    people = with_words(_shown(shown), q)
    if role in User.Role.values:
        people = people.filter(role=role)
    if team:
        people = people.filter(team=team)
    related = people.select_related("team", "supervisor", "cost_centre")
    return {
        "page": page(related.annotate(report_count=Count("reports")), key=KEY, position=chosen.get("page", "")),
        "q": q,
        "shown": shown if shown in SHOWN else "",
        "shown_words": SHOWN,
        "role": role if role in User.Role.values else "",
        "roles": User.Role.choices,
        "team": team,
        "teams": teams,
        "filtered": bool(q or shown in SHOWN or role in User.Role.values or team),
    }


def _shown(kind: str) -> QuerySet[User]:
    """Whoever is here, unless those who are not are asked for."""
    match kind:
        case "left":
            return User.objects.exclude(left_on=None)
        case "locked":
            return User.objects.filter(is_active=False, left_on=None)
        case "no-supervisor":
            return without_supervisor()
        case "circle":
            return User.objects.filter(pk__in=in_circles())
    return User.objects.filter(is_active=True)


def with_words(people: QuerySet[User], q: str) -> QuerySet[User]:
    """Every word stands in one of the names."""
    for word in q.replace("\0", "").split()[:6]:
        people = people.filter(Q(*((f"{name}__icontains", word) for name in NAMES), _connector=Q.OR))
    return people
