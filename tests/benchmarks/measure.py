"""How a request is measured: interleaved with the bare view, by wall time, processor time, questions and memory."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.benchmarks.cases import Case, signed_in

TURNS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True)
class Measured:
    """Milliseconds are medians. `ratio` is the median over that of the bare view's requests in between."""

    what: str
    name: str
    who: str
    ms: float
    ratio: float
    floor: int | None
    most_times: float | None
    p95_ms: float
    cpu_ms: float
    database_cpu_ms: float | None
    sql_ms: float | None
    """The same questions asked through a bare cursor; of a request that writes, nothing."""
    queries: int
    round_trips: int
    """Queries, and what begins and ends transactions."""
    peak_kib: int
    answer_kib: int

    @property
    def work_ms(self) -> float:
        """Processor time of the portal and of the database: what it would take if nobody else were at work here."""
        return round(self.cpu_ms + (self.database_cpu_ms or 0), 1)

    @property
    def holds(self) -> bool:
        return self.ms <= self.floor if self.floor else self.ratio <= (self.most_times or 0)

    @property
    def works(self) -> bool:
        """The same by the work it makes, where that is what is measured."""
        return self.work_ms <= self.floor if self.floor else self.holds


def measure(case: Case, *, pairs: int, warm_up: int = 2) -> Measured:
    client, path = signed_in(case.who), reverse("bare", args=[1])

    def bare() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.headers, answer.content[-300:])

    def request() -> Any:
        response = case.send(client)
        assert response.status_code == case.status, (case.name, response.status_code, response.content[-300:])
        return response

    for _ in range(warm_up):
        bare()
        request()
    queries, round_trips, sql_ms = _asked(request, replay=not case.writes, times=pairs)
    floor_times, times, cpu, database_cpu = _interleaved(bare, request, pairs)
    return Measured(
        what=case.what,
        name=case.name,
        who=case.who.username,
        ms=_median_ms(times),
        ratio=round(statistics.median(times) / statistics.median(floor_times), 2),
        floor=case.floor,
        most_times=case.most_times,
        p95_ms=round(sorted(times)[int(len(times) * 0.95)] * 1000, 1),
        cpu_ms=_median_ms(cpu),
        database_cpu_ms=round(database_cpu / pairs * 1000, 1) if database_cpu is not None else None,
        sql_ms=sql_ms,
        queries=queries,
        round_trips=round_trips,
        peak_kib=_peak(request),
        answer_kib=len(request().content) // 1024,
    )


def measure_bare(client: Client, *, pairs: int) -> dict[str, Any]:
    path = reverse("bare", args=[1])

    def bare() -> Any:
        return client.get(path)

    for _ in range(5):
        bare()
    queries, round_trips, sql_ms = _asked(bare, replay=True, times=pairs)
    _floor, times, cpu, _database = _interleaved(lambda: None, bare, pairs)
    return {
        "ms": _median_ms(times), "cpu_ms": _median_ms(cpu), "sql_ms": sql_ms, "queries": queries,
        "round_trips": round_trips, "peak_kib": _peak(bare),
    }  # fmt: skip


def _interleaved(
    bare: Callable[[], None], request: Callable[[], Any], pairs: int
) -> tuple[list[float], list[float], list[float], float | None]:
    """In turns, so that what disturbs the machine meanwhile disturbs both."""
    floor_times, times, cpu, database = [], [], [], 0.0
    started = _database_cpu()
    for _ in range(pairs):
        begun = time.perf_counter()
        bare()
        floor_times.append(time.perf_counter() - begun)
        before = _database_cpu()
        begun, begun_cpu = time.perf_counter(), time.process_time()
        request()
        times.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - begun_cpu)
        database += (_database_cpu() or 0) - (before or 0)
    return floor_times, times, cpu, database if started is not None else None


def _asked(request: Callable[[], Any], *, replay: bool, times: int) -> tuple[int, int, float | None]:
    """How many questions a request asks, how many turns they take, and how long they take by themselves."""
    with CaptureQueriesContext(connection) as captured:
        request()
    asked = [query["sql"] for query in captured.captured_queries]
    questions = [sql for sql in asked if not sql.startswith(TURNS)]
    statements: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    if not replay:
        return len(questions), len(asked), None
    with connection.execute_wrapper(keep):
        request()
    return len(questions), len(asked), _median_ms([_replay(statements) for _ in range(times)])


def _replay(statements: list[tuple[str, Any]]) -> float:
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
            if cursor.description:
                cursor.fetchall()
    return time.perf_counter() - begun


def _peak(request: Callable[[], Any]) -> int:
    """Apart from the timing, which it would slow."""
    tracemalloc.start()
    try:
        request()
        return tracemalloc.get_traced_memory()[1] // 1024
    finally:
        tracemalloc.stop()


def _database_cpu() -> float | None:
    """Seconds of processor that our own server process has used, where the system tells (Linux, a local server)."""
    if connection.vendor != "postgresql":
        return None
    with suppress(OSError):
        pid = connection.connection.info.backend_pid
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return None


def _median_ms(times: list[float]) -> float:
    return round(statistics.median(times) * 1000, 1)


def plain(row: Measured) -> dict[str, Any]:
    return asdict(row) | {"work_ms": row.work_ms, "holds": row.holds}
