"""The orphan report and its totals."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Coalesce

from lifecycle.estate.models import Endpoint, Machine, Stage
from lifecycle.people.models import User
from lifecycle.sprawl.models import Finding, Kind

WORDS = 6


@dataclass(frozen=True, slots=True)
class Totals:
    count: int
    cents_per_month: int


def orphans(user: User, *, q: str = "", endpoint: Endpoint | None = None) -> QuerySet[Finding]:
    """Machines that nobody holds now, dearest first. Keyset: (-cents_per_month, id)."""
    # The stage too: what was adopted a moment ago is no orphan, though the next scan has yet to say so.
    found: QuerySet[Finding] = (
        Finding.objects.visible_to(user).standing().filter(kind=Kind.ORPHAN, machine__stage=Stage.DISCOVERED)
    )
    if endpoint is not None:
        found = found.filter(machine__endpoint=endpoint)
    for word in q.replace("\0", "").split()[:WORDS]:
        found = _with_word(found, word)
    return found.select_related("machine__endpoint", "machine__pool").order_by("-cents_per_month", "id")


def totals(user: User, *, q: str = "", endpoint: Endpoint | None = None) -> Totals:
    """How many there are, and what they cost a month together."""
    sums = orphans(user, q=q, endpoint=endpoint).aggregate(
        count=Count("pk"), cents_per_month=Coalesce(Sum("cents_per_month"), 0)
    )
    return Totals(**sums)


def open_findings_of(machine: Machine) -> QuerySet[Finding]:
    """What is wrong with one machine at this moment."""
    return Finding.objects.filter(machine=machine, ended_at=None)


def _with_word(found: QuerySet[Finding], word: str) -> QuerySet[Finding]:
    wanted = Q(address_text__icontains=word)
    for column in ("name", "guest_name", "note", "created_by"):
        wanted |= Q((f"machine__{column}__icontains", word))
    return found.alias(address_text=Cast("machine__addresses", TextField())).filter(wanted)
