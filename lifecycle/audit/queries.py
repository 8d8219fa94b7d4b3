"""Reading the record."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from django.db import models
from django.db.models import F, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan

from lifecycle.audit.models import Entry

EARLIEST, LATEST = date(1970, 1, 1), date(8999, 12, 31)
"""Days beyond are taken for these: nothing was recorded then, and no zone's midnight lies outside the calendar."""


def history_of(subject: models.Model) -> models.QuerySet[Entry]:
    """Everything that was done to one object, newest first."""
    return Entry.objects.filter(object_type=subject._meta.model_name, object_id=subject.pk)


@dataclass(frozen=True)
class Wanted:
    """What of the record is asked for. What is left empty does not narrow it."""

    actors: Collection[int] | None = None
    """Ids of people; no ids at all: nobody fits."""
    house: bool = False
    """With `actors`: what the portal did by itself, too."""
    verb: str = ""
    """`lease.extended`, or `lease` for all that happens to leases."""
    about: str = ""
    """Kind of object: `machine`."""
    object_id: int | None = None
    name: str = ""
    """The beginning of the object's name, as it stood; any case."""
    since: date | None = None
    until: date | None = None
    """The last day that counts."""


def entries(wanted: Wanted, *, zone: tzinfo) -> models.QuerySet[Entry]:
    """Newest first. Days are those of the zone."""
    found = Q()
    if wanted.actors is not None:
        found &= Q(actor_id__in=wanted.actors) | (Q(actor_id=None) if wanted.house else Q(pk__in=[]))
    if wanted.verb:
        found &= Q(verb=wanted.verb) if "." in wanted.verb else Q(area=wanted.verb)
    if wanted.about:
        found &= Q(object_type=wanted.about)
    if wanted.object_id is not None:
        found &= Q(object_id=wanted.object_id)
    if wanted.name:
        found &= Q(object_name__istartswith=wanted.name)
    if wanted.since:
        found &= Q(at__gte=_midnight(wanted.since, zone))
    if wanted.until:
        found &= Q(at__lt=_midnight(wanted.until, zone, days=1))
    return Entry.objects.filter(found).order_by("-at", "-id")


def _midnight(day: date, zone: tzinfo, *, days: int = 0) -> datetime:
    return datetime.combine(min(max(day, EARLIEST), LATEST) + timedelta(days), time.min, zone)


def in_chunks(rows: models.QuerySet[Entry], *, size: int = 1000) -> Iterator[list[Entry]]:
    """All of `rows`, newest first, in short queries: none holds a snapshot of the database while a reader is slow.

    What is recorded meanwhile is not among them.
    """
    after: tuple[datetime, int] | None = None
    last = Entry.objects.order_by("-pk").values_list("pk", flat=True).first()
    rows = rows.filter(pk__lte=last or 0).order_by("-at", "-id")
    while True:
        # The plain bound is for SQLite, which does not use the tuple for the index.
        further = (
            rows if after is None else rows.filter(TupleLessThan(Tuple(F("at"), F("id")), after), at__lte=after[0])
        )
        chunk = list(further[:size])
        if chunk:
            yield chunk
        if len(chunk) < size:
            return
        after = chunk[-1].at, chunk[-1].pk
