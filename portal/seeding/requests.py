"""What is asked for just now: made by the same actions that the pages call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lifecycle import clock
from lifecycle.models import Blueprint, Request, Size, User
from lifecycle.requests.actions import refuse, submit

WAITING = (
    ("pzielinski", "Debian 12", "Medium", "etl-replay", "Replays the October loads after the schema change.", 60),
    ("sokafor", "Spark worker", "X-large", "stream-agg-01", "Kafka Streams aggregation for the fraud dashboards.", 90),
    ("mfischer", "PostgreSQL 16", "Large", "feature-store-db", "Database of the feature store trial.", 120),
    ("jpetersen", "Ubuntu 24.04 LTS", "Small", "shop-preview-9", "Preview of the winter pages for the editors.", 30),
)
REFUSED = (
    "lbrandt",
    "Debian 12",
    "Memory 128",
    "graph-trial",
    "A look at graph databases.",
    300,
    "Take Large and four weeks first.",
)


def fill(people: dict[str, User]) -> None:
    for login, blueprint, size, name, purpose, days in WAITING:
        _submit(people[login], blueprint, size, name, purpose, days)
    login, blueprint, size, name, purpose, days, comment = REFUSED
    refused = _submit(people[login], blueprint, size, name, purpose, days)
    supervisor = people[login].supervisor
    if supervisor is not None:
        refuse(refused, by=supervisor, comment=comment)


def _submit(person: User, *what: Any) -> Request:
    blueprint, size, name, purpose, days = what
    return submit(
        blueprint=Blueprint.objects.select_related("image", "pool__endpoint").get(name=blueprint),
        size=Size.objects.get(name=size),
        name=name,
        purpose=purpose,
        last_day=(clock.now() + timedelta(days=days)).astimezone(person.tz).date(),
        key=f"demo:{name}",
        by=person,
    )
