"""Machines with snapshots that are old, or that stand on top of each other: they grow, and slow the machine down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Coalesce

from lifecycle.estate.models import Snapshot
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.subjects import present_machines
from lifecycle.sprawl.thresholds import Limits, by_machines


@dataclass(frozen=True, slots=True)
class Taken:
    machine: int
    ref: str
    parent: str
    name: str
    at: datetime


def detect(now: datetime) -> Iterator[Candidate]:
    for limits, machines in by_machines():
        for machine, group in groupby(_snapshots(limits, machines, now), key=lambda taken: taken.machine):
            if candidate := _judge(machine, list(group), limits, now):
                yield candidate


def _snapshots(limits: Limits, machines: Q, now: datetime) -> Iterator[Taken]:
    """All snapshots of the machines that have an old one, or enough for a chain."""
    taken = Snapshot.objects.order_by().alias(at=Coalesce("created_at", "first_seen_at"))
    old = taken.filter(at__lte=now - timedelta(days=limits.snapshot_days)).values("machine")
    many = taken.values("machine").annotate(of_it=Count("pk")).filter(of_it__gte=limits.snapshot_chain)
    meant = present_machines().filter(machines).filter(Q(pk__in=old) | Q(pk__in=many.values("machine")))
    rows: QuerySet[Snapshot, tuple[int, str, str, str, datetime]] = (
        Snapshot.objects.filter(machine__in=meant.values("pk"))
        .order_by("machine", "pk")
        .annotate(at=Coalesce(F("created_at"), F("first_seen_at")))
        .values_list("machine", "ref", "parent_ref", "name", "at")
    )
    return (Taken(*row) for row in rows.iterator())


def _judge(machine: int, taken: list[Taken], limits: Limits, now: datetime) -> Candidate | None:
    oldest, chain = min(taken, key=lambda one: (one.at, one.ref)), longest_chain(taken)
    too_old = oldest.at <= now - timedelta(days=limits.snapshot_days)
    if not too_old and chain < limits.snapshot_chain:
        return None
    return Candidate(
        machine,
        oldest.at,
        evidence(
            snapshots=str(len(taken)),
            oldest_snapshot=oldest.name,
            oldest_snapshot_at=moment(oldest.at),
            snapshot_chain=str(chain) if chain >= limits.snapshot_chain else "",
            snapshot_size="unknown",
        ),
    )


def longest_chain(taken: list[Taken]) -> int:
    """How many snapshots stand on top of each other, at most. Parents that are not there, or in a circle, end it."""
    parents = {one.ref: one.parent for one in taken}
    depths: dict[str, int] = {}
    for start in taken:
        path, ref = [], start.ref
        while ref in parents and ref not in depths and ref not in path:
            path.append(ref)
            ref = parents[ref]
        below = depths.get(ref, 0)
        depths.update((passed, below + number) for number, passed in enumerate(reversed(path), 1))
    return max(depths.values(), default=0)
