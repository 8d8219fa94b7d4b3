"""The virtual hardware: what the data centre does to machines, in its own way and with its own refusals."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any
from uuid import uuid4

from hypervisors.simulated import placement
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.settings import next_ref

NAME_LIMIT = 80
FORBIDDEN = frozenset("/\\%")


def need(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM machines WHERE ref = ?", (ref,)).fetchone()
    if row is None:
        raise NativeFault("not_found", f"The object {ref} has already been deleted or has not been completely created.")
    return row


def record(db: sqlite3.Connection, ref: str, name: str, what: str, *, who: str, at: datetime) -> None:
    db.execute(
        "INSERT INTO events (at, machine_ref, machine_name, what, who) VALUES (?, ?, ?, ?, ?)",
        (at.isoformat(), ref, name, what, who),
    )


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


def add_disk(db: sqlite3.Connection, machine_ref: str, *, path: str, size_mib: int, datastore_ref: str) -> str:
    count = db.execute("SELECT COUNT(*) FROM disks WHERE machine_ref = ?", (machine_ref,)).fetchone()[0]
    ref = next_ref(db, "disk")
    db.execute(
        "INSERT INTO disks (ref, machine_ref, name, path, size_mib, datastore_ref) VALUES (?, ?, ?, ?, ?, ?)",
        (ref, machine_ref, f"Hard disk {count + 1}", path, size_mib, datastore_ref),
    )
    return ref


def begin_clone(
    db: sqlite3.Connection, source: str, *, name: str, uuid: str, stamp: str, pool_ref: str, who: str, at: datetime
) -> str:
    """The half-made machine, there from the first moment and stamped. Nobody asks whether one like it exists."""
    image = db.execute("SELECT * FROM machines WHERE ref = ? AND is_template", (source,)).fetchone()
    pool = db.execute("SELECT * FROM pools WHERE ref = ?", (pool_ref,)).fetchone()
    if image is None or pool is None:
        raise NativeFault("not_found", f"The object {source if image is None else pool_ref} does not exist.")
    check_name(db, name)
    disks = db.execute("SELECT * FROM disks WHERE machine_ref = ? ORDER BY name", (source,)).fetchall()
    placement.need_disk(db, pool["datastore_ref"], sum(disk["size_mib"] for disk in disks))
    ref = insert(
        db, name=name, uuid=uuid, stamp=stamp, pool_ref=pool_ref, network_ref=pool["network_ref"], created_by=who,
        created_at=at.isoformat(), vcpus=image["vcpus"], memory_mib=image["memory_mib"], building=1, profile="spiky",
    )  # fmt: skip
    for number, disk in enumerate(disks):
        path = f"{name}/{name}{f'_{number}' if number else ''}.vmdk"
        add_disk(db, ref, path=path, size_mib=disk["size_mib"], datastore_ref=pool["datastore_ref"])
    return ref


def reconfigure(db: sqlite3.Connection, ref: str, *, vcpus: int, memory_mib: int, disk_mib: int, hostname: str) -> None:
    """New sizes and guest name for a stopped machine; `disk_mib` is for its first disk, which never shrinks."""
    row = need(db, ref)
    if row["building"] or row["power"] != "off":
        raise NativeFault("wrong_state", "The machine must be finished and powered off.")
    if vcpus < 1 or memory_mib < 4:
        raise NativeFault("invalid_size", "A machine needs at least one vCPU and 4 MiB of memory.")
    disk = db.execute("SELECT * FROM disks WHERE machine_ref = ? ORDER BY name LIMIT 1", (ref,)).fetchone()
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


def need_on(db: sqlite3.Connection, ref: str) -> None:
    if need(db, ref)["power"] != "on":
        raise NativeFault("wrong_state", "The machine is not powered on.")


def need_removable(db: sqlite3.Connection, ref: str) -> None:
    row = need(db, ref)
    if row["power"] != "off" or row["building"]:
        raise NativeFault("wrong_state", "The machine must be finished and powered off.")


def finish_clone(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    db.execute("UPDATE machines SET building = 0 WHERE ref = ?", (ref,))
    record(db, ref, row["name"], "created", who=args["who"], at=at)


def finish_power_on(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    address = row["address"] or address_of(ref)
    db.execute("UPDATE machines SET power = 'on', address = ?, stop_asked = NULL WHERE ref = ?", (address, ref))
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
    db.execute("DELETE FROM machines WHERE ref = ?", (ref,))
    if keep_disks:
        db.execute("UPDATE disks SET machine_ref = '' WHERE machine_ref = ?", (ref,))
    else:
        db.execute("DELETE FROM disks WHERE machine_ref = ?", (ref,))


def address_of(ref: str) -> str:
    number = int(ref.rpartition("-")[2])
    return f"10.{24 + number // 62500 % 200}.{number // 250 % 250}.{number % 250 + 2}"
