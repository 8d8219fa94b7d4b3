"""docs/sprawl.md says what the code says."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.thresholds import RANGES, Limits

PAGE = (Path(__file__).parents[3] / "docs" / "sprawl.md").read_text()


def _rows(head: str) -> list[list[str]]:
    """The cells of the table that begins with this head."""
    _before, _head, below = PAGE.partition(f"{head}\n")
    table = re.match(r"(?:\|.*\n)+", below)
    assert table, head
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table[0].splitlines()[1:]]


def test_every_threshold_stands_there_with_its_default_and_its_bounds() -> None:
    expected = [[f"`{name}`", str(value), *map(str, RANGES[name])] for name, value in asdict(Limits()).items()]

    assert _rows("| Threshold | Default | From | To |") == expected


def test_every_kind_stands_there_in_the_order_in_which_waste_counts() -> None:
    kinds = [row[0] for row in _rows("| Kind | When | How sure | What could be had back |")]

    assert kinds == [str(kind.label) for kind in Kind]
