"""docs/operations.md names what there is: figures, reasons to wait, and lines of the log in the words of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifecycle.clock import MOST_SKEW
from lifecycle.estate.actions import PAUSES
from lifecycle.operations import endings
from lifecycle.operations.brakes import DEADLINES
from lifecycle.operations.claims import CLAIM, RENEW
from lifecycle.operations.measures import INCIDENTS
from lifecycle.operations.queries import WORKER_FRESH
from portal.celery import LIMITS, SCHEDULE
from portal.metrics import Figures
from portal.web.waitingwords import REASONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
CODE = "\n".join(path.read_text() for folder in ("lifecycle", "portal") for path in (ROOT / folder).rglob("*.py"))


def first_cells(head: str) -> list[str]:
    """What stands first in each row of the table that begins with this head."""
    _before, found, below = PAGE.partition(f"{head}\n")
    assert found, head
    table = re.match(r"(?:\|.*\n)+", below)
    assert table, head
    return [line.split("|")[1].strip(" `") for line in table[0].splitlines()[1:]]


@pytest.mark.django_db
def test_the_table_of_figures_is_complete() -> None:
    there = [f"{each.name}_total" if each.type == "counter" else each.name for each in Figures().collect()]

    assert sorted(first_cells("| Figure | Labels | |")) == sorted(there)


@pytest.mark.django_db
def test_alerts_and_words_name_figures_that_there_are() -> None:
    there = {f"{each.name}_total" if each.type == "counter" else each.name for each in Figures().collect()}

    assert set(re.findall(r"\bleasehold_\w+", PAGE)) == there


def test_reasons_to_wait_are_those_of_the_pages() -> None:
    assert first_cells("| `waits_for` | Means | Looked at again | Ends by |") == list(REASONS)


def test_incidents_are_named() -> None:
    assert ", ".join(INCIDENTS) in PAGE


@pytest.mark.parametrize(
    "words",
    [
        "is taken over: %s did not finish its step.",
        "No worker could be woken for operation %s; the sweep will find it.",
        "The claim on operation %s could not be renewed.",
        "s off the database's: it takes no work.",
        "machines with its stamp",
        "had made is left over",
        "What follows operation %s went wrong; it is tried again.",
        "was not sent: %s",
    ],
)
def test_lines_of_the_log_are_those_of_the_code(words: str) -> None:
    assert words in CODE
    assert re.search(re.escape(words).replace("%s", r"\S+"), PAGE)


def test_times_are_those_of_the_code() -> None:
    """Whoever changes one of these changes the page too."""
    seconds = CLAIM.total_seconds(), RENEW, SCHEDULE["sweep"], MOST_SKEW, WORKER_FRESH.total_seconds()
    assert seconds == (15, 4, (2, 5), 5, 60)
    assert {kind.value: time.total_seconds() / 3600 for kind, time in DEADLINES.items()} == {
        "create": 4, "remove": 6, "shutdown": 1, "annotate": 1, "detach_seed": 1, "power_on": 0.5, "power_off": 0.5,
        "restart": 0.5, "rename": 0.5, "resize": 0.5, "retire_file": 0.5, "restore_file": 0.5, "remove_file": 6,
    }  # fmt: skip
    assert (endings.LOOK_AGAIN["blast_radius"], endings.LOOK_AGAIN["scan"]) == (60, 30)
    assert (endings.SHORTEST, endings.LONGEST) == (1, 15)
    assert PAUSES == (1, 2, 4, 8, 16, 32, 60)
    assert LIMITS["provisioning"] == (120, 150)
    assert SCHEDULE["sync_endpoints"][1] == 300
