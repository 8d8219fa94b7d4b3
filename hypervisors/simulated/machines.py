"""The virtual hardware: what the data centre does to machines, in its own way and with its own refusals."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any
from uuid import uuid4

from hypervisors.simulated import parts, placement
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.parts import need, record
from hypervisors.simulated.settings import next_ref

NAME_LIMIT = 80
FORBIDDEN = frozenset("/\\%")


def check_name(db: sqlite3.Connection, name: str, *, folder: str = "", ref: str = "") -> None:
    """A name is refused when it is malformed, or when another machine of the folder has it, finished or not."""
    if not name.strip() or len(name) > NAME_LIMIT or FORBIDDEN & set(name) or not name.isprintable():
        raise NativeFault(
            "invalid_name", f"The name is empty, longer than {NAME_LIMIT} characters, or has one of / \\ %."
        )
    taken = db.execute(
        "SELECT 1 FROM machines WHERE folder = ? AND name = ? AND ref <> ?", (folder, name, ref)
    ).fetchone()
    if taken:
        raise NativeFault("duplicate_name", f"The name {name!r} already exists.")


def insert(db: sqlite3.Connection, **columns: Any) -> str:
    """A row for a machine with a fresh reference, nothing checked. Returns the reference."""
    columns = {"ref": next_ref(db, "vm"), "uuid": str(uuid4())} | columns
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    # Column names are keywords in this package's code, never what came from outside.
    db.execute(f"INSERT INTO machines ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608
    return str(columns["ref"])


def begin_clone(
    db: sqlite3.Connection, source: str, *, name: str, uuid: str, stamp: str, pool_ref: str, network_ref: str,
    datastore_ref: str, who: str, at: datetime,
) -> str:  # fmt: skip
    """The half-made machine, there from the first moment and stamped. Nobody asks whether one like it exists."""
    image = db.execute("SELECT * FROM machines WHERE ref = ? AND is_template", (source,)).fetchone()
    pool = db.execute("SELECT * FROM pools WHERE ref = ?", (pool_ref,)).fetchone()
    if image is None or pool is None:
        raise NativeFault("not_found", f"The object {source if image is None else pool_ref} does not exist.")
    check_name(db, name)
    disks, datastore_ref = parts.disks_of(db, source), datastore_ref or pool["datastore_ref"]
    placement.need_disk(db, datastore_ref, sum(disk["size_mib"] for disk in disks))
    ref = insert(
        db, name=name, uuid=uuid, stamp=stamp, pool_ref=pool_ref, created_by=who, created_at=at.isoformat(),
        vcpus=image["vcpus"], memory_mib=image["memory_mib"], building=1, profile="spiky",
    )  # fmt: skip
    parts.copy_disks(db, disks, ref, name=name, datastore_ref=datastore_ref, at=at)
    networks = [nic["network_ref"] for nic in parts.nics_of(db, source)] or [pool["network_ref"]]
    for network in [network_ref or networks[0], *networks[1:]]:
        parts.add_nic(db, ref, network_ref=network)
    return ref


def reconfigure(db: sqlite3.Connection, ref: str, *, vcpus: int, memory_mib: int, disk_mib: int, hostname: str) -> None:
    """New sizes and guest name for a stopped machine; `disk_mib` is for its first disk, which never shrinks."""
    need_stopped(db, ref)
    check_size(vcpus=vcpus, memory_mib=memory_mib)
    disk = next(iter(parts.disks_of(db, ref)), None)
    if disk is None or disk_mib < disk["size_mib"]:
        raise NativeFault("invalid_size", "A disk cannot be made smaller than it is.")
    placement.need_disk(db, disk["datastore_ref"], disk_mib - disk["size_mib"])
    db.execute("UPDATE disks SET size_mib = ? WHERE ref = ?", (disk_mib, disk["ref"]))
    db.execute(
        "UPDATE machines SET vcpus = ?, memory_mib = ?, guest_name = ? WHERE ref = ?",
        (vcpus, memory_mib, hostname, ref),
    )


def rename(db: sqlite3.Connection, ref: str, name: str, *, who: str, at: datetime) -> None:
    row = need(db, ref)
    check_name(db, name, folder=row["folder"], ref=ref)
    db.execute("UPDATE machines SET name = ? WHERE ref = ?", (name, ref))
    record(db, ref, name, f"renamed from {row['name']}", who=who, at=at)


def begin_power_on(db: sqlite3.Connection, ref: str) -> None:
    """Finds a host for the machine; the memory is held from now on."""
    row = need(db, ref)
    starting = db.execute(
        "SELECT 1 FROM tasks WHERE target = ? AND kind = 'power_on' AND state = 'running'", (ref,)
    ).fetchone()
    if row["building"] or row["is_template"] or row["power"] == "on" or starting:
        raise NativeFault("wrong_state", "The machine cannot be powered on now.")
    placement.need_memory(db, row["pool_ref"], row["memory_mib"])
    db.execute("UPDATE machines SET host_ref = ? WHERE ref = ?", (placement.least_used_host(db, row["pool_ref"]), ref))


def begin_resume(db: sqlite3.Connection, ref: str) -> None:
    """The memory must be free again."""
    row = need(db, ref)
    if row["power"] != "suspended":
        raise NativeFault("wrong_state", "The machine is not suspended.")
    placement.need_memory(db, row["pool_ref"], row["memory_mib"])


def need_on(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    row = need(db, ref)
    if row["power"] != "on":
        raise NativeFault("wrong_state", "The machine is not powered on.")
    return row


def need_stopped(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    row = need(db, ref)
    if row["power"] != "off" or row["building"]:
        raise NativeFault("wrong_state", "The machine must be finished and powered off.")
    return row


def check_size(*, vcpus: int, memory_mib: int) -> None:
    if vcpus < 1 or memory_mib < 4:
        raise NativeFault("invalid_size", "A machine needs at least one vCPU and 4 MiB of memory.")


def finish_clone(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    db.execute("UPDATE machines SET building = 0 WHERE ref = ?", (ref,))
    record(db, ref, row["name"], "created", who=args["who"], at=at)


def finish_power_on(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    address = row["address"] or address_of(ref)
    db.execute(
        "UPDATE machines SET power = 'on', address = ?, stop_asked = NULL, just_reverted = 0 WHERE ref = ?",
        (address, ref),
    )
    record(db, ref, row["name"], "powered on", who=args["who"], at=at)


def finish_power_off(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    db.execute("UPDATE machines SET power = 'off', stop_asked = NULL WHERE ref = ?", (ref,))
    record(db, ref, row["name"], "powered off", who=args["who"], at=at)


def finish_shutdown(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    """The guest was told; whether it listens is another matter."""
    if not need(db, ref)["deaf"]:
        finish_power_off(db, ref, args, at)


def finish_restart(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    record(db, ref, need(db, ref)["name"], "restarted", who=args["who"], at=at)


def finish_reset(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    record(db, ref, need(db, ref)["name"], "reset", who=args["who"], at=at)


def finish_suspend(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need_on(db, ref)
    db.execute("UPDATE machines SET power = 'suspended', stop_asked = NULL WHERE ref = ?", (ref,))
    record(db, ref, row["name"], "suspended", who=args["who"], at=at)


def finish_resume(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    if row["power"] != "suspended":
        raise NativeFault("wrong_state", "The machine is not suspended.")
    db.execute("UPDATE machines SET power = 'on' WHERE ref = ?", (ref,))
    record(db, ref, row["name"], "resumed", who=args["who"], at=at)


def finish_resize(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need_stopped(db, ref)
    db.execute("UPDATE machines SET vcpus = ?, memory_mib = ? WHERE ref = ?", (args["vcpus"], args["memory_mib"], ref))
    record(db, ref, row["name"], "resized", who=args["who"], at=at)


def finish_annotate(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    """Sets these custom fields; the note and the fields of others stay."""
    row = need(db, ref)
    fields = json.loads(row["fields"]) | args["fields"]
    stamp = args["stamp"] or row["stamp"]
    db.execute("UPDATE machines SET fields = ?, stamp = ? WHERE ref = ?", (json.dumps(fields), stamp, ref))


def finish_remove(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = db.execute("SELECT name FROM machines WHERE ref = ?", (ref,)).fetchone()
    if row is not None:
        erase(db, ref, keep_disks=False)
        record(db, ref, row["name"], "removed", who=args["who"], at=at)


def erase(db: sqlite3.Connection, ref: str, *, keep_disks: bool) -> None:
    for table in ("nics", "snapshots"):
        db.execute(f"DELETE FROM {table} WHERE machine_ref = ?", (ref,))  # noqa: S608 - one of two words
    db.execute("DELETE FROM machines WHERE ref = ?", (ref,))
    if keep_disks:
        db.execute("UPDATE disks SET machine_ref = '' WHERE machine_ref = ?", (ref,))
    else:
        db.execute("DELETE FROM disks WHERE machine_ref = ?", (ref,))


def address_of(ref: str) -> str:
    number = int(ref.rpartition("-")[2])
    return f"10.{24 + number // 62500 % 200}.{number // 250 % 250}.{number % 250 + 2}"
