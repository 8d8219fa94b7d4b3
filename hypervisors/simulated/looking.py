"""The questions that may be asked of the data centre: each method is one call over the wire, and changes nothing."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from hypervisors.simulated import diskfiles, machines, parts, placement, tasks
from hypervisors.simulated.door import Door
from hypervisors.simulated.settings import get
from hypervisors.simulated.usage import Use, cpu_percent, use

EVENTS_AT_ONCE = 10_000
REFS_AT_ONCE = 1_000


class Seen(NamedTuple):
    """A machine as the data centre shows it."""

    row: sqlite3.Row
    disks: Sequence[sqlite3.Row]
    nics: Sequence[sqlite3.Row]
    snapshots: Sequence[sqlite3.Row]
    cpu_percent: int | None


class Changed(NamedTuple):
    """What is not as it was: machines that are there, and references of those that are not."""

    identity: str
    """Of the data centre, whose numbers mean nothing in any other."""
    number: int
    """Of the last change."""
    whole: bool
    seen: Sequence[Seen]
    gone: Sequence[str]


class Looking(Door):
    def about(self) -> str:
        with self._call("about") as db:
            return str(get(db, "product"))

    def missing_rights(self) -> list[str]:
        with self._call("missing_rights") as db:
            return list(get(db, "missing_rights"))

    def pools(self) -> list[sqlite3.Row]:
        with self._call("list_pools") as db:
            return db.execute("SELECT * FROM pools ORDER BY ref").fetchall()

    def hosts(self) -> list[sqlite3.Row]:
        with self._call("list_hosts") as db:
            return db.execute("SELECT * FROM hosts ORDER BY ref").fetchall()

    def datastores(self) -> list[sqlite3.Row]:
        with self._call("list_datastores") as db:
            return db.execute(
                "SELECT d.*, d.capacity_mib - COALESCE(SUM(k.size_mib), 0) AS free_mib"
                " FROM datastores d LEFT JOIN disks k ON k.datastore_ref = d.ref GROUP BY d.ref ORDER BY d.ref"
            ).fetchall()

    def networks(self) -> list[sqlite3.Row]:
        with self._call("list_networks") as db:
            return db.execute("SELECT * FROM networks ORDER BY ref").fetchall()

    def images(self) -> list[sqlite3.Row]:
        with self._call("list_images") as db:
            return db.execute(
                "SELECT m.ref, m.name, COALESCE(SUM(k.size_mib), 0) AS disk_mib FROM machines m"
                " LEFT JOIN disks k ON k.machine_ref = m.ref WHERE m.is_template GROUP BY m.ref ORDER BY m.ref"
            ).fetchall()

    def machines(self) -> Iterator[Seen]:
        """One by one: an estate is large, and whoever asks makes something else of each."""
        with self._call("list_machines") as db:
            yield from self._each(db, "NOT is_template", ())

    def last_change(self) -> tuple[str, int]:
        """Of which data centre, and its number: whatever is read after this holds what that changed."""
        with self._call("last_change") as db:
            return str(get(db, "identity")), _last_number(db)

    def changed(self, identity: str, since: int) -> Changed:
        """What changed after that number; everything, when the number is none that this data centre gave out."""
        with self._call("list_changes") as db:
            here = str(get(db, "identity"))
            number = _last_number(db)
            if identity != here or not 0 <= since <= number:
                return Changed(here, number, True, self._seen(db, "NOT is_template", ()), ())
            later = "SELECT machine_ref FROM journal WHERE number > ?"
            seen = self._seen(db, f"NOT is_template AND ref IN ({later})", (since,))
            here_now = "SELECT ref FROM machines WHERE NOT is_template"
            gone = db.execute(f"{later} AND machine_ref <> '' AND machine_ref NOT IN ({here_now})", (since,))
            return Changed(here, number, False, seen, [row["machine_ref"] for row in gone])

    def machine(self, ref: str) -> Seen:
        with self._call("get_machine", target=ref) as db:
            parts.need(db, ref)
            return self._seen(db, "ref = ?", (ref,))[0]

    def find(self, *, stamp: str, uuid: str) -> list[Seen]:
        with self._call("find_machines") as db:
            return self._seen(db, "stamp = ? AND stamp <> '' AND uuid = ?", (stamp, uuid))

    def find_uuid(self, uuid: str) -> list[Seen]:
        with self._call("find_machines") as db:
            return self._seen(db, "uuid = ?", (uuid,))

    def _seen(self, db: sqlite3.Connection, where: str, values: tuple[str | int, ...]) -> list[Seen]:
        return list(self._each(db, where, values))

    def _each(self, db: sqlite3.Connection, where: str, values: tuple[str | int, ...]) -> Iterator[Seen]:
        """Four statements, however many machines."""
        # `where` is always one of the literals in this class.
        rows = db.execute(f"SELECT * FROM machines WHERE {where} ORDER BY created_at, ref", values)  # noqa: S608
        inner = f"SELECT ref FROM machines WHERE {where}"  # noqa: S608
        disks, nics, snapshots = (
            _by_machine(
                db.execute(f"SELECT * FROM {table} WHERE machine_ref IN ({inner}) ORDER BY {table}.rowid", values)  # noqa: S608
            )
            for table in ("disks", "nics", "snapshots")
        )
        seed, now = get(db, "seed"), self.now()
        for row in rows:
            ref = row["ref"]
            devices = (disks.pop(ref, ()), nics.pop(ref, ()), snapshots.pop(ref, ()))
            yield Seen(row, *devices, _percent(row, seed, now))

    def usage(self, refs: Sequence[str]) -> list[Use]:
        """The last five minutes of each of these machines that runs."""
        with self._call("get_usage") as db:
            seed, now, found = get(db, "seed"), self.now(), []
            for start in range(0, len(refs), REFS_AT_ONCE):
                chunk = refs[start : start + REFS_AT_ONCE]
                marks = ", ".join("?" * len(chunk))
                rows = db.execute(f"SELECT * FROM machines WHERE power = 'on' AND ref IN ({marks})", chunk)  # noqa: S608
                found += [use(row, seed=seed, now=now) for row in rows]
            return found

    def events(self, since: datetime) -> list[sqlite3.Row]:
        """Oldest first; those of one moment together, since whoever asks again asks from the last one's moment on."""
        with self._call("list_events") as db:
            rows = db.execute(
                "SELECT * FROM events WHERE at > ? ORDER BY at, id LIMIT ?", (since.isoformat(), EVENTS_AT_ONCE + 1)
            ).fetchall()
        if len(rows) <= EVENTS_AT_ONCE:
            return rows
        return [row for row in rows if row["at"] != rows[-1]["at"]] or rows

    def disk_files(self) -> list[sqlite3.Row]:
        with self._call("list_disks") as db:
            return db.execute("SELECT * FROM disks ORDER BY ref").fetchall()

    def disk_file(self, ref: str) -> sqlite3.Row:
        with self._call("get_disk", target=ref) as db:
            return diskfiles.need(db, ref)

    def loose_disks(self, path_start: str) -> list[str]:
        """References of disks under a path that belong to no machine."""
        with self._call("list_disks") as db:
            rows = db.execute(
                "SELECT ref FROM disks WHERE machine_ref = '' AND path >= ? AND path < ?",
                (path_start, path_start + "\U0010ffff"),
            )
            return [row["ref"] for row in rows]

    def free_memory(self, pool_ref: str) -> int:
        with self._call("free_memory", target=pool_ref) as db:
            return placement.free_memory(db, pool_ref)

    def check_name(self, name: str) -> None:
        with self._call("check_name") as db:
            machines.check_name(db, name)

    def task(self, ref: str, *, target: str = "", kind: str = "") -> sqlite3.Row | None:
        """The task with this reference; where that is not known (any more), the one that runs on the target."""
        with self._call("get_task", target=target) as db:
            row: sqlite3.Row | None = db.execute("SELECT * FROM tasks WHERE ref = ?", (ref,)).fetchone()
            if row is not None and (not target or row["target"] == target):
                return row
            return tasks.running(db, target, kind) if target else None


def _last_number(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT COALESCE(MAX(number), 0) FROM journal").fetchone()[0])


def _by_machine(rows: sqlite3.Cursor) -> dict[str, Sequence[sqlite3.Row]]:
    found: defaultdict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in rows:
        found[row["machine_ref"]].append(row)
    return {**found}


def _percent(row: sqlite3.Row, seed: int, now: datetime) -> int | None:
    if row["power"] != "on":
        return None
    return cpu_percent(seed=seed, uuid=row["uuid"], profile=row["profile"], at=now, idle_from=row["idle_from"])
