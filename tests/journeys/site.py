"""A whole installation of the tests' own: the demo as `make demo` starts it, in a private folder on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from portal.demo import prepare
from portal.supervisor import die_with_parent
from tests.journeys.pairs import ask

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
OURS = ("LEASEHOLD_MODE", "DATA_DIR", "DATABASE_URL", "BROKER_URL", "TEST_DATABASE_URL", "DJANGO_SETTINGS_MODULE")
"""What tests/environment.py said to this process, and no installation shall hear."""
PATIENCE = 20.0
"""Seconds the supervisor has to stop its programs, before its children are looked for and killed."""


def eventually(look: Callable[[], T], *, within: float = 30.0, every: float = 0.1, what: str = "") -> T:
    """Looks until there is something to see."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"Not within {within:.0f} seconds: {what or look}"
        time.sleep(every)
    return found


class Site:
    """Web, worker and beat in processes of their own. Stops with the process that started it, however that ends.

    With settings of another database, the example estate is made on SQLite and moved there. `more` is set in any case.
    """

    def __init__(self, folder: Path, *, machines: int, settings: dict[str, str] | None = None, **more: str) -> None:
        self.machines = machines
        self.folder = folder
        self.settings = settings or {}
        self.more = more
        self.url = ""
        self.seconds_to_migrate = 0.0
        """Of the processor: it is one process that waits for nobody, and what else the machine does is not counted."""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        env = {name: value for name, value in os.environ.items() if name not in OURS} | {"PORT": str(_free_port())}
        prepare(env, self.folder)
        env.update(self.more)
        self.url = env["PORTAL_URL"]
        before = _processor_seconds()
        self._manage(env, "migrate", "--verbosity", "0")
        self.seconds_to_migrate = _processor_seconds() - before
        self._manage(env, "seed_demo", "--machines", str(self.machines))
        with (self.folder / "demo.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *(self._move(env) if self.settings else ["-m", "portal.demo"])],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
            )
        eventually(self._ready, within=180, what="the demo to be ready")

    def _move(self, env: dict[str, str]) -> list[str]:
        """Into the other database. What starts it then: `make demo` refuses settings of a real installation."""
        env.update(self.settings)
        self._manage(env, "migrate", "--verbosity", "0")
        self._manage(env, "copy_database", "--from", f"sqlite:///{self.folder / 'leasehold.sqlite3'}")
        return ["manage.py", "serve_demo"]

    def _manage(self, env: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.logs()
        return is_ready(self.url)

    def stop(self) -> None:
        """Asks the supervisor, which asks its programs; kills by id what is left of any of them."""
        if self._process is not None:
            groups = [self._process.pid, *self._children()]
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=PATIENCE)
            finally:
                for group in groups:
                    _kill_group(group)
                self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _children(self) -> list[int]:
        """The programs under the supervisor, each the leader of a group of its own."""
        assert self._process is not None
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def program(self, word: str) -> int:
        """Process id of the program whose command line holds a word: `worker`, `beat`, `granian`; 0 for none."""
        for pid in self._children():
            with_args = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if word.encode() in with_args:
                return pid
        return 0

    def kill_worker(self) -> int:
        """kill -9 for the worker and its children, all in one moment. Returns the id it had."""
        pid = eventually(lambda: self.program("worker"), what="a worker to kill")
        os.killpg(pid, signal.SIGKILL)
        return pid

    def logs(self) -> str:
        """The ends of all logs, for whoever reads a failure."""
        files = [self.folder / "demo.log", *sorted((self.folder / "log").glob("*.log"))]
        return "\n".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-4000:]}" for file in files if file.exists()
        )

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text().strip()

    def rows(self, question: str, *values: Any) -> list[dict[str, Any]]:
        """Asks the installation's own database, without being able to change it."""
        if self.settings:
            return ask(self.settings["DATABASE_URL"], question, *values)
        db = sqlite3.connect(f"file:{self.folder / 'leasehold.sqlite3'}?mode=ro", uri=True, timeout=20)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(question, values)]
        finally:
            db.close()

    def api(self, who: str, path: str, body: dict[str, Any] | None = None, *, method: str = "") -> Any:
        """One call of the programming interface, as a person."""
        token = b64encode(f"{who}:{self.password}".encode()).decode()
        request = Request(  # noqa: S310 - our own
            f"{self.url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
            method=method or ("GET" if body is None else "POST"),
        )
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
                text = answer.read()
        except HTTPError as error:
            raise AssertionError(f"{request.method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    def mails(self) -> list[str]:
        """What left by mail so far, oldest first."""
        return [file.read_text() for file in sorted((self.folder / "mail").glob("*"))]


def is_ready(url: str) -> bool:
    """Web, database, a worker and beat are there."""
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - our own
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _processor_seconds() -> float:
    """Used so far by processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
