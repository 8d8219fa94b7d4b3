"""Each machine's waste counts once: in the first class that it has, that gives something back and is not exempt."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Case, F, IntegerField, Q, Value, When, Window
from django.db.models.functions import RowNumber

from lifecycle.sprawl.chunks import in_chunks
from lifecycle.sprawl.models import Finding, Kind

RANK = Case(
    *[When(kind=kind, then=Value(place)) for place, kind in enumerate(Kind)],
    default=Value(len(Kind)),
    output_field=IntegerField(),
)
# A class without waste of its own ("no end date") hides no other's.
GIVES_NOTHING = Case(When(vcpus=0, memory_mib=0, disk_mib=0, then=Value(1)), default=Value(0))


def settle(among: Q | None = None) -> None:
    """Sets `counts` of what stands open, or of some subjects. Two queries where nothing changed."""
    opened = Finding.objects.filter(among or Q(), ended_at=None).order_by()
    _set(opened.filter(exemption__isnull=False, counts=True).values_list("pk", flat=True), False)
    # The subjects of other columns are their own, and have one kind each.
    place = Window(
        RowNumber(),
        partition_by=[F("machine"), F("disk_file"), F("image")],
        order_by=[GIVES_NOTHING.asc(), RANK.asc()],
    )
    placed = opened.filter(exemption=None).annotate(place=place)
    # Both in one condition: what stands beside it would be asked before places are given.
    wrong = list(
        placed.filter(Q(place=1, counts=False) | Q(place__gt=1, counts=True)).values_list("pk", "counts").iterator()
    )
    for counts in (True, False):
        _set([pk for pk, before in wrong if before == counts], not counts)


def _set(pks: Iterable[int], counts: bool) -> None:
    for chunk in in_chunks(pks):
        Finding.objects.filter(pk__in=chunk).update(counts=counts)
