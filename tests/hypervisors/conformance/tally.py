"""One line for each adapter, at the very end: how many promises it kept. Imported by tests/conftest.py, as a hook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest

PROPERTY = "conformance"


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist: it is the one who divides the work that tells
        return
    for line in lines(report for reports in reporter.stats.values() for report in reports):
        reporter.write_line(line)


def lines(reports: Iterable[object]) -> list[str]:
    """Of the adapters that were asked for anything. What broke before or after its promise is not kept either."""
    from tests.hypervisors.conformance import table

    kept: defaultdict[str, set[str]] = defaultdict(set)
    failed: defaultdict[str, set[str]] = defaultdict(set)
    for report in reports:
        for name, kind in getattr(report, "user_properties", ()):
            if name == PROPERTY and isinstance(report, pytest.TestReport) and report.failed:
                failed[kind].add(report.nodeid)
            elif name == PROPERTY and isinstance(report, pytest.TestReport) and report.when == "call":
                kept[kind].add(report.nodeid)
    return [
        f"{kind} kept {len(kept[kind] - failed[kind])} gaps {gaps} failed {len(failed[kind])} unproven {unproven}"
        for kind in table.TABLE
        if kept[kind] or failed[kind]
        for _all, gaps, unproven in [table.counts(kind)]
    ]
