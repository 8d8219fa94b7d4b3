"""docs/hypervisors.md says what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hypervisors import registry, table
from hypervisors.contract import MEANINGS, Capabilities
from hypervisors.errors import Unsupported
from tests.rigs.fixtures import skip

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "hypervisors.md").read_text()


@pytest.fixture(autouse=True, scope="module")
def all_libraries() -> None:
    try:
        table.ours()
    except Unsupported as error:
        skip(error.message)


def test_the_table_is_what_the_code_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "hypervisors.table"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    assert f"\n\n{printed}\n" in PAGE


def test_the_table_has_a_row_for_each_capability() -> None:
    rows = table.markdown({"one": Capabilities(), "other": Capabilities(seed=True)}).splitlines()

    assert rows[0] == "|  | one | other |"
    assert {row.split(" | ")[0].removeprefix("| ") for row in rows} >= set(MEANINGS.values())
    assert f"| {MEANINGS['seed']} | no | yes |" in rows
    assert sum("yes" in row for row in rows) == len(table.ALL_OF_THEM) + 1


def test_each_kind_has_a_part_of_its_own() -> None:
    kinds = re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE)

    assert kinds == list(registry.ADAPTERS)
