"""Machines with the same UUID or the same MAC address: clones that were not made distinct.

Rows of two endpoints may be one machine that has just moved: they are two only where each endpoint saw its own after
both were known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count

from lifecycle.estate.models import Machine, Nic
from lifecycle.sprawl.detectors import Candidate, evidence
from lifecycle.sprawl.models import Confidence
from lifecycle.sprawl.subjects import FLAGGED

NAMED = 10
"""So many others are named."""
NO_MAC = ("", "00:00:00:00:00:00")


class Twin(NamedTuple):
    same: UUID | str
    machine: int
    name: str
    endpoint: int
    endpoint_name: str
    first_seen_at: datetime | None
    swept_at: datetime | None


def detect(now: datetime) -> Iterator[Candidate]:
    of_uuid, of_mac = _twins(_same_uuid()), _twins(_same_mac())
    for machine in of_uuid.keys() | of_mac.keys():
        by_uuid, by_mac = of_uuid.get(machine, []), of_mac.get(machine, [])
        twins = by_uuid or by_mac
        yield Candidate(
            machine,
            max((twin.first_seen_at for twin in twins if twin.first_seen_at), default=now),
            evidence(
                same_uuid=_named(by_uuid),
                uuid=str(by_uuid[0].same) if by_uuid else "",
                same_mac=_named(by_mac),
                mac=str(by_mac[0].same) if by_mac else "",
            ),
            confidence=Confidence.CERTAIN if by_uuid else Confidence.LIKELY,
        )


def _same_uuid() -> Iterable[Twin]:
    there = Machine.objects.filter(stage__in=FLAGGED, missing_since=None).order_by()
    several = there.values("uuid").annotate(machines=Count("pk")).filter(machines__gt=1)
    rows = there.filter(uuid__in=several.values("uuid")).order_by("uuid", "pk")
    columns = ("uuid", "pk", "name", "endpoint", "endpoint__name", "first_seen_at", "endpoint__swept_at")
    return (Twin(*row) for row in rows.values_list(*columns).iterator())


def _same_mac() -> Iterable[Twin]:
    there = Nic.objects.filter(machine__stage__in=FLAGGED, machine__missing_since=None).exclude(mac__in=NO_MAC)
    several = there.order_by().values("mac").annotate(machines=Count("machine", distinct=True)).filter(machines__gt=1)
    rows = there.filter(mac__in=several.values("mac")).order_by("mac", "machine").distinct()
    of_machine = ("pk", "name", "endpoint", "endpoint__name", "first_seen_at", "endpoint__swept_at")
    return (Twin(*row) for row in rows.values_list("mac", *(f"machine__{name}" for name in of_machine)).iterator())


def _twins(rows: Iterable[Twin]) -> dict[int, list[Twin]]:
    """Machine -> itself, as one of several, and some of the others."""
    found: dict[int, list[Twin]] = {}
    for _same, group in groupby(rows, key=lambda twin: twin.same):
        twins = list(group)
        for twin in twins:
            others = islice((other for other in twins if other is not twin and _both_there(twin, other)), NAMED)
            if named := list(others):
                found.setdefault(twin.machine, [twin, *named])
    return found


def _both_there(one: Twin, other: Twin) -> bool:
    if one.endpoint == other.endpoint:
        return True
    known = [twin.first_seen_at for twin in (one, other) if twin.first_seen_at]
    return all(
        twin.swept_at is not None and twin.swept_at >= max(known, default=twin.swept_at) for twin in (one, other)
    )


def _named(twins: list[Twin]) -> str:
    return ", ".join(f"{twin.name} ({twin.endpoint_name})" for twin in twins[1:])
