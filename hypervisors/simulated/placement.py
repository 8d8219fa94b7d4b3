"""Where there is room: memory of hosts against machines that run or are about to."""

from __future__ import annotations

import sqlite3

from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.settings import get

# A machine that is being started holds its memory already, else two starts at once would share the last room.
_USED = """
SELECT COALESCE(SUM(memory_mib), 0) FROM machines WHERE pool_ref = ? AND (
  power = 'on' OR ref IN (SELECT target FROM tasks WHERE kind IN ('power_on', 'resume') AND state = 'running'))
"""


def free_memory(db: sqlite3.Connection, pool_ref: str) -> int:
    """MiB that still can be started in a pool; negative when it is over-full."""
    if not db.execute("SELECT 1 FROM pools WHERE ref = ?", (pool_ref,)).fetchone():
        raise NativeFault("not_found", f"The pool {pool_ref} does not exist.")
    hosts = db.execute(
        "SELECT COALESCE(SUM(memory_mib), 0) FROM hosts WHERE pool_ref = ? AND connected", (pool_ref,)
    ).fetchone()[0]
    used = db.execute(_USED, (pool_ref,)).fetchone()[0]
    return int(hosts * get(db, "overcommit")) - int(used)


def need_memory(db: sqlite3.Connection, pool_ref: str, memory_mib: int) -> None:
    free = free_memory(db, pool_ref)
    if memory_mib > free:
        raise NativeFault("no_memory", f"The pool has {max(free, 0)} MiB of memory left, {memory_mib} MiB are needed.")


def least_used_host(db: sqlite3.Connection, pool_ref: str) -> str:
    row = db.execute(
        "SELECT h.ref FROM hosts h LEFT JOIN machines m ON m.host_ref = h.ref AND m.power = 'on'"
        " WHERE h.pool_ref = ? AND h.connected GROUP BY h.ref"
        " ORDER BY COALESCE(SUM(m.memory_mib), 0) - h.memory_mib, h.ref LIMIT 1",
        (pool_ref,),
    ).fetchone()
    return str(row["ref"]) if row else ""


def need_disk(db: sqlite3.Connection, datastore_ref: str, size_mib: int) -> None:
    row = db.execute(
        "SELECT capacity_mib - (SELECT COALESCE(SUM(size_mib), 0) FROM disks WHERE datastore_ref = d.ref) AS free"
        " FROM datastores d WHERE ref = ?",
        (datastore_ref,),
    ).fetchone()
    if row is not None and size_mib > row["free"]:
        raise NativeFault("no_space", f"The datastore has {max(row['free'], 0)} MiB left, {size_mib} MiB are needed.")
