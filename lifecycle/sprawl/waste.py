"""What stood open at the end of a day, for the trend."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from lifecycle.estate.models import Endpoint
from lifecycle.sprawl.models import Finding, Kind, WasteDay

SUMS = ("saves_cents", "vcpus", "memory_mib", "disk_mib")


def write_day(now: datetime) -> None:
    """Writes today anew, for every endpoint and kind: a day without rows is one on which nothing was looked for."""
    day = now.astimezone(UTC).date()
    standing = Finding.objects.standing().order_by()
    on = Coalesce("machine__endpoint", "disk_file__datastore__endpoint", "image__endpoint")
    sums = {f"sum_{name}": Sum(name, filter=Q(counts=True), default=0) for name in SUMS}
    rows = standing.values("kind", on=on).annotate(findings=Count("pk"), **sums)
    found: dict[tuple[int, str], Mapping[str, Any]] = {(row["on"], row["kind"]): row for row in rows}
    nothing: Mapping[str, Any] = {"findings": 0, **dict.fromkeys(sums, 0)}
    days = []
    for endpoint in Endpoint.objects.order_by("pk").values_list("pk", flat=True):
        for kind in Kind:
            row = found.get((endpoint, kind), nothing)
            amounts = {name: row[f"sum_{name}"] for name in SUMS}
            days.append(WasteDay(day=day, endpoint_id=endpoint, kind=kind, findings=row["findings"], **amounts))
    WasteDay.objects.bulk_create(
        days,
        update_conflicts=True,
        unique_fields=["day", "endpoint", "kind"],
        update_fields=["findings", *SUMS],
    )
