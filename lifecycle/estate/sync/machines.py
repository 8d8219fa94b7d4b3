"""Writing one chunk of machines: new rows, changed facts, devices and spans, in one short transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from lifecycle import bulk
from lifecycle.audit.actions import HOUSE, record_many, record_rows
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Endpoint, Machine, Power, Stage
from lifecycle.estate.models.machines import ENDED, LIVE
from lifecycle.estate.sync.devices import add_devices, write_devices
from lifecycle.estate.sync.drifting import note_drift
from lifecycle.estate.sync.matching import Matcher
from lifecycle.estate.sync.metering import settle_many
from lifecycle.estate.sync.parts import Parts
from lifecycle.estate.sync.reading import Look, Seen

IDLE_BELOW = 5
"""Percent of CPU over the last hour."""

METERED = (Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)
PRICED = frozenset({"power", "vcpus", "memory_mib", "disk_mib"})
FOUND_AGAIN: dict[str, Any] = {"scans_missed": 0, "missing_since": None, "missing_reason": "", "missing_by": ""}

Busy = Callable[[Collection[int]], Collection[int]]
"""Which of these machines have work of ours under way; the room that knows stands above this one."""


def nobody_busy(_machines: Collection[int]) -> Collection[int]:
    return ()


@dataclass(slots=True)
class Counts:
    found: int = 0
    changed: int = 0
    returned: int = 0


@dataclass(slots=True)
class Update:
    """A row with its new values already set; `before` has what they replaced, `looked_at` is the previous look."""

    row: Machine
    seen: Seen
    looked_at: datetime
    before: dict[str, Any]
    returned: bool


@transaction.atomic
def write_machines(
    endpoint: Endpoint, chunk: Sequence[Seen], look: Look, parts: Parts, busy: Busy = nobody_busy
) -> Counts:
    """The number of queries does not depend on the number of machines. What did not change is not written.

    Which rows were there is known to the look; a complete one says so for all of them in a row of the endpoint.
    """
    # One scan of an endpoint writes at a time, so that two never add the same machine.
    endpoint = Endpoint.objects.select_for_update(of=("self",)).only("scans", "swept_at").get(pk=endpoint.pk)
    same = Q(native_ref__in=[seen.ref for seen in chunk]) | Q(uuid__in={seen.uuid for seen in chunk if seen.uuid})
    rows = Machine.objects.select_for_update().filter(same, endpoint=endpoint, stage__in=LIVE).order_by("pk")
    matches = Matcher(rows, look).match(chunk)
    # What was seen after this look began, by the engine or a faster scan, is newer than what we hold.
    pairs = [(row, seen) for row, seen in matches.pairs if row.seen_at is None or row.seen_at <= look.at]
    moved = [row for row, seen in pairs if row.native_ref != seen.ref]
    _free_references([*matches.released, *moved])
    updates = [_compare(row, seen, parts, look.at, endpoint.swept_at) for row, seen in pairs]
    _write(updates, look)
    added = _add(endpoint, matches.new, parts, look.at)
    write_devices([(update.row.pk, update.seen) for update in updates], parts, look.at)
    _meter(updates, look.at)
    note_drift([(update.row, update.before) for update in updates], busy, at=look.at)
    _record(updates, added)
    look.matched.update(row.pk for row, _seen in matches.pairs)
    look.lost.update(row.pk for row in matches.released)
    look.strange_places |= any(_is_strange(seen, parts) for seen in chunk)
    changed = sum(bool(update.before.keys() - FOUND_AGAIN.keys()) for update in updates)
    return Counts(len(added), changed, sum(update.returned for update in updates))


def _free_references(rows: list[Machine]) -> None:
    """First of all, since the one who has the reference now may stand earlier in the same statement."""
    if rows:
        Machine.objects.filter(pk__in=[row.pk for row in rows]).update(native_ref="")


def _compare(row: Machine, seen: Seen, parts: Parts, at: datetime, swept_at: datetime | None) -> Update:
    wanted = _columns(seen, parts, row, at) | FOUND_AGAIN
    before = {name: getattr(row, name) for name, value in wanted.items() if getattr(row, name) != value}
    moments = [row.seen_at, None if row.missing_since else swept_at]
    looked_at = max((moment for moment in moments if moment is not None), default=at)
    update = Update(row, seen, looked_at, before, row.scans_missed >= settings.MISSING_AFTER_SCANS)
    for name in before:
        setattr(row, name, wanted[name])
    return update


def _columns(seen: Seen, parts: Parts, row: Machine | None, at: datetime) -> dict[str, Any]:
    """What a row should say. What the hypervisor forgets (events rotate, guests stop) is kept as last heard."""
    columns = seen.columns | {"native_ref": seen.ref}
    columns["pool_id"] = parts.pools.get(seen.pool_ref)
    columns["host_id"] = parts.hosts.get(seen.host_ref)
    measured = columns["cpu_percent"]
    idle = columns["power"] == Power.ON and measured is not None and measured < IDLE_BELOW
    columns["idle_since"] = at if idle else None
    columns["power_since"] = at
    if row is not None:
        _keep(columns, seen, row)
    return columns


def _keep(columns: dict[str, Any], seen: Seen, row: Machine) -> None:
    if seen.uuid is not None and row.stage == Stage.DISCOVERED:
        columns["uuid"] = seen.uuid
    if seen.pool_ref:
        columns["pool_id"] = columns["pool_id"] or row.pool_id
    if seen.host_ref:
        columns["host_id"] = columns["host_id"] or row.host_id
    columns["created_by"] = columns["created_by"] or row.created_by
    columns["created_at"] = columns["created_at"] or row.created_at
    if columns["power"] != Power.ON:
        columns["addresses"] = columns["addresses"] or row.addresses
        columns["guest_name"] = columns["guest_name"] or row.guest_name
    if columns["idle_since"]:
        columns["idle_since"] = row.idle_since or columns["idle_since"]
    if columns["power"] == row.power and row.power_since:
        columns["power_since"] = row.power_since
    elif columns["power"] != row.power:
        columns["powered_by"] = ""


def _write(updates: list[Update], look: Look) -> None:
    """A complete look says of all at once that they were there; any other has to say it of each."""
    written = [update for update in updates if update.before or not look.complete]
    names = sorted(set().union(*(update.before for update in written)))
    rows = {u.row.pk: (*(getattr(u.row, name) for name in names), look.at, look.at) for u in written}
    bulk.update(Machine, (*names, "seen_at", "power_at"), rows)


def _add(endpoint: Endpoint, new: list[Seen], parts: Parts, at: datetime) -> list[tuple[int, Seen]]:
    if not new:
        return []
    ended = _just_ended(endpoint, new, at)
    found = [seen for seen in new if seen.uuid not in ended]
    same: dict[str, Any] = {
        "endpoint_id": endpoint.pk, "first_seen_at": at, "seen_at": at, "power_at": at,
        "scans_before": endpoint.scans, "stage": Stage.DISCOVERED.value,
    }  # fmt: skip
    rows = [_columns(seen, parts, None, at) | {"uuid": seen.uuid or uuid.uuid4()} for seen in found]
    names = tuple(rows[0]) if rows else ()
    keys = bulk.insert(Machine, (*names, *same), [(*row.values(), *same.values()) for row in rows])
    added = list(zip(keys, found, strict=True))
    add_devices(added, parts, at)
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


def _meter(updates: list[Update], at: datetime) -> None:
    metered = [u for u in updates if u.row.stage in METERED and (u.returned or u.before.keys() & PRICED)]
    if metered:
        looked_at = {update.row.pk: update.looked_at for update in metered}
        settle_many([update.row for update in metered], at=at, ended_at=looked_at, cause="seen")


def _record(updates: list[Update], added: list[tuple[int, Seen]]) -> None:
    record_rows("machine.discovered", "machine", [(pk, seen.columns["name"]) for pk, seen in added], by=HOUSE)
    returned = [update.row for update in updates if update.returned]
    woken = [u.row for u in updates if u.row.stage == Stage.QUARANTINED and "power" in u.before and _runs(u.row)]
    for verb, rows in (("machine.found_again", returned), ("machine.seen_running_in_quarantine", woken)):
        if rows:
            record_many(verb, rows, by=HOUSE)


def _runs(row: Machine) -> bool:
    return row.power == Power.ON


def _is_strange(seen: Seen, parts: Parts) -> bool:
    places = ((seen.pool_ref, parts.pools), (seen.host_ref, parts.hosts))
    stores = {store for _name, _size, store in seen.disks.values()}
    return any(ref and ref not in known for ref, known in places) or not (stores - {""}) <= parts.datastores.keys()
