"""Reading the catalogue."""

from __future__ import annotations

from django.db.models import QuerySet

from lifecycle.catalog.models import Blueprint


def offered() -> QuerySet[Blueprint]:
    """What can be ordered today, with its sizes, in two queries."""
    return (
        Blueprint.objects.filter(offered=True, image__gone=False, pool__gone=False)
        .select_related("image", "pool", "pool__endpoint")
        .prefetch_related("sizes")
    )
