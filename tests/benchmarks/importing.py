"""`python -m tests.benchmarks.importing [--machines N]`: a first import, and sweeps after it, on PostgreSQL.

Each step is a process of its own, so that its processor time and its memory are its own. What is printed, and what it
shall stay within, is in docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import django

RESULTS = Path(__file__).parents[2] / "var" / "bench"
ROOT = Path(__file__).parents[2]
FILE = "estate.dc.sqlite3"
CHANGED = 100
"""Every hundredth machine."""
LIVELY = 10_000
"""So many are made one by one; the rest are copies."""
WRITTEN = ("machine", "disk", "nic", "snapshot", "entry")
"""Tables that a first import fills."""
LIMITS = {"import": 3.0, "sweep": 0.15, "peak MiB": 400}


@dataclass(frozen=True)
class Cost:
    """Seconds of processor: of this process, user and system, and of its server process in PostgreSQL."""

    cpu: float
    database: float
    wall: float
    peak_mib: int
    rows: int

    @property
    def work(self) -> float:
        return self.cpu + self.database


def measured(act: Callable[[], int]) -> Cost:
    from tests.benchmarks.measure import _database_cpu

    database, cpu, wall = _database_cpu() or 0.0, time.process_time(), time.perf_counter()
    rows = act()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(cpu, (_database_cpu() or 0.0) - database, wall, _peak(), rows)


def _peak() -> int:
    """Of this process from its first moment; a child counts what its parent had when it was forked."""
    with suppress(OSError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


# The steps, each in a process of its own


def fill(folder: Path, machines: int) -> Cost:
    from hypervisors.simulated import populate
    from hypervisors.simulated.datacentre import DataCentre

    centre = DataCentre(folder / FILE)
    populate.fill(centre, machines=min(machines, LIVELY))
    with centre.storage.write() as db:
        for number in range(1, machines // LIVELY):
            _double(db, f"-{number}")
        return measured(lambda: int(db.execute("SELECT COUNT(*) FROM machines WHERE NOT is_template").fetchone()[0]))


def _double(db: Any, mark: str) -> None:
    """The first machines once more, each another one, with devices and events of its own."""
    mac = "'52' || " + " || ".join(f"':' || substr(hex(randomblob(2)), {place}, 2)" for place in (1, 3, 1, 3, 1))
    own = {
        "machines": {"ref": "ref || :mark", "name": "name || :mark", "uuid": "lower(hex(randomblob(16)))"},
        "disks": {"ref": "ref || :mark", "machine_ref": "machine_ref || :mark", "path": "path || :mark"},
        "nics": {"ref": "ref || :mark", "machine_ref": "machine_ref || :mark", "mac": f"lower({mac})"},
        "events": {"id": "NULL", "machine_ref": "machine_ref || :mark"},
    }
    first = "(SELECT ref FROM machines WHERE NOT is_template AND ref NOT LIKE '%-%-%')"
    for table, wanted in own.items():
        columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]
        values = ", ".join(wanted.get(column, column) for column in columns)
        key = "ref" if table == "machines" else "machine_ref"
        db.execute(f"INSERT INTO {table} SELECT {values} FROM {table} WHERE {key} IN {first}", {"mark": mark})  # noqa: S608


def prepare(folder: Path, machines: int) -> Cost:
    from django.core.management import call_command

    from lifecycle.estate.models import Endpoint

    call_command("migrate", verbosity=0, interactive=False)
    Endpoint.objects.create(name="Estate", kind="simulated", path=str(folder / FILE))
    return measured(lambda: 0)


def fetch(folder: Path, machines: int) -> Cost:
    from lifecycle.estate.connections import connect
    from lifecycle.estate.models import Endpoint

    with connect(Endpoint.objects.get(), read_only=True) as hypervisor:
        return measured(lambda: len(hypervisor.inventory().machines))


def look(folder: Path, machines: int) -> Cost:
    from lifecycle.estate.models import Endpoint
    from lifecycle.estate.sync import sync

    endpoint = Endpoint.objects.get()

    def act() -> int:
        result = sync(endpoint)
        assert result.complete, result
        return result.found or result.changed

    return measured(act)


def look_at_everything(folder: Path, machines: int) -> Cost:
    from lifecycle.estate.models import Endpoint

    Endpoint.objects.update(full_scan_at=None)
    return look(folder, machines)


def change(folder: Path, machines: int) -> Cost:
    """Somebody renames and resizes every hundredth machine, and starts or stops it."""
    from hypervisors.simulated.datacentre import DataCentre

    with DataCentre(folder / FILE).storage.write() as db:
        found = db.execute(
            "UPDATE machines SET name = name || '-x', vcpus = vcpus + 1,"
            " power = CASE power WHEN 'on' THEN 'off' ELSE 'on' END WHERE rowid % ? = 0 AND NOT is_template",
            (CHANGED,),
        ).rowcount
    return measured(lambda: int(found))


def copy(folder: Path, machines: int) -> Cost:
    """The rows that the import wrote, taken out and put into the same tables, with all their indexes."""
    from django.db import connection

    with connection.cursor() as cursor:
        rows = {name: _taken_out(cursor, name) for name in WRITTEN}
        cursor.execute("SET session_replication_role = replica")  # the record refuses to be emptied
        cursor.execute(f"TRUNCATE {', '.join(f'lifecycle_{name}' for name in WRITTEN)} CASCADE")
        cursor.execute("SET session_replication_role = DEFAULT")

        def act() -> int:
            for name, (columns, blocks) in rows.items():
                with cursor.copy(f"COPY lifecycle_{name} ({columns}) FROM STDIN") as into:
                    for block in blocks:
                        into.write(block)
            cursor.execute("SELECT count(*) FROM lifecycle_machine")
            return int(cursor.fetchone()[0])

        return measured(act)


def _taken_out(cursor: Any, name: str) -> tuple[str, list[bytes]]:
    cursor.execute(
        "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_name = %s AND is_generated = 'NEVER'",
        [f"lifecycle_{name}"],
    )
    columns = cursor.fetchone()[0]
    with cursor.copy(f"COPY (SELECT {columns} FROM lifecycle_{name} ORDER BY id) TO STDOUT") as out:  # noqa: S608
        return columns, [bytes(block) for block in out]


STEPS: dict[str, Callable[[Path, int], Cost]] = {
    "fill": fill,
    "prepare": prepare,
    "fetch": fetch,
    "import": look,
    "change": change,
    "sweep": look,
    "nothing": look,
    "everything": look_at_everything,
    "copy": copy,
}


def step(name: str, folder: Path, machines: int) -> Cost:
    """In this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.environment"
    django.setup()
    from django.conf import settings
    from django.db import connection

    settings.SIMULATED_DIR = folder
    connection.ensure_connection()
    return STEPS[name](folder, machines)


