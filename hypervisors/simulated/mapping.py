"""The data centre's words -> ours: faults to errors, rows to facts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from hypervisors import errors
from hypervisors.contract import DatastoreFacts, DiskFacts, Holding, HostFacts, ImageFacts, MachineFacts, Power
from hypervisors.simulated.faults import NativeFault

ERRORS: dict[str, tuple[type[errors.HypervisorError], str]] = {
    "unreachable": (errors.Unreachable, "The data centre does not answer."),
    "lost_answer": (errors.Unreachable, "The connection broke before the answer came."),
    "garbage": (errors.Unreachable, "The data centre answered something that cannot be understood."),
    "busy": (errors.Busy, "The data centre is busy."),
    "denied": (errors.AccessDenied, "The account may not do this."),
    "not_found": (errors.NotFound, "The object does not exist, or does not exist any more."),
    "duplicate_name": (errors.NameTaken, "Another machine has this name."),
    "invalid_name": (errors.InvalidRequest, "The data centre refuses this name."),
    "invalid_size": (errors.InvalidRequest, "The data centre refuses this size."),
    "wrong_uuid": (errors.InvalidRequest, "Behind this reference stands another machine; nothing was touched."),
    "protected": (errors.InvalidRequest, "Something else manages this machine; nothing was touched."),
    "no_memory": (errors.NoCapacity, "The pool has not enough memory left."),
    "no_space": (errors.NoCapacity, "The datastore has not enough room left."),
    "wrong_state": (errors.WrongState, "Not possible in the machine's present state."),
    "moved": (errors.WrongState, "The machine has another reference now; scan the endpoint again."),
    "doubles": (errors.WrongState, "Several machines carry this stamp; a person must look. Nothing was touched."),
    "cancelled": (errors.WrongState, "Somebody cancelled the work at the data centre."),
}

POWER = {"on": Power.ON, "off": Power.OFF, "suspended": Power.SUSPENDED}

NAME_LIMIT = 255
TEXT_LIMIT = 2_000


def to_error(fault: NativeFault) -> errors.HypervisorError:
    kind, sentence = ERRORS.get(fault.code, (errors.HypervisorError, "The data centre failed to do this."))
    return kind(sentence, native=fault.message)


@contextmanager
def translated() -> Iterator[None]:
    """Nothing but `hypervisors.errors` leaves the adapter."""
    try:
        yield
    except NativeFault as fault:
        raise to_error(fault) from fault


def text(raw: str, limit: int = NAME_LIMIT) -> str:
    """Hostile text, cut to length, without control characters (a database may refuse NUL) but with line breaks."""
    raw = raw[:limit]
    return raw if raw.isprintable() else "".join(c for c in raw if c.isprintable() or c in "\n\t")


def uuid(raw: str) -> UUID | None:
    try:
        return UUID(raw)
    except ValueError:
        return None


def when(raw: str) -> datetime | None:
    try:
        return datetime.fromisoformat(raw).astimezone(UTC)
    except ValueError:
        return None


def fields(holding: Holding) -> dict[str, str]:
    """Custom fields under names of our own, so that those of others stay apart."""
    return {
        "leasehold.holder": holding.holder,
        "leasehold.purpose": holding.purpose,
        "leasehold.ends_on": holding.ends_on,
        "leasehold.portal_ref": holding.portal_ref,
    }


def carries(row: sqlite3.Row, holding: Holding) -> bool:
    """Are exactly these values written on the machine?"""
    found = json.loads(row["fields"])
    return all(found.get(key) == value for key, value in fields(holding).items())


def disk_facts(row: sqlite3.Row) -> DiskFacts:
    return DiskFacts(row["ref"], text(row["name"]), row["size_mib"], row["datastore_ref"])


def host_facts(row: sqlite3.Row) -> HostFacts:
    return HostFacts(row["ref"], text(row["name"]), row["pool_ref"], row["cpus"], row["memory_mib"])


def datastore_facts(row: sqlite3.Row) -> DatastoreFacts:
    return DatastoreFacts(row["ref"], text(row["name"]), row["capacity_mib"], row["free_mib"])


def image_facts(row: sqlite3.Row) -> ImageFacts:
    return ImageFacts(row["ref"], text(row["name"]), row["disk_mib"])


def machine_facts(row: sqlite3.Row, disks: Sequence[sqlite3.Row], cpu_percent: int | None) -> MachineFacts:
    return MachineFacts(
        ref=row["ref"],
        uuid=uuid(row["uuid"]),
        name=text(row["name"]),
        power=POWER.get(row["power"], Power.UNKNOWN),
        vcpus=row["vcpus"],
        memory_mib=row["memory_mib"],
        disks=tuple(map(disk_facts, disks)),
        pool_ref=row["pool_ref"],
        host_ref=row["host_ref"],
        addresses=(row["address"],) if row["address"] and row["power"] == "on" else (),
        guest_name=text(row["guest_name"]),
        note=text(row["note"], TEXT_LIMIT),
        created_at=when(row["created_at"]),
        created_by=text(row["created_by"]),
        managed_by=text(row["managed_by"]),
        is_template=bool(row["is_template"]),
        stamp_operation=text(row["stamp"], 64),
        cpu_percent=cpu_percent,
    )
