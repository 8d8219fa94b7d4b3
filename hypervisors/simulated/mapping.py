"""The data centre's words -> ours: faults to errors, rows to facts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from hypervisors import errors, retired
from hypervisors.contract import (
    DatastoreFacts,
    DiskFacts,
    DiskFile,
    Event,
    Holding,
    HostFacts,
    ImageFacts,
    MachineFacts,
    NicFacts,
    Power,
    Seed,
    SnapshotFacts,
    UsageSample,
    What,
)
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.looking import Seen
from hypervisors.simulated.usage import WINDOW, Use

ERRORS: dict[str, tuple[type[errors.HypervisorError], str]] = {
    "unreachable": (errors.Unreachable, "The data centre does not answer."),
    "lost_answer": (errors.Unreachable, "The connection broke before the answer came."),
    "garbage": (errors.Unreachable, "The data centre answered something that cannot be understood."),
    "busy": (errors.Busy, "The data centre is busy."),
    "in_progress": (errors.Busy, "Other work on this machine is under way."),
    "denied": (errors.AccessDenied, "The account may not do this."),
    "not_found": (errors.NotFound, "The object does not exist, or does not exist any more."),
    "duplicate_name": (errors.NameTaken, "Another machine has this name."),
    "invalid_name": (errors.InvalidRequest, "The data centre refuses this name."),
    "invalid_size": (errors.InvalidRequest, "The data centre refuses this size."),
    "invalid_key": (errors.InvalidRequest, "The key of a disk or NIC holds what it cannot have."),
    "first_disk": (errors.InvalidRequest, "The first disk is the machine itself; nothing was removed."),
    "shrinking": (errors.InvalidRequest, "A disk cannot be made smaller than it is."),
    "wrong_uuid": (errors.InvalidRequest, "Behind this reference stands another machine; nothing was touched."),
    "protected": (errors.InvalidRequest, "Something else manages this machine; nothing was touched."),
    "file_used": (errors.WrongState, "A machine or an image has this disk; nothing was touched."),
    "file_exists": (errors.NameTaken, "Another file has this name; nothing was touched."),
    "no_memory": (errors.NoCapacity, "The pool has not enough memory left."),
    "no_space": (errors.NoCapacity, "The datastore has not enough room left."),
    "wrong_state": (errors.WrongState, "Not possible in the machine's present state."),
    "moved": (errors.WrongState, "The machine has another reference now; scan the endpoint again."),
    "doubles": (errors.WrongState, "Several machines carry this stamp; a person must look. Nothing was touched."),
    "cancelled": (errors.WrongState, "Somebody cancelled the work at the data centre."),
}

POWER = {"on": Power.ON, "off": Power.OFF, "suspended": Power.SUSPENDED}

WHAT = {
    "created": What.CREATED,
    "powered on": What.STARTED,
    "powered off": What.STOPPED,
    "removed": What.REMOVED,
    "resized": What.CHANGED,
    "disk added": What.CHANGED,
    "disk grown": What.CHANGED,
    "disk removed": What.CHANGED,
    "NIC added": What.CHANGED,
    "NIC removed": What.CHANGED,
}
"""The words of its events; whatever else it says is OTHER."""

OURS = "leasehold."
"""What the names of our custom fields begin with, so that those of others stay apart."""

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
    return {
        f"{OURS}holder": holding.holder,
        f"{OURS}purpose": holding.purpose,
        f"{OURS}ends_on": holding.ends_on,
        f"{OURS}portal_ref": holding.portal_ref,
    }


def carries(row: sqlite3.Row, holding: Holding) -> bool:
    """Are exactly these values written on the machine?"""
    found = json.loads(row["fields"])
    return all(found.get(key) == value for key, value in fields(holding).items())


def labels(row: sqlite3.Row) -> dict[str, str]:
    """Custom fields of others."""
    found = json.loads(row["fields"])
    return {text(key): text(str(value), TEXT_LIMIT) for key, value in found.items() if not key.startswith(OURS)}


def seed_text(seed: Seed) -> str:
    return json.dumps({"hostname": seed.hostname, "ssh_keys": list(seed.ssh_keys), "user_data": seed.user_data})


def disk_facts(row: sqlite3.Row) -> DiskFacts:
    return DiskFacts(row["ref"], text(row["name"]), row["size_mib"], row["datastore_ref"], row["key"])


def nic_facts(row: sqlite3.Row) -> NicFacts:
    return NicFacts(row["ref"], row["mac"], row["network_ref"], bool(row["connected"]))


def snapshot_facts(row: sqlite3.Row) -> SnapshotFacts:
    return SnapshotFacts(row["ref"], text(row["name"]), when(row["created_at"]), row["parent_ref"])


def host_facts(row: sqlite3.Row) -> HostFacts:
    return HostFacts(
        row["ref"], text(row["name"]), row["pool_ref"], row["cpus"], row["memory_mib"], bool(row["connected"])
    )


def datastore_facts(row: sqlite3.Row) -> DatastoreFacts:
    return DatastoreFacts(
        row["ref"], text(row["name"]), row["capacity_mib"], row["free_mib"], text(row["identity"]), bool(row["shared"])
    )


def image_facts(row: sqlite3.Row) -> ImageFacts:
    return ImageFacts(row["ref"], text(row["name"]), row["disk_mib"])


def machine_facts(seen: Seen) -> MachineFacts:
    row = seen.row
    return MachineFacts(
        ref=row["ref"],
        uuid=uuid(row["uuid"]),
        name=text(row["name"]),
        power=POWER.get(row["power"], Power.UNKNOWN),
        vcpus=row["vcpus"],
        memory_mib=row["memory_mib"],
        disks=tuple(map(disk_facts, seen.disks)),
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
        cpu_percent=seen.cpu_percent,
        nics=tuple(map(nic_facts, seen.nics)),
        snapshots=tuple(map(snapshot_facts, seen.snapshots)),
        folder=text(row["folder"]),
        labels=labels(row),
    )


def usage_sample(use: Use) -> UsageSample:
    return UsageSample(
        use.ref, use.ended_at, WINDOW, use.cpu_seconds, use.memory_mib, use.read_bytes, use.written_bytes,
        use.received_bytes, use.sent_bytes,
    )  # fmt: skip


def event(row: sqlite3.Row) -> Event:
    what = text(row["what"], TEXT_LIMIT)
    return Event(
        at=datetime.fromisoformat(row["at"]).astimezone(UTC),
        what=WHAT.get(what, What.OTHER),
        machine_ref=row["machine_ref"],
        machine_name=text(row["machine_name"]),
        who=text(row["who"]),
        text=what,
    )


def disk_file(row: sqlite3.Row) -> DiskFile:
    used_by = (row["machine_ref"],) if row["machine_ref"] else ()
    whole = retired.tellable(row["path"])
    return DiskFile(
        ref=row["ref"],
        name=row["path"] if whole else text(row["path"]),
        kept_for="" if whole else retired.UNTELLABLE,
        datastore_ref=row["datastore_ref"],
        size_mib=row["size_mib"],
        used_by=used_by,
        changed_at=when(row["changed_at"]),
    )
