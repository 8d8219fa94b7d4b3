"""PostgreSQL and Redis, to be killed and started again: what they said was written is there afterwards."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.journeys.pairs import ask
from tests.rigs import postgres
from tests.rigs.redis import RedisRig

# A commit that was confirmed survives the server's own death; only a power cut is not played.
DURABLE = ["-c", "fsync=off", "-c", "listen_addresses=", "-c", "max_connections=200"]


class Postgres:
    """One server on a socket in a folder of its own."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="leasehold-chaos-postgres-"))
        self.process: subprocess.Popen[bytes] | None = None
        postgres.create(binaries, self.folder, tls=False)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *DURABLE],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=postgres.die_fast_with_parent,  # noqa: PLW1509 - one prctl call, nothing that takes a lock
                **postgres.identity(),  # type: ignore[call-overload]
            )
        postgres.wait_until_ready(self.binaries, self.folder, self.process, port=0)

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """By SIGQUIT nothing is said to anybody and nothing written: the next start recovers from the log."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def address(self, database: str) -> str:
        return f"postgresql://leasehold@/{database}?host={self.folder}"

    def copy(self, template: str, database: str) -> str:
        """A new database like an old one; returns its address.

        A copied sequence believes that its next numbers are in the log already: killed before the next checkpoint, the
        server would give them out again.
        """
        ask(self.address("postgres"), f"CREATE DATABASE {database} TEMPLATE {template}")
        ask(self.address("postgres"), "CHECKPOINT")
        return self.address(database)


class Servers:
    """Both, shared by all installations of a process; each has a database, and a number in Redis."""

    def __init__(self, binaries: Path) -> None:
        self.postgres = Postgres(binaries)
        self.redis = RedisRig()
        self.count = 0

    def __enter__(self) -> Self:
        self.postgres.start()
        try:
            self.redis.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.redis.__exit__()
        self.postgres.end(signal.SIGQUIT)
        shutil.rmtree(self.postgres.folder, ignore_errors=True)

    def broker(self) -> str:
        """The address of a number that nobody has had."""
        self.count += 1
        return f"{self.redis.environ['BROKER_URL'].removesuffix('/0')}/{self.count % 16}"
