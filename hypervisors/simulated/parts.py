"""Disks, NICs and snapshots of a machine: what the data centre does to them, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hypervisors.simulated import placement
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.settings import next_ref


def need(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    """A machine's row."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM machines WHERE ref = ?", (ref,)).fetchone()
    if row is None:
        raise NativeFault("not_found", f"The object {ref} has already been deleted or has not been completely created.")
    return row


def record(db: sqlite3.Connection, ref: str, name: str, what: str, *, who: str, at: datetime) -> None:
    db.execute(
        "INSERT INTO events (at, machine_ref, machine_name, what, who) VALUES (?, ?, ?, ?, ?)",
        (at.isoformat(), ref, name, what, who),
    )


def disks_of(db: sqlite3.Connection, machine_ref: str) -> list[sqlite3.Row]:
    """The first disk first: numbers are given out in the order in which disks were made."""
    return db.execute("SELECT * FROM disks WHERE machine_ref = ? ORDER BY rowid", (machine_ref,)).fetchall()


def nics_of(db: sqlite3.Connection, machine_ref: str) -> list[sqlite3.Row]:
    return db.execute("SELECT * FROM nics WHERE machine_ref = ? ORDER BY rowid", (machine_ref,)).fetchall()


def add_disk(
    db: sqlite3.Connection, machine_ref: str, *, path: str, size_mib: int, datastore_ref: str, key: str = "",
    content: str = "", at: datetime | None = None,
) -> str:  # fmt: skip
    taken = {disk["name"] for disk in disks_of(db, machine_ref)}
    number = next(number for number in range(1, len(taken) + 2) if f"Hard disk {number}" not in taken)
    ref = next_ref(db, "disk")
    db.execute(
        "INSERT INTO disks (ref, machine_ref, name, path, size_mib, datastore_ref, key, content, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (ref, machine_ref, f"Hard disk {number}", path, size_mib, datastore_ref, key, content,
         at.isoformat() if at else ""),
    )  # fmt: skip
    return ref


def path_of(name: str, number: int) -> str:
    return f"{name}/{name}{f'_{number}' if number else ''}.vmdk"


def copy_disks(
    db: sqlite3.Connection, disks: Iterable[sqlite3.Row], ref: str, *, name: str, datastore_ref: str = "", at: datetime
) -> None:
    """With what is on them; where no datastore is named, beside the originals."""
    for number, disk in enumerate(disks):
        add_disk(
            db, ref, path=path_of(name, number), size_mib=disk["size_mib"], content=disk["content"], at=at,
            datastore_ref=datastore_ref or disk["datastore_ref"],
        )  # fmt: skip


def add_nic(db: sqlite3.Connection, machine_ref: str, *, network_ref: str, mac: str = "") -> str:
    """Without a network there is none, and an empty text comes back. An address that is not given follows from the
    machine's UUID, so that no two machines share one."""
    if not network_ref:
        return ""
    if not db.execute("SELECT 1 FROM networks WHERE ref = ?", (network_ref,)).fetchone():
        raise NativeFault("not_found", f"The network {network_ref} does not exist.")
    ref = next_ref(db, "nic")
    uuid = db.execute("SELECT uuid FROM machines WHERE ref = ?", (machine_ref,)).fetchone()["uuid"]
    number = len(nics_of(db, machine_ref))
    db.execute(
        "INSERT INTO nics (ref, machine_ref, mac, network_ref) VALUES (?, ?, ?, ?)",
        (ref, machine_ref, mac or _mac(f"{uuid}/{number}"), network_ref),
    )
    return ref


def _mac(text: str) -> str:
    """Locally administered: its second bit is set."""
    return ":".join(f"{byte:02x}" for byte in (0x52, *hashlib.blake2b(text.encode(), digest_size=5).digest()))


def need_disk(db: sqlite3.Connection, machine_ref: str, disk_ref: str) -> sqlite3.Row:
    disk = next((disk for disk in disks_of(db, machine_ref) if disk["ref"] == disk_ref), None)
    if disk is None:
        raise NativeFault("not_found", f"The machine has no disk {disk_ref}.")
    return disk


def need_no_snapshots(db: sqlite3.Connection, machine_ref: str) -> None:
    if db.execute("SELECT 1 FROM snapshots WHERE machine_ref = ?", (machine_ref,)).fetchone():
        raise NativeFault("wrong_state", "The machine has snapshots, and its disks must stay as they are.")


