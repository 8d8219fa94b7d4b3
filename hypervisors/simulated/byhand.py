"""A machine that somebody made at the data centre's own console, past the portal: nothing is checked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypervisors.simulated import machines, parts
from hypervisors.simulated.usage import PROFILES


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    name: str
    created_by: str = "root"
    created_at: datetime | None = None
    note: str = ""
    managed_by: str = ""
    vcpus: int = 2
    memory_mib: int = 4096
    disks_mib: Sequence[int] = (40_960,)
    pool_ref: str = ""
    host_ref: str = ""
    datastore_ref: str = ""
    network_ref: str = ""
    power: str = "on"
    uuid: str = ""
    """Empty for a random one."""
    guest_name: str = ""
    stamp: str = ""
    """The operation that a portal wrote on it."""
    profile: str = "idle"
    """How it is used, one of `usage.PROFILES`, until `idle_from`."""
    idle_from: datetime | None = None
    deaf: bool = False
    """The guest does not listen when it is asked to shut down."""
    is_template: bool = False
    folder: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Custom fields and tags; a tag has an empty value."""
    snapshots: Sequence[tuple[str, datetime]] = ()
    """Oldest first, each on top of the one before."""
    powered: tuple[str, datetime] | None = None
    """Who last started it, or stopped it, and when."""


def insert(db: sqlite3.Connection, hand: ByHand, *, now: datetime) -> str:
    """Returns the reference."""
    if hand.profile not in PROFILES:
        raise ValueError(f"There is no usage profile {hand.profile!r}.")
    at = (hand.created_at or now).astimezone(UTC)
    idle_from = hand.idle_from.astimezone(UTC).isoformat() if hand.idle_from else ""
    ref = machines.insert(
        db, name=hand.name, created_by=hand.created_by, created_at=at.isoformat(), note=hand.note,
        managed_by=hand.managed_by, vcpus=hand.vcpus, memory_mib=hand.memory_mib, pool_ref=hand.pool_ref,
        host_ref=hand.host_ref, power=hand.power, guest_name=hand.guest_name,
        stamp=hand.stamp, profile=hand.profile, idle_from=idle_from, deaf=int(hand.deaf),
        is_template=int(hand.is_template), folder=hand.folder, fields=json.dumps(dict(hand.labels)),
        **({"uuid": hand.uuid} if hand.uuid else {}),
    )  # fmt: skip
    db.execute("UPDATE machines SET address = ? WHERE ref = ?", (machines.address_of(ref), ref))
    for number, size in enumerate(hand.disks_mib):
        parts.add_disk(
            db, ref, path=parts.path_of(hand.name, number), size_mib=size, datastore_ref=hand.datastore_ref, at=at
        )
    parts.add_nic(db, ref, network_ref=hand.network_ref)
    parts.record(db, ref, hand.name, "created", who=hand.created_by, at=at)
    for name, taken_at in hand.snapshots:
        parts.finish_snapshot(db, ref, {"name": name, "who": hand.created_by}, taken_at.astimezone(UTC))
    if hand.powered:
        who, moment = hand.powered
        parts.record(db, ref, hand.name, f"powered {hand.power}", who=who, at=moment.astimezone(UTC))
    return ref
