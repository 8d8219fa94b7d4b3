"""What goes wrong in the data centre, and the door that every call from outside passes: log, latency, faults."""

from __future__ import annotations

import sqlite3
import time
import zlib

from hypervisors.simulated.settings import get

CALLS_KEPT = 20_000
LOST_ANSWER = "lost_answer"
"""A fault after the fact: the call takes effect, but its answer never arrives."""


class NativeFault(Exception):
    """A fault in the data centre's own words; `mapping` translates it."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code


def log_call(db: sqlite3.Connection, call: str, *, changing: bool, target: str) -> int:
    """One row per call that reached the data centre. Returns its number."""
    cursor = db.execute(
        "INSERT INTO calls (at, call, changing, target) VALUES (?, ?, ?, ?)", (time.time(), call, changing, target)
    )
    number = cursor.lastrowid or 0
    if number % 500 == 0:
        db.execute("DELETE FROM calls WHERE id <= ?", (number - CALLS_KEPT,))
    return number


def take_fault(db: sqlite3.Connection, call: str, number: int) -> NativeFault | None:
    """The fault that hits this call, if any; counted ones are used up. Chance depends only on seed and call number."""
    rows = db.execute("SELECT * FROM faults WHERE call IN (?, '*') ORDER BY id", (call,)).fetchall()
    for row in rows:
        if row["probability"] is not None:
            dice = zlib.crc32(f"{get(db, 'seed')}:{row['id']}:{number}".encode()) / 2**32
            if dice >= row["probability"]:
                continue
        elif row["remaining"] > 1:
            db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
        else:
            db.execute("DELETE FROM faults WHERE id = ?", (row["id"],))
        return NativeFault(row["code"], row["message"])
    return None


def delay(latency: float, timeout: float) -> None:
    """Waits as long as the wire takes, but never longer than the caller would."""
    time.sleep(min(latency, timeout))
    if latency >= timeout:
        raise NativeFault("unreachable", f"No answer within {timeout:g} s.")
