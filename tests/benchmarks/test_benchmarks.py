"""That the benchmark still runs, on an estate of two hundred machines; how long anything takes is not asked here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.benchmarks import derived, seed
from tests.benchmarks.__main__ import options, run
from tests.benchmarks.cases import FLOORS, REPORTS, cases
from tests.benchmarks.seed import cast


@pytest.fixture
def small(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """In a test's transaction foreign keys stay on, and nothing is vacuumed; ids begin at 1 whatever ran before."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_sequence")
    settings.ROOT_URLCONF = "tests.benchmarks.urls"
    monkeypatch.setattr(derived, "settle", lambda: None)
    monkeypatch.setattr(seed, "call_command", lambda *what, **how: None)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="its ids are expected to begin at 1")
@pytest.mark.django_db
def test_bench_measures_every_floor(small: None, tmp_path: Path) -> None:
    estate = ["--machines=200", "--people=30", "--teams=4"]

    found = json.loads(run(options([*estate, "--pairs=1", "--only=detail", f"--results={tmp_path}"])).read_text())

    assert {row["who"] for row in found["rows"]} == {"admin", "typical", "heavy"}
    assert all(0 < row["queries"] <= row["round_trips"] for row in found["rows"])
    assert found["bare"]["queries"] == 7
    assert {case.what for case in cases(cast())} == set(FLOORS) | set(REPORTS)
