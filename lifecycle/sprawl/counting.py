"""Each machine's waste counts once: in the first class that it has, that gives something back and is not exempt."""

from __future__ import annotations

from django.db.models import Case, F, IntegerField, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from lifecycle.sprawl.models import Finding, Kind

CHUNK = 1000

RANK = Case(
    *[When(kind=kind, then=Value(place)) for place, kind in enumerate(Kind)],
    default=Value(len(Kind)),
    output_field=IntegerField(),
)
# A class without waste of its own ("no end date") hides no other's.
GIVES_NOTHING = Case(When(vcpus=0, memory_mib=0, disk_mib=0, then=Value(1)), default=Value(0))


def settle() -> None:
    """Sets `counts` of everything open. Three queries where nothing changed."""
    opened = Finding.objects.filter(ended_at=None).order_by()
    _set(opened.filter(exemption__isnull=False, counts=True), False)
    # The subjects of other columns are their own, and have one kind each.
    place = Window(
        RowNumber(),
        partition_by=[F("machine"), F("disk_file"), F("image")],
        order_by=[GIVES_NOTHING.asc(), RANK.asc()],
    )
    placed = opened.filter(exemption=None).annotate(place=place)
    _set(placed.filter(counts=True, place__gt=1), False)
    _set(placed.filter(counts=False, place=1), True)


def _set(findings: QuerySet[Finding], counts: bool) -> None:
    pks = list(findings.values_list("pk", flat=True))
    for start in range(0, len(pks), CHUNK):
        Finding.objects.filter(pk__in=pks[start : start + CHUNK]).update(counts=counts)
