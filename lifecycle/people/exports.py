"""Everybody as a list that can be read in again: what stands in it changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from lifecycle.csvfiles import neutral
from lifecycle.people.imports.reading import COLUMNS
from lifecycle.people.imports.world import RELATED, words_of
from lifecycle.people.models import User

CHUNK = 1000
EXAMPLE = ("abell", "Anna", "Bell", "anna.bell@example.org", "csmith", "Data Platform", "4120", "employee", "", "")


def people_csv() -> Iterator[str]:
    """Piece by piece, each its own query: a slow reader holds nothing open."""
    yield _text([COLUMNS])
    after = ""
    while people := list(User.objects.filter(username__gt=after).select_related(*RELATED).order_by("username")[:CHUNK]):
        after = people[-1].username
        yield _text([person.username, *words_of(person).values()] for person in people)


def template_csv() -> str:
    """The columns, and one invented row that shows how they are meant."""
    return _text([COLUMNS, EXAMPLE])


def _text(rows: Iterable[Iterable[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([neutral(cell) for cell in row] for row in rows)
    return buffer.getvalue()
