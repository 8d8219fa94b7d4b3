"""An inventory made fit for the tables. One broken entry costs itself, never the scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypervisors.contract import DiskFacts, MachineFacts
from lifecycle.estate.cleaning import cut, whole
from lifecycle.estate.models import Power

INTEGER, BIG_INTEGER = 2**31 - 1, 2**63 - 1
NOTE_LENGTH = 4000
ADDRESSES = 16
DISKS = 256


@dataclass(frozen=True, slots=True)
class SeenDisk:
    name: str
    size_mib: int
    datastore_ref: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One machine as this look saw it; `columns` are those of its row."""

    ref: str
    uuid: UUID | None
    stamped: bool
    pool_ref: str
    host_ref: str
    columns: dict[str, Any]
    disks: dict[str, SeenDisk]


@dataclass(slots=True)
class Look:
    """All machines of one look. `at` was taken before it began, so that whatever is newer wins."""

    at: datetime
    complete: bool
    machines: dict[str, Seen] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """References of entries that could not be read: they are there, and that is all we know."""
    notes: list[str] = field(default_factory=list)
    """What was odd, a sentence each, for administrators."""
    uuids: set[UUID] = field(default_factory=set)


def read(facts: Iterable[MachineFacts], *, at: datetime, complete: bool) -> Look:
    look = Look(at, complete)
    for each in facts:
        try:
            seen = None if each.is_template else _seen(each)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            look.broken.append(cut(getattr(each, "ref", ""), 255))
            look.notes.append(cut(f"{look.broken[-1]}: {error}", 300))
            continue
        if seen is not None:
            look.machines[seen.ref] = seen
    look.uuids = {seen.uuid for seen in look.machines.values() if seen.uuid is not None}
    return look


def _seen(facts: MachineFacts) -> Seen:
    ref = _ref(facts.ref)
    disks = dict(_disk(disk) for disk in list(facts.disks)[:DISKS])
    columns = {
        "name": cut(facts.name, 255).strip() or ref,
        "power": Power(facts.power.value) if facts.power.value in Power else Power.UNKNOWN,
        "vcpus": whole(facts.vcpus, most=INTEGER),
        "memory_mib": whole(facts.memory_mib, most=BIG_INTEGER),
        "disk_mib": whole(sum(disk.size_mib for disk in disks.values()), most=BIG_INTEGER),
        "addresses": [cut(address, 64) for address in list(facts.addresses)[:ADDRESSES]],
        "guest_name": cut(facts.guest_name, 255),
        "note": cut(facts.note, NOTE_LENGTH),
        "created_by": cut(facts.created_by, 255),
        "created_at": _aware(facts.created_at),
        "managed_by": cut(facts.managed_by, 255),
        "cpu_percent": None if facts.cpu_percent is None else whole(facts.cpu_percent, most=100),
    }
    if facts.uuid is not None and not isinstance(facts.uuid, UUID):
        raise ValueError("its UUID is none")
    return Seen(ref, facts.uuid, bool(facts.stamp_operation), facts.pool_ref, facts.host_ref, columns, disks)


def _ref(ref: str) -> str:
    # Never cut: half a reference would name something else.
    if not ref or cut(ref, 255) != ref:
        raise ValueError("its reference cannot be stored")
    return ref


def _disk(facts: DiskFacts) -> tuple[str, SeenDisk]:
    size = whole(facts.size_mib, most=BIG_INTEGER)
    return _ref(facts.ref), SeenDisk(cut(facts.name, 255), size, facts.datastore_ref)


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
