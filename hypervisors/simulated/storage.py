"""The file itself: connections and transactions. Several processes use one file at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from hypervisors.simulated import settings
from hypervisors.simulated.faults import NativeFault
from hypervisors.simulated.schema import SCHEMA

VERSION = 2
"""Of the tables. A file of another version is refused, not mended: what is in it is invented anyway."""


def create(path: str) -> None:
    """Makes the file with its tables; leaves one that is there as it is.

    It appears under its name at once and whole: another process may look for it at any moment, or make it too.
    """
    draft = Path(f"{path}.{uuid4().hex}")
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.row_factory = sqlite3.Row
        db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        db.execute(f"PRAGMA user_version={VERSION}")
        settings.put(db, "identity", uuid4().hex)
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
            db = sqlite3.connect(uri, uri=True, timeout=self.timeout, isolation_level=None)
            if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                db.close()
                raise NativeFault("unreachable", "This file was made by another version. Delete it, and make it anew.")
            self._db, self._pid = db, os.getpid()
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
