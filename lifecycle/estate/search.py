"""Finding machines by words: part of a name, of an address, of what it is for, or of whoever holds it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from lifecycle.estate.models.machines import MachineQuerySet
from lifecycle.people.models import Team, User

MOST_WORDS = 6
MOST_NAMED = 1000
"""Holders of one word that are looked up beforehand; a word that more of them share is left to the database."""
COLUMNS = ("name", "guest_name", "purpose", "address_text")


def with_words(machines: MachineQuerySet, q: str) -> MachineQuerySet:
    """Those in which every word is found.

    Who is called so is asked first, in a query each for people and teams: only when all that is compared stands in
    one table can the database put its indexes together, and neither read nor join all machines.
    """
    words = list(dict.fromkeys(q.replace("\0", "").split()))[:MOST_WORDS]
    if not words:
        return machines
    machines = machines.alias(address_text=Cast("addresses", TextField()))
    people = _called(User, words, "username", "first_name", "last_name")
    teams = _called(Team, words, "name")
    for word in words:
        machines = machines.filter(_in_any(COLUMNS, word) | Q(holder__in=people[word]) | Q(team__in=teams[word]))
    return machines


def _called(table: type[Model], words: Iterable[str], *columns: str) -> dict[str, Any]:
    """Word -> ids of those in whose names it stands, or a sub-query where they are many."""
    rows: QuerySet[Any] = table._default_manager.order_by()
    matches = {word: _in_any(columns, word) for word in words}
    named = list(rows.filter(reduce(or_, matches.values())).values_list("pk", *columns)[: MOST_NAMED + 1])
    if len(named) > MOST_NAMED:
        return {word: rows.filter(match).values("pk") for word, match in matches.items()}
    return {word: [pk for pk, *names in named if any(word.lower() in name.lower() for name in names)] for word in words}


def _in_any(columns: Iterable[str], word: str) -> Q:
    return reduce(or_, (Q((f"{column}__icontains", word)) for column in columns))
