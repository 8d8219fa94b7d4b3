"""Everybody as they stand in the tables, in the words of a file: what a list of people is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.people.actions import plain
from lifecycle.people.models import CostCentre, Team, User

RELATED = ("supervisor", "team", "cost_centre")


@dataclass(frozen=True)
class World:
    """Three queries, and a fourth to lock, however many people there are."""

    people: dict[str, User]
    names: dict[str, str]
    """User names without regard to case -> as they are."""
    teams: dict[str, Team]
    centres: dict[str, CostCentre]
    zones: frozenset[str]

    @classmethod
    def load(cls, *, lock: bool = False) -> World:
        """`lock` keeps others from changing anybody until the transaction has ended."""
        if lock:
            list(User.objects.select_for_update().order_by("pk").values_list("pk", flat=True))
        people = {person.username: person for person in User.objects.select_related(*RELATED)}
        return cls(
            people=people,
            names={name.casefold(): name for name in people},
            teams={team.name: team for team in Team.objects.select_related("cost_centre")},
            centres={centre.code: centre for centre in CostCentre.objects.all()},
            zones=frozenset(available_timezones()),
        )


def words_of(person: User) -> dict[str, str]:
    """A person's columns as a file has them, the user name apart."""
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "supervisor": plain(person.supervisor),
        "team": plain(person.team),
        "cost_centre": plain(person.cost_centre),
        "role": person.role,
        "zone": person.zone,
        "left_on": str(person.left_on or ""),
    }


def is_past(day: str, person: User) -> bool:
    """Whether a last day in a file has passed where that person is."""
    return bool(day) and str(clock.now().astimezone(person.tz).date()) > day


def word_of(column: str) -> str:
    """What people call a column."""
    if column == "email":
        return _("Mail address")
    return capfirst(str(getattr(User._meta.get_field(column), "verbose_name", column)))
