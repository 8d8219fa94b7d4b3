"""The figures of the installation in Prometheus' words, read from the database each time they are asked for.

Several processes do the work, and any of several answers: what one of them counted by itself would be a part. Labels
name endpoints, hosts of workers and words of ours; never machines or people, of which there are many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Now
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lifecycle.estate.models import Endpoint
from lifecycle.literals import Literal
from lifecycle.notices.models import Notice
from lifecycle.operations import measures
from lifecycle.operations.models import Brake
from lifecycle.operations.queries import SWEEP, WORKER, abandoned
from lifecycle.requests.models import Request

totals = measures.Totals()

Work = Counter[tuple[int, str, str, str, bool]]
Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""Values of the labels and the figure; where there is none, nothing is told."""


def exposition() -> bytes:
    registry = CollectorRegistry()
    registry.register(Figures())
    return generate_latest(registry)


class Figures(Collector):
    def collect(self) -> Iterator[Metric]:
        # Endpoints last: then all that has work is among them.
        work, ended = measures.open_work(), totals.read()
        rows = Endpoint.objects.annotate(here=Now()).order_by("name").values(*ENDPOINT, "here")
        endpoints = {row["pk"]: row for row in rows}
        names = {pk: str(row["name"]) for pk, row in endpoints.items()}
        yield from _operations(work, names)
        done = (((names[pk], kind, outcome), count) for (pk, kind, outcome), count in ended.items())
        yield _counter("operations_ended", "Operations that ended.", done, "endpoint", "kind", "outcome")
        happened = (((name,), count) for name, count in measures.incidents().items())
        yield _counter("operation_incidents", "What should be rare with operations.", happened, "incident")
        yield _gauge("paused", "1 while everything is paused.", _one(Brake.objects.exists()))
        yield from _endpoints(list(endpoints.values()))
        yield from _heartbeats()
        yield from _people()


def _operations(work: Work, names: dict[int, str]) -> Iterator[Metric]:
    states: Counter[tuple[str, ...]] = Counter()
    reasons: Counter[tuple[str, ...]] = Counter()
    lost = 0
    for (endpoint, kind, state, reason, claim_ran_out), count in work.items():
        states[names[endpoint], kind, state] += count
        lost += count * claim_ran_out
        if reason:
            reasons[names[endpoint], reason] += count
    yield _gauge("operations_open", "Operations that wait or run.", states.items(), "endpoint", "kind", "state")
    yield _gauge("operations_held", "Open operations by what they wait for.", reasons.items(), "endpoint", "reason")
    yield _gauge("operations_lost_claims", "Open operations whose claim ran out, not taken over yet.", _one(lost))
    oldest = _one(measures.oldest_due())
    yield _gauge("operations_oldest_due_seconds", "How long due work has waited that nothing holds.", oldest)
    found = _one(abandoned().count())
    yield _gauge("machines_abandoned", "Machines on their way to a stage that no open work takes them to.", found)


ENDPOINT = ("pk", "name", "mode", "failures", "failing_since", "rests_until", "parallel", "scanned_at", "scans")
Row = dict[str, Any]
PER_ENDPOINT: list[tuple[str, str, Callable[[Row], float | None]]] = [
    ("resting", "1 while it is left alone because it did not answer.", lambda row: (_age(row, "rests_until") or 0) < 0),
    ("failures", "Failures in a row; 0 when it answers.", lambda row: row["failures"]),
    (
        "failing_seconds",
        "For how long it has not answered; 0 when it does.",
        lambda row: _age(row, "failing_since") or 0,
    ),
    ("operations_limit", "How many operations may run on it at a time.", lambda row: row["parallel"]),
    ("scan_age_seconds", "Age of its last complete scan, once there was one.", lambda row: _age(row, "scanned_at")),
]


def _endpoints(rows: list[Row]) -> Iterator[Metric]:
    modes = (((row["name"], mode.value), row["mode"] == mode) for row in rows for mode in Endpoint.Mode)
    yield _gauge("endpoint_mode", "1 for the mode that it is in.", modes, "endpoint", "mode")
    for name, words, figure in PER_ENDPOINT:
        yield _gauge(f"endpoint_{name}", words, (((row["name"],), figure(row)) for row in rows), "endpoint")
    scans = (((row["name"],), row["scans"]) for row in rows)
    yield _counter("endpoint_scans", "Its complete scans.", scans, "endpoint")


def _heartbeats() -> Iterator[Metric]:
    found = measures.heartbeats()
    workers = [((name.removeprefix(WORKER),), age, ahead) for name, age, ahead in found if name.startswith(WORKER)]
    sweep = (((), age) for name, age, _ahead in found if name == SWEEP)
    ages = ((host, age) for host, age, _ahead in workers)
    skews = ((host, ahead) for host, _age, ahead in workers)
    yield _gauge("sweep_age_seconds", "Since the last sweep, once there was one.", sweep)
    yield _gauge("worker_age_seconds", "Since a host's worker last took work or said it would.", ages, "worker")
    yield _gauge("worker_clock_ahead_seconds", "How far its clock is ahead of the database's.", skews, "worker")


def _people() -> Iterator[Metric]:
    requests = Request.objects.filter(state=Literal(Request.State.WAITING.value)).count()
    yield _gauge("requests_waiting", "Requests that wait for a decision.", _one(requests))
    waiting, given_up = Count("pk", filter=~Q(next_try_at=None)), Count("pk", filter=Q(next_try_at=None))
    unsent = Notice.objects.filter(sent_at=None).aggregate(waiting=waiting, given_up=given_up)
    notices = (((state,), count) for state, count in unsent.items())
    yield _gauge("notices_unsent", "Notices that did not leave by mail.", notices, "state")


def _age(row: Row, name: str) -> float | None:
    """Seconds by the database's clock; negative for what is still to come."""
    then: datetime | None = row[name]
    return (row["here"] - then).total_seconds() if then else None


def _one(figure: float) -> Samples:
    return [((), figure)]


def _gauge(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(f"leasehold_{name}", words, labels=labels), samples)


def _counter(name: str, words: str, samples: Samples, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(f"leasehold_{name}", words, labels=labels), samples)


def _filled(family: Any, samples: Samples) -> Metric:
    for labels, figure in samples:
        if figure is not None:
            family.add_metric(labels, figure)
    return family
