"""Rows for spreadsheets: CSV that opens with its letters right, and in which no text is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

MARK = "\ufeff"
"""Without it, spreadsheets read UTF-8 as something older. Programs that do not expect it take JSON instead."""
FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")


def cell(value: Any) -> Any:
    """Text that a spreadsheet would compute gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def lines(rows: Iterable[Iterable[Any]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()
