"""`python -m tests.rigs.postgres python -m tests.benchmarks.detecting`: what a look for findings costs a machine.

First over a tenth of the machines, then over all of them, with thirty days of use each: a machine shall not cost more
the more there are. docs/benchmarks.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import django

RESULTS = Path(__file__).parents[2] / "var" / "bench"
LIMIT = 1.3
"""Times the cost of a machine among a tenth of them."""
TIMES = 3
DAYS = 30


@dataclass(frozen=True)
class Cost:
    """Processor of this process and of the database, in milliseconds for a thousand machines."""

    first: float
    again: float
    kinds: dict[str, float]
    findings: int


def run(machines: int) -> int:
    """Prints as it measures. Returns how many limits were not kept."""
    from tests.benchmarks.sprawl_seed import grow

    costs, sizes = {}, (machines // 10, machines)
    begun = time.monotonic()
    for before, count in zip((0, *sizes), sizes, strict=False):
        grow(before, count, days=DAYS)
        print(f"{count} machines with {DAYS} days of use, after {time.monotonic() - begun:.0f} s", flush=True)
        costs[count] = measured(count)
    few, many = (costs[count] for count in sizes)
    ratios = {"first": many.first / few.first, "again": many.again / few.again}
    print(f"\n{'ms for 1,000 machines':24} {sizes[0]:>9} {sizes[1]:>9}     ×")
    for name, one, other in rows(few, many):
        print(f"{name:24} {one:9.1f} {other:9.1f} {other / one:5.2f}" if one else f"{name:24} {one:9.1f} {other:9.1f}")
    print(f"Found: {few.findings} and {many.findings}. The limit for both looks is {LIMIT} ×.")
    RESULTS.mkdir(parents=True, exist_ok=True)
    told = {"ratios": ratios, "limit": LIMIT, "costs": {count: vars(cost) for count, cost in costs.items()}}
    (RESULTS / "detecting.json").write_text(json.dumps(told, indent=1))
    return sum(ratio > LIMIT for ratio in ratios.values())


def rows(few: Cost, many: Cost) -> Iterator[tuple[str, float, float]]:
    yield "the first look", few.first, many.first
    yield "nothing changed", few.again, many.again
    for kind in few.kinds:
        yield f"  {kind}", few.kinds[kind], many.kinds[kind]


def measured(machines: int) -> Cost:
    """A look that opens everything, then looks that find what stands; last, each detector by itself."""
    from lifecycle import clock
    from lifecycle.models import Finding
    from lifecycle.sprawl.actions import DETECTORS, scan
    from tests.benchmarks.derived import settle

    Finding.objects.all().delete()
    settle()
    now = clock.now()
    first = spent(lambda: scan(now=now))
    settle()
    again = statistics.median(spent(lambda: scan(now=now)) for _ in range(TIMES))
    kinds = {str(kind): spent(partial(exhaust, detect, now)) for kind, detect in DETECTORS.items()}
    per = 1000 * 1000 / machines
    return Cost(first * per, again * per, {kind: s * per for kind, s in kinds.items()}, Finding.objects.count())


def exhaust(detect: Callable[[datetime], Iterable[Any]], now: datetime) -> int:
    return sum(1 for _ in detect(now))


def spent(act: Callable[[], Any]) -> float:
    """Seconds of processor, here and in the database."""
    from tests.benchmarks.measure import _database_cpu

    begun, database = time.process_time(), _database_cpu() or 0.0
    act()
    return time.process_time() - begun + (_database_cpu() or 0.0) - database


@contextmanager
def alone() -> Iterator[None]:
    """All of the database's work in our own process there, whose processor time is known."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        yield
        cursor.execute("RESET max_parallel_workers_per_gather")


def main(arguments: list[str]) -> int:
    known = argparse.ArgumentParser(prog="python -m tests.benchmarks.detecting", description=__doc__)
    known.add_argument("--machines", type=int, default=100_000)
    chosen = known.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.environment"
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", verbosity=0)
        with alone():
            return run(chosen.machines)
    finally:
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
