"""The file itself: tables, connections, transactions. Several processes use one file at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from hypervisors.simulated.faults import NativeFault

SCHEMA = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pools (ref TEXT PRIMARY KEY, name TEXT NOT NULL, datastore_ref TEXT NOT NULL DEFAULT '',
  network_ref TEXT NOT NULL DEFAULT '');
CREATE TABLE hosts (ref TEXT PRIMARY KEY, name TEXT NOT NULL, pool_ref TEXT NOT NULL,
  cpus INTEGER NOT NULL, memory_mib INTEGER NOT NULL);
CREATE TABLE datastores (ref TEXT PRIMARY KEY, name TEXT NOT NULL, capacity_mib INTEGER NOT NULL);
CREATE TABLE networks (ref TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE machines (
  ref TEXT PRIMARY KEY, uuid TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, folder TEXT NOT NULL DEFAULT '',
  power TEXT NOT NULL DEFAULT 'off', vcpus INTEGER NOT NULL, memory_mib INTEGER NOT NULL,
  pool_ref TEXT NOT NULL DEFAULT '', host_ref TEXT NOT NULL DEFAULT '', network_ref TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL DEFAULT '', guest_name TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  fields TEXT NOT NULL DEFAULT '{}', stamp TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL,
  created_by TEXT NOT NULL DEFAULT '', managed_by TEXT NOT NULL DEFAULT '', is_template INTEGER NOT NULL DEFAULT 0,
  building INTEGER NOT NULL DEFAULT 0, profile TEXT NOT NULL DEFAULT 'idle', idle_from TEXT NOT NULL DEFAULT '',
  deaf INTEGER NOT NULL DEFAULT 0, stop_asked REAL);
CREATE INDEX machines_by_stamp ON machines (stamp) WHERE stamp <> '';
CREATE INDEX machines_by_name ON machines (folder, name);
CREATE INDEX machines_by_uuid ON machines (uuid);
CREATE INDEX machines_by_pool ON machines (pool_ref, power);
CREATE TABLE disks (ref TEXT PRIMARY KEY, machine_ref TEXT NOT NULL DEFAULT '', name TEXT NOT NULL,
  path TEXT NOT NULL, size_mib INTEGER NOT NULL, datastore_ref TEXT NOT NULL DEFAULT '');
CREATE INDEX disks_by_machine ON disks (machine_ref);
CREATE INDEX disks_by_path ON disks (path);
CREATE TABLE tasks (ref TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, args TEXT NOT NULL,
  started_at REAL NOT NULL, ends_at REAL NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '');
CREATE INDEX tasks_running ON tasks (ends_at) WHERE state = 'running';
CREATE INDEX tasks_by_target ON tasks (target);
CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, machine_ref TEXT NOT NULL,
  machine_name TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL);
CREATE INDEX events_by_machine ON events (machine_ref, id);
CREATE TABLE faults (id INTEGER PRIMARY KEY, call TEXT NOT NULL, code TEXT NOT NULL,
  message TEXT NOT NULL, remaining INTEGER, probability REAL);
CREATE TABLE calls (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, call TEXT NOT NULL,
  changing INTEGER NOT NULL, target TEXT NOT NULL);
"""


def create(path: str) -> None:
    """Makes the file with its tables; leaves one that is there as it is.

    It appears under its name at once and whole: another process may look for it at any moment, or make it too.
    """
    draft = Path(f"{path}.{uuid4().hex}")
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
    finally:
        db.close()
    try:
        Path(path).hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _native(error: sqlite3.Error) -> NativeFault:
    if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return NativeFault("busy", str(error))
    return NativeFault("unreachable", str(error))


class Storage:
    """One connection to an existing file; opened at first use, by one process and thread."""

    def __init__(self, path: str, *, timeout: float = 20.0) -> None:
        self.path = path
        self.timeout = timeout
        self._db: sqlite3.Connection | None = None
        self._pid = 0

    def _open(self) -> sqlite3.Connection:
        # A connection that came through a fork belongs to the parent: using it would corrupt the file.
        if self._db is None or self._pid != os.getpid():
            uri = f"{Path(self.path).as_uri()}?mode=rw"
            self._db = sqlite3.connect(uri, uri=True, timeout=self.timeout, isolation_level=None)
            self._pid = os.getpid()
            self._db.row_factory = sqlite3.Row
            # People put anything into notes; one bad byte must not hide a whole estate.
            self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA journal_size_limit=67108864")
        return self._db

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A snapshot; never waits for writers."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The write lock from the first statement on: a deferred read-then-write would fail instead of waiting."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            db = self._open()
            db.execute(begin)
            try:
                yield db
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise _native(error) from error

    def close(self) -> None:
        if self._db is not None and self._pid == os.getpid():
            self._db.close()
        self._db = None
