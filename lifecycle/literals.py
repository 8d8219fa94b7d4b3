"""Words that stand in a question to the database as they are."""

from __future__ import annotations

from typing import Any

from django.db.models import Value


class Literal(Value):
    """Not bound as a parameter: SQLite uses a partial index only where it can read that its condition holds."""

    def __init__(self, word: str) -> None:
        if not (word.isascii() and word.isidentifier()):
            raise ValueError(f"{word!r} is no word to be written into a question.")
        super().__init__(str(word))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return f"'{self.value}'", ()
