"""Machines that nobody holds: there, seen often enough, and not managed by something else."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from lifecycle.errors import Invalid
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.sprawl.detectors import Candidate

log = logging.getLogger(__name__)

IDLE_COUNTS_AFTER = timedelta(days=1)


def detect(now: datetime) -> Iterable[Candidate]:
    # One scan that missed it proves nothing yet: until it counts as missing, it is the orphan that it was.
    doubtful = Q(stage=Stage.DISCOVERED, managed_by="", scans_missed__lt=settings.MISSING_AFTER_SCANS)
    ownerless = Machine.objects.ownerless() | Machine.objects.filter(doubtful)
    seen = ownerless.filter(scans_seen__gte=settings.ORPHAN_AFTER_SCANS)
    machines = list(seen.select_related("endpoint", "pool").order_by("pk"))
    cents = _cents(machines)
    return [Candidate(machine.pk, cents.get(machine.pk, 0), _evidence(machine, now)) for machine in machines]


def _cents(machines: list[Machine]) -> dict[int, int]:
    """What a holder would pay: a stopped machine costs its disks, as everywhere."""
    try:
        return monthly_cents_of(
            [machine if machine.power == Power.ON else _only_disks(machine) for machine in machines]
        )
    except Invalid as error:
        # Without prices an orphan is still an orphan.
        log.warning("Orphans have no price: %s", error)
        return {}


def _only_disks(machine: Machine) -> Machine:
    return Machine(pk=machine.pk, vcpus=0, memory_mib=0, disk_mib=machine.disk_mib)


def _evidence(machine: Machine, now: datetime) -> list[dict[str, str]]:
    found = {
        "created_by": machine.created_by,
        "created_at": _moment(machine.created_at),
        "note": cut(machine.note, 500),
        "guest_name": machine.guest_name,
        "addresses": ", ".join(machine.addresses),
        "first_seen_at": _moment(machine.first_seen_at),
        "power": machine.power,
        "idle_since": _moment(_idle_since(machine, now)),
        "endpoint": machine.endpoint.name,
        "pool": machine.pool.name if machine.pool else "",
    }
    return [{"what": what, "value": value} for what, value in found.items() if value]


def _idle_since(machine: Machine, now: datetime) -> datetime | None:
    """An hour of quiet says nothing about whether a machine is needed; a day may."""
    since = machine.idle_since
    return since if since and now - since >= IDLE_COUNTS_AFTER else None


def _moment(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
