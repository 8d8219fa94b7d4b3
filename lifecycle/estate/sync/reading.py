"""What an endpoint told, made fit for the tables. One broken entry costs itself, never the scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from hypervisors.contract import DiskFacts, MachineFacts, NicFacts, SnapshotFacts
from lifecycle.estate.cleaning import cut, whole
from lifecycle.estate.models import Machine, Power

INTEGER, BIG_INTEGER = 2**31 - 1, 2**63 - 1
NOTE_LENGTH = 4000
LABEL_LENGTH = 1000
# The most of each that is kept of one machine.
ADDRESSES = 16
DEVICES = 256
LABELS = 64

Fact = TypeVar("Fact", DiskFacts, NicFacts, SnapshotFacts)
Device = tuple[Any, ...]
"""A disk: name, MiB, datastore's reference. A NIC: address, network's reference, connected. A snapshot: name, when,
the reference before it, with memory."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One machine as this look saw it; `columns` are those of its row, devices go by reference."""

    ref: str
    uuid: UUID | None
    stamped: bool
    pool_ref: str
    host_ref: str
    columns: dict[str, Any]
    disks: Mapping[str, Device]
    nics: Mapping[str, Device]
    snapshots: Mapping[str, Device]


@dataclass(slots=True)
class Look:
    """What one look tells. `at` was taken before it began, so that whatever is newer wins."""

    at: datetime
    complete: bool
    everything: bool = True
    """It tells all machines; otherwise those that changed, and of all others nothing but that they are there."""
    facts: dict[str, MachineFacts] = field(default_factory=dict)
    """By reference, until they were written."""
    known: dict[str, UUID | None] = field(default_factory=dict)
    """Which machine each reference is, for as long as the look lasts."""
    uuids: set[UUID] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    """References of entries that could not be read: they are there, and that is all we know."""
    notes: list[str] = field(default_factory=list)
    """What was odd, a sentence each, for administrators."""
    matched: set[int] = field(default_factory=set)
    """Rows that were seen."""
    lost: set[int] = field(default_factory=set)
    """Rows whose reference another machine has now."""
    strange_places: bool = False
    """A machine lies where we know of no place: pools and hosts must be read again."""

    def chunks(self, size: int) -> Iterator[list[Seen]]:
        """Whatever is handed out is let go of: an estate is large."""
        chunk: list[Seen] = []
        for ref in list(self.facts):
            if (seen := self._read(ref, self.facts.pop(ref))) is not None:
                chunk.append(seen)
            if len(chunk) == size:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def shows(self, row: Machine) -> bool:
        """Whether the row's own machine is where the row says, in this chunk or another."""
        if row.native_ref in self.known:
            return self.known[row.native_ref] in {None, row.uuid}
        if row.native_ref in self.broken:
            return True
        untold = bool(row.native_ref) and row.native_ref not in self.gone
        return untold and not self.everything and row.missing_since is None

    def _read(self, ref: str, facts: MachineFacts) -> Seen | None:
        try:
            return _seen(facts)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            self.known.pop(ref, None)
            self._note_broken(ref, error)
            return None

    def _note_broken(self, ref: object, error: Exception) -> None:
        self.broken.append(cut(ref, 255))
        self.notes.append(cut(f"{self.broken[-1]}: {error}", 300))


def read(
    told: Iterable[MachineFacts], *, at: datetime, complete: bool, everything: bool = True, gone: Iterable[str] = ()
) -> Look:
    look = Look(at, complete, everything, gone=set(gone))
    for each in told:
        try:
            if not each.is_template:
                look.known[_ref(each.ref)] = _uuid(each.uuid)
                look.facts[each.ref] = each
        except (AttributeError, TypeError, ValueError) as error:
            look._note_broken(getattr(each, "ref", ""), error)
    look.uuids = {uuid for uuid in look.known.values() if uuid is not None}
    return look


def _seen(facts: MachineFacts) -> Seen:
    disks = _devices(facts.disks, _disk)
    columns = {
        "name": cut(facts.name, 255).strip() or facts.ref,
        "power": POWERS.get(facts.power.value, Power.UNKNOWN),
        "vcpus": whole(facts.vcpus, most=INTEGER),
        "memory_mib": whole(facts.memory_mib, most=BIG_INTEGER),
        "disk_mib": whole(sum(size for _name, size, _store in disks.values()), most=BIG_INTEGER),
        "addresses": [cut(address, 64) for address in list(facts.addresses)[:ADDRESSES]],
        "guest_name": cut(facts.guest_name, 255),
        "note": cut(facts.note, NOTE_LENGTH),
        "created_by": cut(facts.created_by, 255),
        "created_at": _aware(facts.created_at),
        "managed_by": cut(facts.managed_by, 255),
        "folder": cut(facts.folder, 500),
        "labels": _labels(facts.labels),
        "cpu_percent": None if facts.cpu_percent is None else whole(facts.cpu_percent, most=100),
    }
    return Seen(
        facts.ref, facts.uuid, bool(facts.stamp_operation), facts.pool_ref, facts.host_ref, columns, disks,
        _devices(facts.nics, _nic), _devices(facts.snapshots, _snapshot),
    )  # fmt: skip


POWERS = {power.value: power for power in Power}


def _ref(ref: str) -> str:
    # Never cut: half a reference would name something else.
    if not ref or cut(ref, 255) != ref:
        raise ValueError("its reference cannot be stored")
    return ref


def _uuid(uuid: UUID | None) -> UUID | None:
    if uuid is not None and not isinstance(uuid, UUID):
        raise ValueError("its UUID is none")
    return uuid


def _devices(facts: Iterable[Fact], told: Callable[[Fact], Device]) -> dict[str, Device]:
    return {_ref(each.ref): told(each) for each in list(facts)[:DEVICES]} if facts else {}


def _disk(facts: DiskFacts) -> Device:
    return cut(facts.name, 255), whole(facts.size_mib, most=BIG_INTEGER), facts.datastore_ref


def _nic(facts: NicFacts) -> Device:
    return cut(facts.mac, 40).lower(), facts.network_ref, bool(facts.connected)


def _snapshot(facts: SnapshotFacts) -> Device:
    return cut(facts.name, 255), _aware(facts.created_at), cut(facts.parent_ref, 255), bool(facts.with_memory)


def _labels(labels: Mapping[str, str]) -> dict[str, str]:
    if not labels:
        return {}
    return {cut(name, 255): cut(value, LABEL_LENGTH) for name, value in list(labels.items())[:LABELS]}


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)
