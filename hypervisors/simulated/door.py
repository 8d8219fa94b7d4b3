"""The door of the data centre: every call from outside comes through it, with its delay, its faults and its log row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from hypervisors.simulated import faults, tasks
from hypervisors.simulated.settings import get
from hypervisors.simulated.storage import Storage


class Door:
    """A session. Raises NativeFault only."""

    def __init__(self, path: str, *, who: str, timeout: float, clock: Callable[[], datetime] | None = None) -> None:
        self.storage = Storage(path, timeout=min(timeout, 20.0))
        self.who = who
        self.timeout = timeout
        self.clock = clock

    def now(self) -> datetime:
        return self.clock().astimezone(UTC) if self.clock else datetime.now(UTC)

    @contextmanager
    def _call(self, name: str, *, changing: bool = False, target: str = "") -> Iterator[sqlite3.Connection]:
        with self.storage.write() as db:
            if get(db, "offline"):
                raise faults.NativeFault("unreachable", "Connection refused.")
            number = faults.log_call(db, name, changing=changing, target=target)
            fault = faults.take_fault(db, name, number)
            latency = get(db, "latency_ms") / 1000
            tasks.settle(db, now=self.now())
        faults.delay(latency, self.timeout)
        if fault is not None and fault.code != faults.LOST_ANSWER:
            raise fault
        with self.storage.write() if changing else self.storage.read() as db:
            yield db
        if fault is not None:
            raise fault

    def close(self) -> None:
        self.storage.close()
