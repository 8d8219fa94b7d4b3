"""Machines that went from one endpoint to another: row, holder, lease and history go with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import Disk, Endpoint, Machine, Missing, Nic, Snapshot, Stage
from lifecycle.estate.stages import move
from lifecycle.estate.sync.drifting import note_drift
from lifecycle.estate.sync.machines import FOUND_AGAIN, METERED, Busy, nobody_busy
from lifecycle.estate.sync.metering import settle_many
from lifecycle.estate.sync.missing import EXPECTED

CHUNK = 500
DEVICES = (Disk, Nic, Snapshot)

FOLLOWED = (
    "endpoint_id", "native_ref", "name", "power", "power_at", "power_since", "powered_by", "vcpus", "memory_mib",
    "disk_mib", "pool_id", "host_id", "addresses", "guest_name", "note", "managed_by", "folder", "labels",
    "cpu_percent", "idle_since", "seen_at", "scans_before",
)  # fmt: skip
"""What the hypervisor says of it where it is now. UUID, origin, image and all that we decided stay."""


def follow_machines(endpoint: Endpoint, busy: Busy, *, at: datetime) -> int:
    """After a complete look at `endpoint`: what it missed and another endpoint has, as one that was found, went there.

    The same UUID twice proves no move: then both stay where they are, and administrators see why the one is missing.
    """
    if not Endpoint.objects.exclude(pk=endpoint.pk).exists():
        return 0
    moved = 0
    for ours, theirs in _pairs(endpoint):
        if len(ours) == len(theirs) == 1 and not busy([ours[0], theirs[0]]):
            moved += _follow(ours[0], theirs[0], at)
        else:
            Machine.objects.filter(pk__in=ours).exclude(missing_reason=Missing.ELSEWHERE).update(
                missing_reason=Missing.ELSEWHERE
            )
    return moved


def _pairs(endpoint: Endpoint) -> Iterator[tuple[list[int], list[int]]]:
    """Rows of one UUID: those that this endpoint misses, and those that were found elsewhere."""
    missing = Machine.objects.filter(endpoint=endpoint, stage__in=EXPECTED).exclude(missing_since=None)
    ours: defaultdict[UUID, list[int]] = defaultdict(list)
    for pk, uuid in missing.order_by("pk").values_list("pk", "uuid"):
        ours[uuid].append(pk)
    others = list(Endpoint.objects.exclude(pk=endpoint.pk).order_by().values_list("pk", flat=True))
    uuids = list(ours)
    for start in range(0, len(uuids), CHUNK):
        theirs: defaultdict[UUID, list[int]] = defaultdict(list)
        found = Machine.objects.filter(
            endpoint__in=others, uuid__in=uuids[start : start + CHUNK], stage=Stage.DISCOVERED, missing_since=None
        )
        for pk, uuid in found.order_by("pk").values_list("pk", "uuid"):
            theirs[uuid].append(pk)
        yield from ((ours[uuid], pks) for uuid, pks in theirs.items())


@transaction.atomic
def _follow(ours: int, theirs: int, at: datetime) -> bool:
    """The found row ends, and ours goes on in its place. Looked at again first: nothing was locked until now."""
    rows = Machine.objects.select_for_update(of=("self",)).select_related("endpoint").filter(pk__in=[ours, theirs])
    both = {row.pk: row for row in rows.order_by("pk")}
    row, found = both[ours], both[theirs]
    there = found.stage == Stage.DISCOVERED and found.missing_since is None
    if row.stage not in EXPECTED or row.missing_since is None or not there or row.uuid != found.uuid:
        return False
    came_from, last_seen_at = row.endpoint.name, row.seen_at or at
    before = _take_place(row, found)
    if row.stage in METERED:
        settle_many([row], at=at, ended_at={row.pk: last_seen_at}, cause="seen")
    note_drift([(row, before)], nobody_busy, at=at)
    record("machine.moved", row, by=HOUSE, before=came_from, after=found.endpoint.name)
    return True


def _take_place(row: Machine, found: Machine) -> dict[str, Any]:
    """Returns what the row said before, as far as that changed."""
    wanted = {name: getattr(found, name) for name in FOLLOWED} | FOUND_AGAIN
    reason = _("It is %(name)s, which was at %(endpoint)s before.")
    move(
        found, Stage.REMOVED, by=HOUSE, native_ref="", reason=reason % {"name": row.name, "endpoint": row.endpoint.name}
    )
    before = {name: getattr(row, name) for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in wanted.items():
        setattr(row, name, value)
    row.save(update_fields=[name.removesuffix("_id") for name in wanted])
    for model in DEVICES:
        model._default_manager.filter(machine=row).delete()
        model._default_manager.filter(machine=found).update(machine=row)
    return before
