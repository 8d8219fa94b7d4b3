"""The demo: migrates, seeds, then runs web, worker and beat as one. `make demo` prepares its environment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from lifecycle.models import Heartbeat
from lifecycle.operations.queries import worker_fit
from portal.celery import DUTIES, declare
from portal.supervisor import Program, Supervisor

PEOPLE = {"lena": "employee", "tomasz": "supervisor", "ingrid": "administrator"}


class Command(BaseCommand):
    help = "Starts the demo on loopback; Ctrl-C stops all of it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only `make demo` starts the demo.", returncode=2)
        with (settings.DATA_DIR / "lock").open("w") as lock:
            lock_or_refuse(lock)
            self.prepare()
            supervisor = Supervisor(programs(), env=os.environ, keep=[lock.fileno()])
            code = supervisor.run(ready=healthy, announce=self.announce)
            self.stdout.write("Stopped. The data stays in " + str(settings.DATA_DIR))
        sys.exit(code)

    def prepare(self) -> None:
        for folder in ("log", "mail", "simulated", "static"):
            (settings.DATA_DIR / folder).mkdir(exist_ok=True)
        for stale in settings.DATA_DIR.glob("beat-schedule*"):
            stale.unlink()
        declare()
        self.stdout.write("Preparing the database …")
        call_command("migrate", verbosity=0, interactive=False)
        # The last run's heartbeat says nothing about this run's worker.
        Heartbeat.objects.all().delete()
        call_command("seed_demo")
        collect_static()
        connections.close_all()
        self.stdout.write("Starting web, worker and beat …")

    def announce(self) -> None:
        password = (settings.DATA_DIR / "password").read_text().strip()
        self.stdout.write(f"\nLeasehold is ready: {settings.PORTAL_URL}\n\n")
        for name, role in PEOPLE.items():
            self.stdout.write(f"  {name:<8} {password}   {role}")
        self.stdout.write("\nCtrl-C stops everything; the data stays.")
        self.stdout.flush()


def lock_or_refuse(lock: TextIO) -> None:
    """The programs inherit the lock: it is free again when the last of them is gone."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(
            f"A demo is already running on {settings.DATA_DIR}, or still stopping.", returncode=2
        ) from None


def programs() -> list[Program]:
    port, logs = os.environ["PORT"], settings.DATA_DIR / "log"
    celery = ["-m", "celery", "-A", "portal.celery"]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    web = ["--interface", "wsgi", "portal.wsgi:application", "--host", "127.0.0.1", "--port", port]
    table = {
        "web": ["-m", "granian", *web, "--workers", "1", "--blocking-threads", "4", "--log-level", "warning"],
        **{duty: [*worker, "-Q", duty, "-c", str(processes)] for duty, processes in workers().items()},
        "beat": [*celery, "beat", "-s", str(settings.DATA_DIR / "beat-schedule"), "--loglevel", "WARNING"],
    }
    for name in table:
        (logs / f"{name}.log").write_bytes(b"")
    return [Program(name, [sys.executable, *argv], logs / f"{name}.log") for name, argv in table.items()]


def workers() -> dict[str, int]:
    """Duty -> processes: only work on hypervisors waits long enough for others to overtake it."""
    return dict.fromkeys(DUTIES, 1) | {"provisioning": settings.WORKER_PROCESSES}


def healthy() -> bool:
    # Asked only when there is a chance: every 503 is an error in the web server's log.
    if not worker_fit():
        return False
    try:
        with urlopen(f"{settings.PORTAL_URL}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def collect_static() -> None:
    """Compressing and hashing takes seconds: only when a file changed since."""
    mark = settings.STATIC_ROOT / ".collected"
    digest = hashlib.sha256("\n".join(sorted(sources())).encode()).hexdigest()
    if not mark.exists() or mark.read_text() != digest:
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
        mark.write_text(digest)


def sources() -> Iterator[str]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            yield f"{name} {found.st_size} {found.st_mtime_ns}"
