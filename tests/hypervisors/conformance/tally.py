"""One line for each adapter, at the very end: how many promises it kept. Imported by tests/conftest.py, as a hook."""

from __future__ import annotations

from collections import defaultdict

import pytest

PROPERTY = "conformance"


def pytest_unconfigure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist: it is the one who divides the work that tells
        return
    kept: defaultdict[str, set[str]] = defaultdict(set)
    failed: defaultdict[str, set[str]] = defaultdict(set)
    for report in (one for reports in reporter.stats.values() for one in reports):
        for name, kind in getattr(report, "user_properties", ()):
            if name == PROPERTY and report.failed:
                failed[kind].add(report.nodeid)
            elif name == PROPERTY and report.passed and report.when == "call":
                kept[kind].add(report.nodeid)
    for line in _lines(kept, failed):
        reporter.write_line(line)


def _lines(kept: dict[str, set[str]], failed: dict[str, set[str]]) -> list[str]:
    if not kept and not failed:
        return []
    from tests.hypervisors.conformance import table

    lines = []
    for kind in (kind for kind in table.TABLE if kind in kept or kind in failed):
        lost = failed.get(kind, set())
        counts = table.counts(kind)
        held = len(kept.get(kind, set()) - lost)
        lines.append(f"{kind} kept {held} gaps {counts.gaps} failed {len(lost)} unproven {counts.unproven}")
    return lines
