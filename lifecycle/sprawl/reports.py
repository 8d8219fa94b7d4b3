"""Findings as lists and reports ask for them: filters, orders, totals, and all of them to take away."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.estate.models import Machine
from lifecycle.estate.search import with_words
from lifecycle.people.models import User
from lifecycle.sprawl.models import Finding

AGES: dict[str, tuple[int, int | None]] = {
    "week": (0, 7),
    "month": (7, 30),
    "quarter": (30, 90),
    "year": (90, 365),
    "older": (365, None),
}
"""Days since the cause began: at least the first, less than the second."""
ORDERS: dict[str, tuple[str, ...]] = {
    "cost": ("-cents_per_month", "-id"),
    "savings": ("-saves_cents", "-id"),
    "since": ("since", "id"),
}
"""Keysets: the dearest, what gives back most, the oldest first."""
SHOWN = (
    "machine__endpoint", "machine__pool", "machine__holder__team", "machine__team",
    "disk_file__datastore__endpoint", "image__endpoint", "exemption",
)  # fmt: skip
CHUNK = 500


@dataclass(frozen=True)
class Wanted:
    """Which open findings are asked for. What is left empty does not narrow them."""

    kind: str = ""
    endpoint: int | None = None
    pool: int | None = None
    team: int | None = None
    """Whose machine it is: the team's that holds it, or the team of the person who does."""
    nobody: bool = False
    """Instead of a team: what neither a team nor a person in one holds."""
    holders: Collection[int] | None = None
    """Ids of people; no ids at all: nobody fits."""
    confidence: int | None = None
    age: str = ""
    min_cents: int | None = None
    """What it costs a month, at least."""
    exempt: str = ""
    """Empty: none of those; `with`: these too; `only`: nothing else."""
    q: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Of findings: how many they are, and what those that count could give back."""

    findings: int = 0
    counted: int = 0
    """How many of them count; the others are on machines whose waste counts in another class."""
    cents_per_month: int = 0
    saves_cents: int = 0
    vcpus: int = 0
    memory_mib: int = 0
    disk_mib: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


SUMS = {
    "findings": Count("pk"),
    "counted": Count("pk", filter=Q(counts=True)),
} | {
    name: Coalesce(Sum(name, filter=Q(counts=True)), 0, output_field=models.BigIntegerField())
    for name in ("cents_per_month", "saves_cents", "vcpus", "memory_mib", "disk_mib")
}


def findings(user: User, wanted: Wanted, *, now: datetime | None = None) -> QuerySet[Finding]:
    """Open findings that this person may see and that fit, in no order."""
    found: QuerySet[Finding] = Finding.objects.visible_to(user).filter(ended_at=None).order_by()
    if wanted.exempt != "with":
        found = found.filter(exemption__isnull=wanted.exempt != "only")
    plain = {"kind": wanted.kind, "confidence": wanted.confidence, "machine__pool": wanted.pool}
    found = found.filter(*_places(wanted), *_people(wanted), **{name: value for name, value in plain.items() if value})
    if wanted.age:
        found = found.filter(**within(wanted.age, now or clock.now()))
    if wanted.min_cents:
        found = found.filter(cents_per_month__gte=wanted.min_cents)
    return _with_words(found, wanted.q)


def totals(found: QuerySet[Finding]) -> Totals:
    """One query."""
    return Totals(**found.aggregate(**SUMS))


def age_of(since: datetime, now: datetime) -> str:
    """The key of AGES that a finding falls into."""
    days = (now - since) / timedelta(days=1)
    return next(key for key, (_low, high) in AGES.items() if high is None or days < high)


def hand_out(wanted: Wanted, *, form: str, asked: dict[str, str], by: User) -> Iterator[list[Finding]]:
    """Findings to take away, in chunks of short queries: none holds a snapshot while a reader is slow.

    Who took them, and what was asked for, is recorded before the first.
    """
    with transaction.atomic():
        record("findings.exported", by, by=by, form=form, asked=asked)
    return _in_chunks(findings(by, wanted))


def _in_chunks(found: QuerySet[Finding]) -> Iterator[list[Finding]]:
    """By their ids, which do not change meanwhile as prices do."""
    last, found = 0, found.order_by("id")
    while ids := list(found.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        rows = Finding.objects.select_related(*SHOWN).in_bulk(ids)
        yield [rows[pk] for pk in ids if pk in rows]
        last = ids[-1]


def _places(wanted: Wanted) -> Iterator[Q]:
    if wanted.endpoint:
        yield (
            Q(machine__endpoint=wanted.endpoint)
            | Q(disk_file__datastore__endpoint=wanted.endpoint)
            | Q(image__endpoint=wanted.endpoint)
        )


def _people(wanted: Wanted) -> Iterator[Q]:
    if wanted.nobody:
        yield Q(machine__team=None) & (Q(machine__holder=None) | Q(machine__holder__team=None))
    elif wanted.team:
        yield Q(machine__team=wanted.team) | Q(machine__team=None, machine__holder__team=wanted.team)
    if wanted.holders is not None:
        yield Q(machine__holder__in=wanted.holders)


def within(age: str, now: datetime) -> dict[str, Any]:
    low, high = AGES[age]
    bounds = {"since__lte": now - timedelta(days=low)} if low else {}
    return bounds | ({"since__gt": now - timedelta(days=high)} if high else {})


def _with_words(found: QuerySet[Finding], q: str) -> QuerySet[Finding]:
    """Words of the machine, as lists of machines are searched; of files and images, their name."""
    words = q.replace("\0", "").split()[:6]
    if not words:
        return found
    named = Q(*(Q(disk_file__name__icontains=word) for word in words)) | Q(
        *(Q(image__name__icontains=word) for word in words)
    )
    machines = with_words(Machine.objects.order_by(), q)
    return found.filter(Q(machine__in=machines.values("pk")) | named)