def run(machines: int) -> int:
    """Prints the table as it grows. Returns how many limits were not kept."""
    print(f"A first import of {machines} machines (processor seconds: ours + database's):", flush=True)
    with tempfile.TemporaryDirectory(prefix="leasehold-bench-") as folder:
        found = {name: _apart(name, Path(folder), machines) for name in STEPS}
    bare = found["fetch"].work + found["copy"].work
    ratios = {
        "import": found["import"].work / bare,
        "sweep": found["sweep"].work / found["import"].work,
        "peak MiB": float(max(found[name].peak_mib for name in ("import", "sweep", "everything"))),
    }
    for name, limit in LIMITS.items():
        print(f"  {name:10} {ratios[name]:7.2f} of {limit}", flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    costs = {name: asdict(cost) for name, cost in found.items()}
    (RESULTS / "importing.json").write_text(json.dumps({"machines": machines, "costs": costs, **ratios}, indent=1))
    return sum(ratios[name] > limit for name, limit in LIMITS.items())


def _apart(name: str, folder: Path, machines: int) -> Cost:
    command = [sys.executable, "-m", "tests.benchmarks.importing", f"--machines={machines}", f"--step={name}"]
    done = subprocess.run([*command, f"--folder={folder}"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    cost = Cost(**json.loads(done.stdout.splitlines()[-1]))
    print(
        f"  {name:10} {cost.cpu:6.2f} + {cost.database:6.2f} s, wall {cost.wall:6.2f} s, peak {cost.peak_mib} MiB,"
        f" {cost.rows} rows",
        flush=True,
    )
    return cost


def options(arguments: list[str]) -> argparse.Namespace:
    known = argparse.ArgumentParser(prog="python -m tests.benchmarks.importing", description=__doc__)
    known.add_argument("--machines", type=int, default=100_000)
    known.add_argument("--step", choices=STEPS)
    known.add_argument("--folder", type=Path)
    return known.parse_args(arguments)


def main() -> int:
    chosen = options(sys.argv[1:])
    if chosen.step is None:
        return run(chosen.machines)
    print(json.dumps(asdict(step(chosen.step, chosen.folder, chosen.machines))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
