"""Leases with a past: some young, some near their end, some past it, some stopped and kept."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from hypervisors.simulated.datacentre import DataCentre
from hypervisors.simulated.populate import Resident
from lifecycle.audit.actions import HOUSE
from lifecycle.audit.models import Entry
from lifecycle.estate import history
from lifecycle.estate.models import FAR
from lifecycle.leases.actions import Terms, begin
from lifecycle.models import Lease, Machine, Power, Stage, User

LONGEST = timedelta(days=150)
TERMS = Terms(max_days=730, grace_days=14)
# How a machine of the story stands: days until its end, or until its removal once it is stopped.
STORY = {
    "spark-bench-01": 7, "jupyter-lena": 12, "grafana-eval": 28, "kafka-poc-02": 72, "dp-ingest-03": 114,
    "dp-ingest-04": 114,
}  # fmt: skip
STOPPED = {"pg-migration-test": 6}


@transaction.atomic
def fill(residents: Iterable[Resident], people: dict[str, User], *, now: datetime, dc: DataCentre) -> None:
    """Leases for all machines that somebody holds."""
    dice = random.Random(11)  # noqa: S311 - an example, not a secret
    rows = {machine.native_ref: machine for machine in Machine.objects.select_related("endpoint")}
    for who in residents:
        machine = rows[who.ref]
        if who.idle_from:
            Machine.objects.filter(pk=machine.pk).update(idle_since=who.idle_from)
        if who.kind != "held" or machine.managed_by:
            continue
        holder = people.get(who.created_by)
        if holder is None:
            continue
        by_team = who.name not in {*STORY, *STOPPED} and dice.random() < 0.2
        _lease(machine, who, holder, by_team=by_team, dice=dice, now=now, dc=dc)


def _lease(
    machine: Machine, who: Resident, holder: User, *, by_team: bool, dice: random.Random, now: datetime, dc: DataCentre
) -> None:
    start = max(who.created_at, now - LONGEST)
    ends_at, remove_at = _dates(who, start, dice, now)
    machine.stage = Stage.ACTIVE
    machine.holder, machine.team = (None, holder.team) if by_team else (holder, None)
    machine.cost_centre, machine.purpose = holder.cost_centre, who.purpose or "Takes part in the team's daily work"
    machine.save(update_fields=["stage", "holder", "team", "cost_centre", "purpose"])
    if remove_at:
        machine.power = Power.ON
    lease = begin(machine, ends_at=max(ends_at, start + timedelta(days=2)), zone=holder.zone, terms=TERMS, at=start)
    Entry.objects.create(
        at=start, actor_name=str(HOUSE), verb="machine.active", object_type="machine",
        object_id=machine.pk, object_name=machine.name, reason="taken over when the register began",
    )  # fmt: skip
    if remove_at:
        _stop(machine, lease, remove_at=remove_at, dc=dc)


def _dates(who: Resident, start: datetime, dice: random.Random, now: datetime) -> tuple[datetime, datetime | None]:
    """End of the lease, and when a stopped machine goes."""
    if who.name in STORY:
        return _evening(now + timedelta(days=STORY[who.name])), None
    chance = dice.random()
    if who.name in STOPPED or (who.power == "off" and chance < 0.6):
        remove_at = _evening(now + timedelta(days=STOPPED.get(who.name) or dice.randrange(2, 13)))
        return remove_at - timedelta(days=TERMS.grace_days), remove_at
    if chance < 0.03:
        return _evening(now - timedelta(days=dice.randrange(1, 4))), None
    if chance < 0.12:
        return _evening(now + timedelta(days=dice.randrange(1, 14))), None
    return _evening(now + timedelta(days=dice.randrange(15, 330))), None


def _stop(machine: Machine, lease: Lease, *, remove_at: datetime, dc: DataCentre) -> None:
    """As the clock would have left it: off, charged for its disks only, restorable until `remove_at`."""
    stopped_at = lease.ends_at
    machine.power, machine.stage, machine.next_at = Power.OFF, Stage.QUARANTINED, remove_at
    machine.save(update_fields=["power", "stage", "next_at"])
    history.settle(machine, at=stopped_at, cause="stopped")
    lease.stopped_at, lease.remove_at, lease.next_warning_at = stopped_at, remove_at, FAR
    lease.save(update_fields=["stopped_at", "remove_at", "next_warning_at"])


def _evening(day: datetime) -> datetime:
    zone = ZoneInfo("Europe/Berlin")
    return datetime.combine(day.astimezone(zone).date(), time(18), tzinfo=zone)
