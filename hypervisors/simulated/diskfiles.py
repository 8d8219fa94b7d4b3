"""Disk files of no machine: what the data centre does to them, and what it refuses."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from hypervisors.simulated.faults import NativeFault


def need(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM disks WHERE ref = ?", (ref,)).fetchone()
    if row is None:
        raise NativeFault("not_found", f"The file {ref} does not exist.")
    return row


def need_unused(db: sqlite3.Connection, ref: str) -> sqlite3.Row:
    """Asked when the work begins and again in the moment in which it takes effect: a machine may have come by."""
    row = need(db, ref)
    if row["machine_ref"]:
        raise NativeFault("file_used", f"{row['machine_ref']} has {row['path']}.")
    return row


def need_free_path(db: sqlite3.Connection, row: sqlite3.Row, path: str) -> None:
    taken = db.execute(
        "SELECT 1 FROM disks WHERE datastore_ref = ? AND path = ? AND ref <> ?",
        (row["datastore_ref"], path, row["ref"]),
    ).fetchone()
    if taken:
        raise NativeFault("file_exists", f"The file {path} already exists.")


def finish_rename(db: sqlite3.Connection, ref: str, args: dict[str, Any], _at: datetime) -> None:
    need_free_path(db, need_unused(db, ref), args["path"])
    db.execute("UPDATE disks SET path = ? WHERE ref = ?", (args["path"], ref))


def finish_delete(db: sqlite3.Connection, ref: str, _args: dict[str, Any], _at: datetime) -> None:
    if db.execute("SELECT 1 FROM disks WHERE ref = ?", (ref,)).fetchone():
        need_unused(db, ref)
        db.execute("DELETE FROM disks WHERE ref = ?", (ref,))
