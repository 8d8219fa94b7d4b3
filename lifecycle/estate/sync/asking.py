"""What an endpoint is asked: for everything, or for what changed since the last look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings

from hypervisors.contract import Hypervisor, Inventory, MachineFacts
from lifecycle.estate.connections import can, connect
from lifecycle.estate.models import Endpoint, Scan, SyncToken


@dataclass(slots=True)
class Answer:
    version: str
    complete: bool
    machines: Sequence[MachineFacts]
    gaps: Sequence[str]
    token: str
    """Where the next look for changes begins."""
    everything: bool = True
    gone: Sequence[str] = ()
    parts: Inventory | None = None
    """All but the machines; None: it was not asked for them."""


def mode(endpoint: Endpoint, *, full: bool) -> tuple[Scan.Mode, str]:
    """Changes where that is enough, and the token that they begin at."""
    every = timedelta(minutes=settings.FULL_SCAN_EVERY_MINUTES)
    late = endpoint.full_scan_at is None or datetime.now(UTC) - endpoint.full_scan_at >= every
    if full or late or not can(endpoint, "changes"):
        return Scan.Mode.FULL, ""
    token = SyncToken.objects.filter(endpoint=endpoint).values_list("token", flat=True).first() or ""
    return (Scan.Mode.CHANGES, token) if token else (Scan.Mode.FULL, "")


def keep_token(endpoint: Endpoint, token: str) -> None:
    """An empty one: the next look asks for everything."""
    if token:
        SyncToken.objects.update_or_create(endpoint=endpoint, defaults={"token": token})
    else:
        SyncToken.objects.filter(endpoint=endpoint).delete()


def ask(endpoint: Endpoint, token: str) -> Answer:
    with connect(endpoint, read_only=True) as hypervisor:
        return _changes(hypervisor, token) if token else _everything(hypervisor)


def _everything(hypervisor: Hypervisor) -> Answer:
    version, told = hypervisor.check(), hypervisor.inventory()
    # Apart from the machines, which are let go of one by one.
    return Answer(
        version, told.complete, told.machines, told.gaps, told.token, parts=replace(told, machines=())
    )  # fmt: skip


def _changes(hypervisor: Hypervisor, token: str) -> Answer:
    version, told = hypervisor.check(), hypervisor.changes(token)
    return Answer(
        version, told.complete, told.machines, told.gaps, told.token, everything=told.whole, gone=told.gone
    )  # fmt: skip
