"""CSV files as rows of text. What stands in a cell is data, also when it looks like a formula."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from lifecycle.errors import Invalid

MOST_BYTES = 2 * 1024 * 1024
MOST_ROWS = 20_000
SEPARATORS = ",;\t"
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet may take for a formula, behind any apostrophes that keep it from doing so."""


@dataclass(frozen=True)
class Given:
    """A row as it was written: only the columns that the file has. `wrong` is what keeps it from being read."""

    number: int
    """The line of the file that it begins in, as an editor counts."""
    cells: dict[str, str]
    wrong: str = ""


@dataclass(frozen=True)
class Sheet:
    rows: list[Given] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Columns that mean nothing here; what stands in them is passed over."""


@dataclass(frozen=True)
class Shape:
    """Which columns a kind of file has."""

    columns: Collection[str]
    needed: Collection[str]
    names: Mapping[str, str] = field(default_factory=dict)
    """Other words for a column, as they are read: small letters, one underscore for blanks and hyphens."""
    most_bytes: int = MOST_BYTES
    most_rows: int = MOST_ROWS


def neutral(text: str) -> str:
    """Behind an apostrophe where a spreadsheet would calculate; `read` takes it off again."""
    return f"'{text}" if FORMULA.match(text) else text


def read(data: bytes, shape: Shape) -> Sheet:
    """Raises Invalid for the field `file` when the whole cannot be read; a row that cannot says so itself."""
    text = _decoded(data, shape.most_bytes)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        head = [_column(name, shape) for name in next(reader, [])]
        _check_head(head, shape)
        return Sheet(_rows(reader, head, shape), [name[:80] for name in head if name and name not in shape.columns])
    except csv.Error as error:
        raise _wrong(_("Line %(n)s cannot be read: %(error)s.") % {"n": reader.line_num, "error": error}) from None


def _column(name: str, shape: Shape) -> str:
    name = re.sub(r"[\s_-]+", "_", _plain(name).lower())
    return shape.names.get(name, name)


def _decoded(data: bytes, most: int) -> str:
    if len(data) > most:
        raise _wrong(_("The file is larger than %(n)s MiB. Divide it.") % {"n": most // 1024**2})
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong(_("The file is not UTF-8. Save it as “CSV UTF-8”.")) from None


def _separator(text: str) -> str:
    head = text.partition("\n")[0]
    return max(SEPARATORS, key=head.count)


def _check_head(head: list[str], shape: Shape) -> None:
    if missing := [name for name in shape.needed if name not in head]:
        sentence = _("The first line names the columns, and there is none called %(name)s.")
        raise _wrong(sentence % {"name": missing[0]})
    if twice := sorted({name for name in head if name and head.count(name) > 1}):
        raise _wrong(_("The column %(name)s stands there twice.") % {"name": twice[0][:80]})


def _rows(reader: Any, head: list[str], shape: Shape) -> list[Given]:
    rows: list[Given] = []
    begins = reader.line_num + 1
    for cells in reader:
        number, begins = begins, reader.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == shape.most_rows:
            raise _wrong(_("There are more than %(n)s rows. Divide the file.") % {"n": shape.most_rows})
        rows.append(_given(number, head, cells, shape))
    if not rows:
        raise _wrong(_("There is no row below the names of the columns."))
    return rows


def _given(number: int, head: list[str], cells: list[str], shape: Shape) -> Given:
    known = {name: _plain(cell) for name, cell in zip(head, cells, strict=False) if name in shape.columns}
    wrong = ""
    if len(cells) != len(head):
        wrong = _("It has %(n)s cells and the first line %(m)s.") % {"n": len(cells), "m": len(head)}
    elif any(unicodedata.category(sign) in {"Cc", "Cs"} for cell in known.values() for sign in cell):
        wrong = _("It holds a line break or another sign that no name has.")
        known = {name: "".join(sign for sign in cell if sign.isprintable()) for name, cell in known.items()}
    return Given(number, known, wrong)


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, field="file")
