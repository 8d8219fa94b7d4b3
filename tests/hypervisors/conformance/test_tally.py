"""The lines at the end of a run: what was kept, whoever ran it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.hypervisors.conformance.tally import PROPERTY, lines

ROOT = Path(__file__).parents[3]


def report(
    number: int, outcome: Literal["passed", "failed", "skipped"], when: Literal["setup", "call", "teardown"] = "call"
) -> pytest.TestReport:
    return pytest.TestReport(
        f"test_simulated.py::test_it[{number}]", ("", 0, ""), {}, outcome, None, when,
        user_properties=[(PROPERTY, "simulated")],
    )  # fmt: skip


def test_kept_promises_are_counted() -> None:
    assert lines([report(1, "passed"), report(2, "passed")]) == ["simulated kept 2 gaps 0 failed 0 unproven 0"]


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_whatever_breaks_is_not_kept(when: Literal["setup", "call", "teardown"]) -> None:
    told = lines([report(1, "passed"), report(2, "passed"), report(2, "failed", when)])

    assert told == ["simulated kept 1 gaps 0 failed 1 unproven 0"]


def test_what_was_not_asked_is_not_told() -> None:
    assert lines([]) == []
    assert lines([object()]) == []


def test_run_of_several_workers_ends_with_a_line_for_the_adapter() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "-k", "100- or 101- or 102-",
         "tests/hypervisors/conformance/test_simulated.py"],
        cwd=ROOT, check=False, capture_output=True, text=True, env=os.environ | {"PYTEST_ADDOPTS": ""},
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "simulated kept 3 gaps 0 failed 0 unproven 0", done.stdout + done.stderr
