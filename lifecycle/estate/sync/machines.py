"""Writing one chunk of machines: new rows, changed facts, disks and spans, in one short transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from lifecycle.audit.actions import HOUSE, record_many
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Endpoint, Machine, Power, Stage
from lifecycle.estate.models.machines import ENDED, LIVE
from lifecycle.estate.sync.disks import write_disks
from lifecycle.estate.sync.matching import Matcher
from lifecycle.estate.sync.metering import settle_many
from lifecycle.estate.sync.parts import Parts
from lifecycle.estate.sync.reading import Look, Seen

IDLE_BELOW = 5
"""Percent of CPU over the last hour."""

METERED = (Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)
PRICED = frozenset({"power", "vcpus", "memory_mib", "disk_mib"})


@dataclass(slots=True)
class Counts:
    found: int = 0
    changed: int = 0
    returned: int = 0


@dataclass(slots=True)
class _Update:
    """A row with its new values already set; `changed` names them, `looked_at` is the previous look."""

    row: Machine
    seen: Seen
    looked_at: datetime
    changed: set[str]
    returned: bool


@transaction.atomic
def write_machines(endpoint: Endpoint, chunk: Sequence[Seen], look: Look, parts: Parts) -> Counts:
    """The number of queries does not depend on the number of machines, as long as nothing about them changed."""
    # One scan of an endpoint writes at a time, so that two never add the same machine.
    Endpoint.objects.select_for_update().values_list("pk").get(pk=endpoint.pk)
    same = Q(native_ref__in=[seen.ref for seen in chunk]) | Q(uuid__in={seen.uuid for seen in chunk if seen.uuid})
    rows = Machine.objects.select_for_update().filter(same, endpoint=endpoint, stage__in=LIVE).order_by("pk")
    matches = Matcher(rows, look).match(chunk)
    # What was seen after this look began, by the engine or a faster scan, is newer than what we hold.
    pairs = [(row, seen) for row, seen in matches.pairs if row.seen_at is None or row.seen_at <= look.at]
    moved = [row for row, seen in pairs if row.native_ref != seen.ref]
    _free_references([*matches.released, *moved])
    updates = [_compare(row, seen, parts, look.at) for row, seen in pairs]
    _write(updates, look.at)
    added = _add(endpoint, matches.new, parts, look.at)
    write_disks([*((update.row, update.seen) for update in updates), *added], parts)
    _meter(updates, look.at)
    _record(updates, [row for row, _seen in added])
    return Counts(len(added), sum(bool(u.changed) for u in updates), sum(u.returned for u in updates))


def _free_references(rows: list[Machine]) -> None:
    """First of all, since the one who has the reference now may stand earlier in the same statement."""
    if rows:
        Machine.objects.filter(pk__in=[row.pk for row in rows]).update(native_ref="")


def _compare(row: Machine, seen: Seen, parts: Parts, at: datetime) -> _Update:
    wanted = _columns(seen, parts, row, at)
    changed = {name for name, value in wanted.items() if getattr(row, name) != value}
    update = _Update(row, seen, row.seen_at or at, changed, row.scans_missed >= settings.MISSING_AFTER_SCANS)
    for name in changed:
        setattr(row, name, wanted[name])
    return update


def _columns(seen: Seen, parts: Parts, row: Machine, at: datetime) -> dict[str, Any]:
    """What the row should say. What the hypervisor forgets (events rotate, guests stop) is kept as last heard."""
    columns = seen.columns | {"native_ref": seen.ref}
    if seen.uuid is not None and row.stage == Stage.DISCOVERED:
        columns["uuid"] = seen.uuid
    columns["pool_id"] = parts.pools.get(seen.pool_ref, row.pool_id if seen.pool_ref else None)
    columns["host_id"] = parts.hosts.get(seen.host_ref, row.host_id if seen.host_ref else None)
    columns["created_by"] = columns["created_by"] or row.created_by
    columns["created_at"] = columns["created_at"] or row.created_at
    if columns["power"] != Power.ON:
        columns["addresses"] = columns["addresses"] or row.addresses
        columns["guest_name"] = columns["guest_name"] or row.guest_name
    idle = columns["power"] == Power.ON and columns["cpu_percent"] is not None and columns["cpu_percent"] < IDLE_BELOW
    columns["idle_since"] = (row.idle_since or at) if idle else None
    return columns


def _write(updates: list[_Update], at: datetime) -> None:
    if not updates:
        return
    Machine.objects.filter(pk__in=[update.row.pk for update in updates]).update(
        seen_at=at, power_at=at, scans_missed=0, missing_since=None
    )
    fields = set().union(*(update.changed for update in updates))
    if fields:
        changed = [update.row for update in updates if update.changed]
        Machine.objects.bulk_update(changed, sorted(name.removesuffix("_id") for name in fields))


def _add(endpoint: Endpoint, new: list[Seen], parts: Parts, at: datetime) -> list[tuple[Machine, Seen]]:
    if not new:
        return []
    ended = _just_ended(endpoint, new, at)
    added = []
    for seen in new:
        if seen.uuid in ended:
            continue
        row = Machine(
            endpoint=endpoint, first_seen_at=at, seen_at=at, power_at=at, scans_before=endpoint.scans, stage=Stage.DISCOVERED
        )
        for name, value in _columns(seen, parts, row, at).items():
            setattr(row, name, value)
        added.append((row, seen))
    Machine.objects.bulk_create([row for row, _seen in added])
    return added


def _just_ended(endpoint: Endpoint, new: list[Seen], at: datetime) -> set[Any]:
    """UUIDs of machines that we removed after this look began: what it saw of them is history, not a find."""
    uuids = {seen.uuid for seen in new if seen.uuid is not None}
    ended = Machine.objects.filter(endpoint=endpoint, uuid__in=uuids, stage__in=ENDED)
    known = dict(ended.order_by().values_list("pk", "uuid"))
    if not known:
        return set()
    verbs = [f"machine.{stage}" for stage in ENDED]
    entries = Entry.objects.filter(object_type="machine", object_id__in=known, verb__in=verbs, at__gte=at)
    return {known[pk] for pk in entries.order_by().values_list("object_id", flat=True)}


def _meter(updates: list[_Update], at: datetime) -> None:
    metered = [u for u in updates if u.row.stage in METERED and (u.returned or u.changed & PRICED)]
    if metered:
        looked_at = {update.row.pk: update.looked_at for update in metered}
        settle_many([update.row for update in metered], at=at, ended_at=looked_at, cause="seen")


def _record(updates: list[_Update], added: list[Machine]) -> None:
    returned = [update.row for update in updates if update.returned]
    woken = [u.row for u in updates if u.row.stage == Stage.QUARANTINED and "power" in u.changed and _runs(u.row)]
    for verb, rows in (
        ("machine.discovered", added),
        ("machine.found_again", returned),
        ("machine.seen_running_in_quarantine", woken),
    ):
        if rows:
            record_many(verb, rows, by=HOUSE)


def _runs(row: Machine) -> bool:
    return row.power == Power.ON
