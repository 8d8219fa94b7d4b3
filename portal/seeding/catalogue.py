"""What Nordhafen Werke offers, and at what price."""

from __future__ import annotations

from datetime import date

from lifecycle.audit.actions import HOUSE
from lifecycle.models import Blueprint, Endpoint, Image, Meter, Pool, Size
from lifecycle.money.actions import publish_rate_card

GIB = 1024
SIZES = (
    ("Small", 2, 4, 40),
    ("Medium", 4, 16, 60),
    ("Large", 8, 32, 60),
    ("X-large", 16, 64, 80),
    ("Memory 128", 16, 128, 80),
)
BLUEPRINTS = (
    # image, summary, icon, pool, usual days, longest, grace
    ("Debian 12", "General purpose, updates by policy", "server", "Hamburg general", 90, 365, 14),
    ("Ubuntu 24.04 LTS", "General purpose", "server", "Hamburg general", 90, 365, 14),
    ("PostgreSQL 16", "Backup and monitoring set up", "database", "Hamburg production", 180, 365, 14),
    ("Spark worker", "Joins the batch cluster", "boxes", "Hamburg general", 30, 180, 7),
    ("Lab scratch", "14 days at most, nobody needs to decide", "flask-conical", "Lab", 7, 14, 3),
)
CLOUD_INIT = {"Debian 12", "Ubuntu 24.04 LTS", "Lab scratch"}
"""Images whose machines can be told something at their first start."""
PRICES = {Meter.VCPU: (7_300_000, 1), Meter.MEMORY: (1_909_375, GIB), Meter.DISK: (160_000, GIB)}


def fill(endpoint: Endpoint, *, prices_from: date) -> None:
    publish_rate_card(f"{prices_from:%Y}-{prices_from.month}", prices_from, PRICES, by=HOUSE)
    sizes = {
        name: Size.objects.create(name=name, vcpus=vcpus, memory_mib=memory * GIB, disk_mib=disk * GIB)
        for name, vcpus, memory, disk in SIZES
    }
    for position, (image, summary, icon, pool, usual, longest, grace) in enumerate(BLUEPRINTS):
        blueprint = Blueprint.objects.create(
            name=image,
            summary=summary,
            icon=icon,
            image=Image.objects.get(endpoint=endpoint, name=image),
            pool=Pool.objects.get(endpoint=endpoint, name=pool),
            approval=Blueprint.Approval.NONE if longest <= 14 else Blueprint.Approval.SUPERVISOR,
            cloud_init=image in CLOUD_INIT,
            position=position,
            default_days=usual,
            max_days=longest,
            grace_days=grace,
        )
        offered = ("Small", "Medium") if pool == "Lab" else sizes
        blueprint.sizes.set([sizes[name] for name in offered])
