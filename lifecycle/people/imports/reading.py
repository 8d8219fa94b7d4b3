"""A CSV file of people as rows of text."""

from __future__ import annotations

from lifecycle import csvfiles
from lifecycle.csvfiles import Sheet

COLUMNS = (
    "username", "first_name", "last_name", "email", "supervisor", "team", "cost_centre", "role", "zone", "left_on",
)  # fmt: skip


def read(data: bytes) -> Sheet:
    """Raises Invalid for the field `file` when the whole cannot be read; a row that cannot says so itself."""
    return csvfiles.read(data, csvfiles.Shape(COLUMNS, needed=("username",)))