def finish_add_disk(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    if any(disk["key"] == args["key"] for disk in disks_of(db, ref)):
        return
    first = next(iter(disks_of(db, ref)), None)
    datastore_ref = args["datastore_ref"] or (first["datastore_ref"] if first else "")
    placement.need_disk(db, datastore_ref, args["size_mib"])
    path = f"{row['name']}/{row['name']}-{args['key']}.vmdk"
    add_disk(
        db, ref, path=path, size_mib=args["size_mib"], datastore_ref=datastore_ref, key=args["key"], at=at
    )  # fmt: skip
    _changed(db, row, "disk added", args, at)


def finish_grow_disk(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row, disk = need(db, ref), need_disk(db, ref, args["disk_ref"])
    need_no_snapshots(db, ref)
    placement.need_disk(db, disk["datastore_ref"], args["size_mib"] - disk["size_mib"])
    db.execute(
        "UPDATE disks SET size_mib = MAX(size_mib, ?), changed_at = ? WHERE ref = ?",
        (args["size_mib"], at.isoformat(), disk["ref"]),
    )
    _changed(db, row, "disk grown", args, at)


def finish_remove_disk(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    need_no_snapshots(db, ref)
    db.execute("DELETE FROM disks WHERE ref = ? AND machine_ref = ?", (args["disk_ref"], ref))
    _changed(db, row, "disk removed", args, at)


def finish_add_nic(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    if all(nic["mac"] != args["mac"] for nic in nics_of(db, ref)):
        add_nic(db, ref, network_ref=args["network_ref"], mac=args["mac"])
        _changed(db, row, "NIC added", args, at)


def finish_remove_nic(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    db.execute("DELETE FROM nics WHERE ref = ? AND machine_ref = ?", (args["nic_ref"], ref))
    _changed(db, row, "NIC removed", args, at)


KEPT = ("ref", "name", "path", "size_mib", "datastore_ref", "key", "content")
"""What a snapshot keeps of a disk."""


def finish_snapshot(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    row = need(db, ref)
    if db.execute("SELECT 1 FROM snapshots WHERE machine_ref = ? AND name = ?", (ref, args["name"])).fetchone():
        return
    disks = [{column: disk[column] for column in KEPT} for disk in disks_of(db, ref)]
    snapshot = next_ref(db, "snapshot")
    db.execute(
        "INSERT INTO snapshots (ref, machine_ref, name, created_at, parent_ref, disks) VALUES (?, ?, ?, ?, ?, ?)",
        (snapshot, ref, args["name"], at.isoformat(), row["current_snapshot"], json.dumps(disks)),
    )
    db.execute("UPDATE machines SET current_snapshot = ?, just_reverted = 0 WHERE ref = ?", (snapshot, ref))
    _changed(db, row, "snapshot taken", args, at)


def finish_revert(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    """Disks as they were, and no others: one that came later goes, as it does when a configuration is brought back."""
    row, snapshot = need(db, ref), need_snapshot(db, ref, args["snapshot_ref"])
    kept = json.loads(snapshot["disks"])
    for disk in disks_of(db, ref):
        if disk["ref"] not in {before["ref"] for before in kept}:
            db.execute("DELETE FROM disks WHERE ref = ?", (disk["ref"],))
    for before in kept:
        db.execute(
            "UPDATE disks SET content = ?, size_mib = ?, changed_at = ? WHERE ref = ?",
            (before["content"], before["size_mib"], at.isoformat(), before["ref"]),
        )
    db.execute(
        "UPDATE machines SET power = 'off', stop_asked = NULL, current_snapshot = ?, just_reverted = 1 WHERE ref = ?",
        (snapshot["ref"], ref),
    )
    if row["power"] == "on":
        _event(db, row, "powered off", args, at)
    _event(db, row, "reverted to a snapshot", args, at)


def finish_remove_snapshot(db: sqlite3.Connection, ref: str, args: dict[str, Any], at: datetime) -> None:
    """Those that were taken after it are now after the one before it."""
    row = need(db, ref)
    snapshot = db.execute(
        "SELECT * FROM snapshots WHERE ref = ? AND machine_ref = ?", (args["snapshot_ref"], ref)
    ).fetchone()
    if snapshot is None:
        return
    gone, parent = snapshot["ref"], snapshot["parent_ref"]
    db.execute("UPDATE snapshots SET parent_ref = ? WHERE machine_ref = ? AND parent_ref = ?", (parent, ref, gone))
    db.execute("UPDATE machines SET current_snapshot = ? WHERE ref = ? AND current_snapshot = ?", (parent, ref, gone))
    db.execute("DELETE FROM snapshots WHERE ref = ?", (gone,))
    _event(db, row, "snapshot removed", args, at)


def need_snapshot(db: sqlite3.Connection, machine_ref: str, ref: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM snapshots WHERE ref = ? AND machine_ref = ?", (ref, machine_ref)
    ).fetchone()
    if row is None:
        raise NativeFault("not_found", f"The machine has no snapshot {ref}.")
    return row


def _changed(db: sqlite3.Connection, row: sqlite3.Row, what: str, args: dict[str, Any], at: datetime) -> None:
    """It is not any more as a snapshot left it."""
    db.execute("UPDATE machines SET just_reverted = 0 WHERE ref = ?", (row["ref"],))
    _event(db, row, what, args, at)


def _event(db: sqlite3.Connection, row: sqlite3.Row, what: str, args: dict[str, Any], at: datetime) -> None:
    record(db, row["ref"], row["name"], what, who=args["who"], at=at)
