"""`python -m tests.benchmarks.engine redis|files`: how soon and how much the engine does, with real workers.

What it prints is in docs/benchmarks.md. `redis` uses BENCH_DATABASE_URL and a Redis of its own, `files` SQLite and the
filesystem queue.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import django

from tests.benchmarks.installation import QUIET, data_folder, programs, settings, until, worker
from tests.rigs.redis import RedisRig

RESULTS = Path(__file__).parents[2] / "var" / "bench"
WAKES, CREATIONS, LIMIT, SECONDS = 15, 400, 40, 5.0
FINISHED, DUE = (1_000, 500_000), 100


def wake(world: Any) -> dict[str, Any]:
    """From the press of a button to the first call at the hypervisor, by an idle worker."""
    from lifecycle.operations import power
    from lifecycle.operations.models import Operation

    machine, took = world.machine(), []
    for number in range(WAKES + 2):
        machine.refresh_from_db()
        known, begun = len(world.dc.calls()), time.time()
        act = power.shut_down if machine.power == "on" else power.start
        operation = act(machine, by=world.owner)
        until(lambda: len(world.dc.calls()) > known, every=0.005)  # noqa: B023 - asked within this round
        took.append(world.dc.calls()[known]["at"] - begun)
        until(lambda: not Operation.objects.get(pk=operation.pk).is_open)  # noqa: B023
        time.sleep(0.3 + number % 3 * 0.2)  # the worker has left by then, or is about to
    return {"median s": round(statistics.median(took[2:]), 3), "slowest s": round(max(took[2:]), 3)}


def creations(world: Any) -> dict[str, Any]:
    """Many orders at once on an endpoint that takes some at a time, against the time its own work needs."""
    from lifecycle.estate.models import Endpoint
    from lifecycle.operations.actions import wake as call
    from lifecycle.requests import actions as requests
    from lifecycle.requests.models import Request

    Endpoint.objects.update(parallel=LIMIT, mode="observe")
    world.dc.set("duration.clone", SECONDS)
    world.dc.set("overcommit", 100.0)
    for number in range(CREATIONS):
        requests.approve(world.submit(f"many-{number}"), by=world.approver)
    begun = time.monotonic()
    Endpoint.objects.update(mode="manage")
    call(None)
    call(None)
    until(lambda: not Request.objects.filter(state="building").exists(), within=300, every=0.2)
    took, ideal = time.monotonic() - begun, CREATIONS / LIMIT * SECONDS
    assert len([vm for vm in world.native() if vm["name"].startswith("many-")]) == CREATIONS
    return {"took s": round(took, 1), "ideal s": ideal, "× ideal": round(took / ideal, 2)}


def sweeps(world: Any) -> dict[str, Any]:
    """One sweep over few and over many finished rows, with as many due ones: processor and buffers."""
    from tests.benchmarks.sweeping import measure_sweep

    machine = world.machine("swept")
    few, many = (measure_sweep(machine, finished=finished, due=DUE) for finished in FINISHED)
    return {
        "cpu ms": [few.cpu_ms, many.cpu_ms],
        "× cpu": round(many.cpu_ms / few.cpu_ms, 2),
        "buffers": [few.buffers, many.buffers],
        "× buffers": round(many.buffers / few.buffers, 2) if few.buffers else None,
    }


def told(what: str, figures: dict[str, Any]) -> dict[str, Any]:
    print(f"  {what:15}", "  ".join(f"{name} {figure}" for name, figure in figures.items()), flush=True)
    return figures


def run(broker: str) -> dict[str, Any]:
    django.setup()
    print(f"The engine, on {broker}:", flush=True)
    from django.conf import settings as ours
    from django.core.management import call_command

    from tests.lifecycle.world import make_world

    call_command("migrate", verbosity=0, interactive=False)
    folder = Path(ours.DATA_DIR)
    world = make_world(ours.SIMULATED_DIR)
    found: dict[str, Any] = {}
    if broker == "redis":
        found["sweep"] = told("sweep", sweeps(world))
    else:
        from portal.celery import declare

        declare()
    with programs(folder, worker(2)):
        found["wake"] = told("wake", wake(world))
    if broker == "redis":
        beat = ["beat", "-s", str(folder / "beat"), "--loglevel", "WARNING"]
        with programs(folder, worker(1), worker(1), ["worker", "-Q", "clockwork", "-c", "1", *QUIET], beat):
            until(_swept, within=60)
            found["400 creations"] = told("400 creations", creations(world))
    return found


def _swept() -> bool:
    """Beat, broker and workers are there."""
    from lifecycle.operations.models import Heartbeat

    return Heartbeat.objects.filter(name="sweep").exists()


def main(broker: str) -> int:
    with data_folder() as folder:
        if broker == "redis":
            with RedisRig() as redis:
                database = os.environ["TEST_DATABASE_URL"]
                os.environ.update(settings(folder, DATABASE_URL=database, **redis.environ))
                found = run(broker)
        else:
            os.environ.update(settings(folder, DATABASE_URL="sqlite:///", BROKER_URL="filesystem://"))
            found = run(broker)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"engine-{broker}.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
