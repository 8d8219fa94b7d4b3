"""Lines of command: who stands above whom, and where a line is no line but a circle."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from django.db.models import QuerySet

from lifecycle.people.models import User

Key = TypeVar("Key", bound=Hashable)


def way_up(person: User) -> list[int]:
    """Ids from this person to the top, or once around a circle; fresh from the database, a query per step."""
    way: list[int] = []
    pk: int | None = person.pk
    while pk is not None and pk not in way:
        way.append(pk)
        pk = User.objects.filter(pk=pk).values_list("supervisor", flat=True).first()
    return way


def circles_in(above: Mapping[Key, Key | None]) -> list[list[Key]]:
    """Every circle, each once, from each to who stands above: `above` maps somebody to their supervisor."""
    seen: set[Key] = set()
    found: list[list[Key]] = []
    for start in above:
        way: dict[Key, int] = {}
        here: Key | None = start
        while here is not None and here not in seen:
            seen.add(here)
            way[here] = len(way)
            here = above.get(here)
        if here is not None and here in way:
            found.append(list(way)[way[here] :])
    return found


def circles() -> list[list[User]]:
    """People who stand above themselves, circle by circle. Two queries."""
    pairs = dict(User.objects.exclude(supervisor=None).values_list("pk", "supervisor"))
    found = circles_in(pairs)
    people = User.objects.select_related("team").in_bulk([pk for circle in found for pk in circle])
    return [[people[pk] for pk in circle if pk in people] for circle in found]


def in_circles() -> set[int]:
    pairs = dict(User.objects.exclude(supervisor=None).values_list("pk", "supervisor"))
    return {pk for circle in circles_in(pairs) for pk in circle}


def without_supervisor() -> QuerySet[User]:
    """People who are there and have nobody above them: administrators decide on their requests."""
    return User.objects.filter(supervisor=None, is_active=True, left_on=None)
