"""Faults on demand, and the log of what went over the wire."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from threading import Condition
from typing import Any, Literal

Action = Literal["delay", "drop", "hold", "cut", "garbage", "fail"]


@dataclass
class Fault:
    """What befalls calls of a method (a shell pattern). `skip` calls go through first, `times` are hit (0: all)."""

    method: str
    action: Action
    when: Literal["before", "after"] = "before"
    """Before the work is done, or after it and before the answer."""
    seconds: float = 0.0
    times: int = 0
    skip: int = 0
    details: list[str] = field(default_factory=list)
    """For `fail`: the ErrorDescription."""
    originator: str = "*"
    """Only sessions that logged in under such a name (a shell pattern), and their logins."""
    hits: int = 0
    released: bool = False

    def strikes(self, method: str, originator: str) -> bool:
        if not (fnmatchcase(method, self.method) and fnmatchcase(originator, self.originator)):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times and self.hits >= self.times:
            return False
        self.hits += 1
        return True


@dataclass
class Entry:
    """One call on the wire."""

    number: int
    method: str
    session: str
    originator: str
    received: int
    at: float
    sent: int = 0
    error: str = ""
    done: bool = False


class Faults:
    def __init__(self) -> None:
        self.changed = Condition()
        self.faults: list[Fault] = []

    def add(self, **fields: Any) -> None:
        with self.changed:
            self.faults.append(Fault(**fields))

    def clear(self) -> None:
        """Forgets them all and lets go of what is held."""
        with self.changed:
            for fault in self.faults:
                fault.released = True
            self.faults = []
            self.changed.notify_all()

    def hits(self) -> int:
        with self.changed:
            return sum(fault.hits for fault in self.faults)

    def next(self, entry: Entry) -> Fault | None:
        with self.changed:
            hit = (fault for fault in self.faults if fault.strikes(entry.method, entry.originator))
            return next(hit, None)

    def stall(self, fault: Fault) -> None:
        """Sits out a delay or a hold; clearing the faults ends both."""
        until = time.monotonic() + (fault.seconds if fault.action == "delay" else 3600)
        with self.changed:
            while not fault.released and (left := until - time.monotonic()) > 0:
                self.changed.wait(left)


class Log:
    """The last calls, and how many there were since the last reset."""

    def __init__(self, size: int = 100_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=size)
        self.count = 0
        self.connections = 0

    def begin(self, method: str, session: str, originator: str, received: int) -> Entry:
        self.count += 1
        entry = Entry(self.count, method, session, originator, received, time.time())
        self.entries.append(entry)
        return entry

    def reset(self) -> None:
        self.entries.clear()
        self.count = self.connections = 0

    def plain(self, since: int = 0) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in list(self.entries) if entry.number > since]
