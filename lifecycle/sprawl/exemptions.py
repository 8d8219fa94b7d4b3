"""What is exempt from findings: which exemption holds for which."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import Q, QuerySet

from lifecycle.sprawl.chunks import in_chunks
from lifecycle.sprawl.models import Exemption, Finding
from lifecycle.sprawl.subjects import column_of

COLUMNS = ("machine", "disk_file", "image", "pool")


def in_force(now: datetime) -> QuerySet[Exemption]:
    return Exemption.objects.filter(ended_at=None, ends_at__gt=now)


class InForce:
    """All exemptions that hold now, at once: they are written by hand, so there are few."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._of: defaultdict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        # The one that lasts longest first.
        for pk, kind, *ids in in_force(now).order_by("-ends_at", "-pk").values_list("pk", "kind", *COLUMNS):
            for column, subject in zip(COLUMNS, ids, strict=True):
                if subject:
                    self._of[column, subject].append((kind, pk))

    def of(self, kind: str, subject: int, *, pool: int | None) -> int | None:
        """The id of the exemption that holds for this kind of finding about this subject."""
        places = [(column_of(kind), subject), ("pool", pool or 0)]
        return next((pk for place in places for exempt, pk in self._of.get(place, ()) if exempt in {"", kind}), None)


def settle(exempt: InForce) -> None:
    """Hides open findings that an exemption holds for, and shows those whose exemption ended."""
    wanted: defaultdict[int | None, list[int]] = defaultdict(list)
    for pk, kind, now, pool, *subjects in _touched(exempt.now).iterator():
        subject = next(subject for subject in subjects if subject)
        if (rightly := exempt.of(kind, subject, pool=pool)) != now:
            wanted[rightly].append(pk)
    for exemption, pks in wanted.items():
        for chunk in in_chunks(pks):
            Finding.objects.filter(pk__in=chunk).update(exemption=exemption)


def _touched(now: datetime) -> QuerySet[Finding, tuple[int, str, int | None, int | None, int | None]]:
    """Open findings that are exempt, or whose subject or pool is."""
    holding = in_force(now).order_by()
    exempt = Q(exemption__isnull=False) | Q(
        machine__pool__in=holding.filter(pool__isnull=False).values("pool"),
    )
    for column in ("machine", "disk_file", "image"):
        exempt |= Q((f"{column}__in", holding.filter((f"{column}__isnull", False)).values(column)))
    columns = ("pk", "kind", "exemption", "machine__pool", "machine", "disk_file", "image")
    return Finding.objects.filter(exempt, ended_at=None).order_by().values_list(*columns)
