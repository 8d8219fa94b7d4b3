"""How the data centre behaves: a key/value table in its file, with the values that suit the demo as defaults."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

DEFAULTS: dict[str, Any] = {
    "product": "Simulated data centre 1.0",
    "identity": "",  # of this one data centre, given when it is made
    "seed": 1,
    "missing_rights": [],  # of the account that signs in
    "offline": False,
    "latency_ms": 0,
    "overcommit": 1.0,  # memory of running machines may be this many times the hosts' memory
    "concurrency": 0,  # tasks at once; 0 is no limit
    "duration.clone": 6.0,  # seconds of wall time, as all durations
    "duration.power_on": 1.0,
    "duration.power_off": 0.0,
    "duration.shutdown": 2.0,
    "duration.restart": 1.0,
    "duration.remove": 1.5,
    "duration.annotate": 0.0,
    "duration.reset": 0.5,
    "duration.suspend": 1.5,
    "duration.resume": 1.0,
    "duration.resize": 0.5,
    "duration.add_disk": 0.5,
    "duration.grow_disk": 0.5,
    "duration.remove_disk": 0.5,
    "duration.add_nic": 0.3,
    "duration.remove_nic": 0.3,
    "duration.snapshot": 1.5,
    "duration.revert": 2.0,
    "duration.remove_snapshot": 1.5,
    "duration.rename_file": 0.3,
    "duration.delete_file": 0.5,
    "next_number": 100,
}


def get(db: sqlite3.Connection, key: str) -> Any:
    row = db.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return DEFAULTS[key] if row is None else json.loads(row["value"])


def put(db: sqlite3.Connection, key: str, value: Any) -> None:
    if key not in DEFAULTS:
        raise KeyError(f"The data centre has no setting {key!r}.")
    db.execute(
        "INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value)),
    )


def next_ref(db: sqlite3.Connection, prefix: str) -> str:
    """A reference that this data centre never gave out before."""
    number = get(db, "next_number") + 1
    put(db, "next_number", number)
    return f"{prefix}-{number}"
