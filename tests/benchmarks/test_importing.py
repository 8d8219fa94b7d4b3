"""That the benchmark of imports still runs, and its ratio of sweep to import, on an estate of two thousand machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle.estate import connections
from lifecycle.estate.models import Machine
from tests.benchmarks import importing
from tests.lifecycle.factories import make_endpoint

MACHINES = 2000


@pytest.mark.django_db
def test_a_sweep_costs_a_fraction_of_the_import(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By processor time, so that it says the same on a busy machine."""
    settings.SIMULATED_DIR = tmp_path
    monkeypatch.setattr(importing, "LIVELY", 200)
    make_endpoint(path=str(tmp_path / importing.FILE), scans=0)
    assert importing.fill(tmp_path, MACHINES).rows == MACHINES

    first = importing.look(tmp_path, MACHINES)
    changed = importing.change(tmp_path, MACHINES).rows
    sweep = importing.look(tmp_path, MACHINES)
    connections.close_all()

    assert (first.rows, Machine.objects.count()) == (MACHINES, MACHINES)
    assert sweep.rows == changed >= MACHINES // 100
    assert sweep.work <= importing.LIMITS["sweep"] * first.work
