"""`python -m tests.benchmarks` on TEST_DATABASE_URL, or on SQLite: seeds an empty database, measures, and reports."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

RESULTS = Path(__file__).parents[2] / "var" / "bench"


def options(arguments: list[str]) -> argparse.Namespace:
    known = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    known.add_argument("--machines", type=int, default=100_000)
    known.add_argument("--people", type=int, default=5_000)
    known.add_argument("--teams", type=int, default=200)
    known.add_argument("--pairs", type=int, default=15, help="measured requests of each kind")
    known.add_argument("--only", default="", help="only what has this in its name, such as “API list”")
    known.add_argument("--results", type=Path, default=RESULTS)
    return known.parse_args(arguments)


def run(chosen: argparse.Namespace) -> Path:
    """Prints the table as it grows; returns the file that holds all of it."""
    from django.db import connection

    from tests.benchmarks import report
    from tests.benchmarks.cases import cases, signed_in
    from tests.benchmarks.measure import measure, measure_bare, plain
    from tests.benchmarks.seed import Extent, cast, seed

    extent = Extent(chosen.machines, chosen.people, chosen.teams, grants=chosen.machines // 2)
    begun = time.monotonic()
    seed(extent)
    facts = about(connection) | asdict(extent) | {"seeded in s": round(time.monotonic() - begun, 1)}
    people, rows = cast(), []
    bare = measure_bare(signed_in(people.admin), pairs=chosen.pairs)
    print(report.head(facts, bare), flush=True)
    for case in cases(people):
        if chosen.only in case.name:
            rows.append(measure(case, pairs=chosen.pairs))
            print(report.row(rows[-1]), flush=True)
    print(report.summary(rows))
    facts |= {"took s": round(time.monotonic() - begun), "load afterwards": os.getloadavg()[0], "peak MiB": peak_mib()}
    chosen.results.mkdir(parents=True, exist_ok=True)
    written = chosen.results / f"{connection.vendor}.json"
    written.write_text(json.dumps({"about": facts, "bare": bare, "rows": [plain(row) for row in rows]}, indent=1))
    return written


def about(connection: Any) -> dict[str, Any]:
    connection.ensure_connection()
    version = getattr(connection, "pg_version", None) or ".".join(map(str, connection.get_database_version()))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "database": f"{connection.display_name} {version}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "processors": os.cpu_count(),
        "load before": os.getloadavg()[0],
    }


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> int:
    chosen = options(sys.argv[1:])
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.environment"
    django.setup()
    from django.conf import settings

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    try:
        print(f"Written to {run(chosen)}")
    finally:
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
