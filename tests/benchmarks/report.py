"""What was measured, as a table."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.measure import Measured, plain

HEAD = (
    f"{'':9}{'':36}{'ms':>8}{'× bare':>8}{'floor':>7}{'p95':>8}{'work':>8}{'cpu':>7}{'db cpu':>8}{'sql':>7}"
    f"{'queries':>9}{'trips':>7}{'peak KiB':>10}"
)


def head(facts: dict[str, Any], bare: dict[str, Any]) -> str:
    lines = [f"{name}: {fact}" for name, fact in facts.items()]
    return "\n".join([*lines, "", HEAD, _row("", "the bare view", None, bare)])


def row(measured: Measured) -> str:
    return _row(measured.who, measured.name, measured.ratio, plain(measured)) + ("" if measured.holds else "  over")


def summary(rows: list[Measured]) -> str:
    by_time, by_work = sum(row.holds for row in rows), sum(row.works for row in rows)
    return f"\nOf {len(rows)}, {by_time} within their floor by time, {by_work} by the work they make."


def _row(who: str, name: str, ratio: float | None, figures: dict[str, Any]) -> str:
    def of(key: str) -> str:
        figure = figures.get(key)
        return "–" if figure is None else str(figure)

    columns = [
        (name[:35], -36), (of("ms"), 8), (str(ratio or ""), 8), (of("floor"), 7), (of("p95_ms"), 8), (of("work_ms"), 8),
        (of("cpu_ms"), 7), (of("database_cpu_ms"), 8), (of("sql_ms"), 7), (of("queries"), 9), (of("round_trips"), 7),
        (of("peak_kib"), 10),
    ]  # fmt: skip
    cells = (text.ljust(-width) if width < 0 else text.rjust(width) for text, width in columns)
    return who.ljust(9) + "".join(cells)
