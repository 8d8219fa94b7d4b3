"""What a call works with: the pool's objects, the settings a test can change, its session and its task."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from tests.rigs.xapi.database import Database, Obj, now
from tests.rigs.xapi.errors import NULL, Failure


@dataclass
class Account:
    password: str
    role: str = "pool-admin"
    """`pool-admin`, `read-only`, or empty: known, but with no role at all."""


@dataclass
class Settings:
    """How the pool behaves. Durations are seconds; a test may change any of them at run time."""

    clone_seconds: float = 0.0
    copy_seconds: float = 0.0
    snapshot_seconds: float = 0.0
    start_seconds: float = 0.0
    stop_seconds: float = 0.0
    suspend_seconds: float = 0.0
    destroy_seconds: float = 0.0
    disk_seconds: float = 0.0
    guest_seconds: float = 0.0
    """How long a guest that listens takes to stop."""
    agent_seconds: float = 0.0
    """How long after its start a guest's agent first reports."""
    ack_seconds: float = 1.0
    """How long the server waits for a guest to say that it heard (the real one: 60 s and more)."""
    shutdown_seconds: float = 3.0
    """How long it waits for a guest that said so (the real one: 1200 s)."""
    bad_login_seconds: float = 0.2
    """What a wrong password costs (the real one: 1.6 s)."""
    session_limit: int = 500
    session_seconds: float = 86_400.0
    """How long a session lives that nobody uses."""
    task_limit: int = 200
    task_seconds: float = 3900.0
    dynamic_memory: bool = False
    checkpoints: bool = False
    booting: bool = False
    supporter_of: str = ""
    console_host: str = ""
    accounts: dict[str, Account] = field(default_factory=lambda: {"root": Account("xensource")})


class Pool:
    """Everything the server knows."""

    def __init__(self, seed: int = 1, settings: Settings | None = None) -> None:
        self.db = Database(seed)
        self.seed = seed
        self.settings = settings or Settings()
        self.domid = 3
        self.addresses = 0
        self.out_of_reach: dict[str, set[str]] = {}
        """Networks by ref, with the hosts that cannot attach them."""
        self.cancelled: set[str] = set()
        """Refs of tasks that somebody wants to end."""

    @property
    def this(self) -> Obj:
        """The pool object, of which there is exactly one."""
        return next(self.db.all("pool"))

    @property
    def coordinator(self) -> str:
        return str(self.this["master"])


@dataclass
class Context:
    """One call on its way. The lock of the database is held, except inside `work` and `wait`."""

    pool: Pool
    method: str
    session: Obj | None = None
    task: Obj | None = None
    task_ref: str = ""
    parallel: bool = False

    def __post_init__(self) -> None:
        self.task_ref = self.task.ref if self.task else f"DummyRef:|{self.db.uuid()}|{self.method}"

    @property
    def db(self) -> Database:
        return self.pool.db

    @property
    def settings(self) -> Settings:
        return self.pool.settings

    def stop_if_cancelled(self) -> None:
        if self.task_ref in self.pool.cancelled:
            raise Failure("TASK_CANCELLED", self.task_ref)

    def work(self, seconds: float) -> None:
        """Takes that long, lets others go on meanwhile, shows progress, and ends early when cancelled."""
        began = time.monotonic()
        while (gone := time.monotonic() - began) < seconds:
            self.stop_if_cancelled()
            if self.task and gone:
                self.db.set(self.task, progress=round(min(0.99, gone / seconds), 3))
            step = max(0.005, min(0.1, seconds / 10, seconds - gone))
            self.pause(step)
        self.stop_if_cancelled()

    def pause(self, seconds: float) -> None:
        """Lets others go on for that long, whatever they change meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.db.changed.wait(left)
            if self.task_ref in self.pool.cancelled:
                return

    def note(self, name: str, obj: Obj, body: str = "", priority: int = 5) -> None:
        """A message about an object, as the real server leaves behind for administrators."""
        self.db.create(
            "message", name=name, priority=priority, cls=obj.cls, obj_uuid=obj.uuid, timestamp=now(), body=body
        )


def optional(db: Database, cls: str, ref: str) -> Obj | None:
    """The object behind a ref that may be null."""
    return None if ref in {NULL, ""} else db.get(cls, ref)


Args = list[Any]
