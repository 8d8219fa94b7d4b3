"""Reading the catalogue."""

from __future__ import annotations

from django.db.models import QuerySet

from lifecycle.catalog.models import Blueprint
from lifecycle.estate.connections import can


def offered() -> QuerySet[Blueprint]:
    """What can be ordered today, with its sizes, in two queries."""
    return (
        Blueprint.objects.filter(offered=True, image__gone=False, pool__gone=False)
        .select_related("image", "pool", "pool__endpoint")
        .prefetch_related("sizes")
    )


def takes_seed(blueprint: Blueprint) -> bool:
    """Whether its machines take host name, SSH keys and user data: the image reads them, the endpoint brings them."""
    return blueprint.cloud_init and can(blueprint.pool.endpoint, "seed")
