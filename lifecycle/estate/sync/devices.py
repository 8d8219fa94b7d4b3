"""Disks, NICs and snapshots of a chunk of machines: what came, what changed, what is gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from lifecycle import bulk
from lifecycle.estate.models import Disk, Nic, Snapshot
from lifecycle.estate.sync.parts import Parts
from lifecycle.estate.sync.reading import Device, Seen

Wanted = Mapping[str, Device]


@dataclass(frozen=True, slots=True)
class _Kind:
    model: type[Model]
    columns: tuple[str, ...]
    wanted: Callable[[Seen, Parts], Wanted]
    first: tuple[str, ...] = ()
    """Columns that say when it was first seen; never written again."""


def _disks(seen: Seen, parts: Parts) -> Wanted:
    return {ref: (name, size, parts.datastores.get(store)) for ref, (name, size, store) in seen.disks.items()}


def _nics(seen: Seen, parts: Parts) -> Wanted:
    return {ref: (mac, parts.networks.get(net), connected) for ref, (mac, net, connected) in seen.nics.items()}


KINDS = (
    _Kind(Disk, ("name", "size_mib", "datastore_id"), _disks),
    _Kind(Nic, ("mac", "network_id", "connected"), _nics),
    _Kind(
        Snapshot, ("name", "created_at", "parent_ref", "with_memory"), lambda seen, _parts: seen.snapshots,
        first=("first_seen_at",),
    ),
)  # fmt: skip


def add_devices(added: Iterable[tuple[int, Seen]], parts: Parts, at: datetime) -> None:
    """Of machines that have none yet."""
    pairs = list(added)
    for kind in KINDS:
        moments = (at,) * len(kind.first)
        rows = [
            (machine, ref, *device, *moments)
            for machine, seen in pairs
            for ref, device in kind.wanted(seen, parts).items()
        ]
        bulk.insert(kind.model, ("machine_id", "ref", *kind.columns, *kind.first), rows)


def write_devices(pairs: Sequence[tuple[int, Seen]], parts: Parts, at: datetime) -> None:
    """One question per kind when nothing changed."""
    if pairs:
        for kind in KINDS:
            _write(kind, pairs, parts, at)


def _write(kind: _Kind, pairs: Sequence[tuple[int, Seen]], parts: Parts, at: datetime) -> None:
    there = _there(kind, [machine for machine, _seen in pairs])
    gone: list[int] = []
    changed: dict[int, Device] = {}
    new: list[Model] = []
    for machine, seen in pairs:
        known, wanted = there.get(machine, {}), kind.wanted(seen, parts)
        gone += [pk for ref, (pk, _device) in known.items() if ref not in wanted]
        for ref, device in wanted.items():
            if ref not in known:
                new.append(_made(kind, machine, ref, device, at))
            elif known[ref][1] != device:
                changed[known[ref][0]] = device
    if gone:
        kind.model._default_manager.filter(pk__in=gone).delete()
    bulk.update(kind.model, kind.columns, changed)
    if new:
        # The engine may have written it a moment ago.
        kind.model._default_manager.bulk_create(
            new, update_conflicts=True, unique_fields=["machine", "ref"],
            update_fields=[name.removesuffix("_id") for name in kind.columns],
        )  # fmt: skip


def _there(kind: _Kind, machines: list[int]) -> Mapping[int, Mapping[str, tuple[int, Device]]]:
    found: defaultdict[int, dict[str, tuple[int, Device]]] = defaultdict(dict)
    rows = kind.model._default_manager.filter(machine__in=machines).order_by()
    for machine, ref, pk, *device in rows.values_list("machine_id", "ref", "pk", *kind.columns):
        found[machine][ref] = pk, tuple(device)
    return found


def _made(kind: _Kind, machine: int, ref: str, device: Device, at: datetime) -> Model:
    columns: dict[str, Any] = dict(zip(kind.columns, device, strict=True)) | dict.fromkeys(kind.first, at)
    return kind.model(machine_id=machine, ref=ref, **columns)
