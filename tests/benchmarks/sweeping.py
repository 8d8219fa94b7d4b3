"""What one sweep costs: processor time of this process and of the database, and the buffers that it touches."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

from lifecycle.estate.models import Machine
from lifecycle.operations import work
from lifecycle.operations.models import Operation
from tests.benchmarks.measure import _database_cpu

TIMES = 15
FILL = """INSERT INTO lifecycle_operation (machine_id, endpoint_id, kind, purpose, destructive, arguments, key, state,
     attempt, next_try_at, claimed_by, progress, step, waits_for, error_code, error, native_error, turn, verdict,
     verdict_reason, created_at, started_at, ended_at, changed_at)
   SELECT %s, %s, 'restart', 'holder', false, '{}', %s || n, %s, 1, now() - interval '1 minute', '', 100, '', '', '',
     '', '', 0, '', '', now(), CASE WHEN %s THEN NULL ELSE now() END, CASE WHEN %s THEN NULL ELSE now() END, now()
   FROM generate_series(1, %s) AS n"""


@dataclass(frozen=True)
class Cost:
    cpu_ms: float
    buffers: int


def measure_sweep(machine: Machine, *, finished: int, due: int) -> Cost:
    """Medians over several sweeps. The due rows lie on machines of their own, as they do in life."""
    _fill(machine, finished, state="succeeded")
    machines = _machines(machine, due)
    for each in machines:
        _fill(each, 1, state="waiting")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE lifecycle_operation")
    work.sweep()
    times = []
    for _ in range(TIMES):
        begun, database = time.process_time(), _database_cpu() or 0.0
        work.sweep()
        times.append(time.process_time() - begun + (_database_cpu() or 0.0) - database)
    buffers = _buffers()
    Operation.objects.filter(key__startswith="sweep-").delete()
    Machine.objects.filter(pk__in=[each.pk for each in machines]).delete()
    return Cost(round(statistics.median(times) * 1000, 2), buffers)


def _machines(machine: Machine, count: int) -> list[Machine]:
    rows = []
    for number in range(count):
        row = Machine.objects.get(pk=machine.pk)
        row.pk, row.name, row.native_ref, row.uuid = None, f"due-{number}", f"due-{number}", uuid4()
        rows.append(row)
    return Machine.objects.bulk_create(rows)


def _fill(machine: Machine, count: int, *, state: str) -> None:
    open_one = state == "waiting"
    with connection.cursor() as cursor:
        prefix = f"sweep-{state}-{machine.pk}-"
        cursor.execute(FILL, [machine.pk, machine.endpoint_id, prefix, state, open_one, open_one, count])


def _buffers() -> int:
    """Of every question that one sweep asks, as PostgreSQL counts them; nothing is kept of what they change."""
    asked: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        work.sweep()
    total = 0
    with transaction.atomic():
        for sql, params in asked:
            if sql.startswith(("SELECT", "UPDATE", "DELETE")):
                with connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
                    found = cursor.fetchone()[0]
                plan = (found if isinstance(found, list) else json.loads(found))[0]["Plan"]
                total += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        transaction.set_rollback(True)
    return total
