"""The programs of one installation in production mode, each started again as soon as it is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from portal.keys import fernet_key, signing_key
from portal.supervisor import Program
from tests.journeys.site import OURS, is_ready
from tests.rigs.redis import free_port

WORKERS = ("provisioning-1", "provisioning-2")
CAST = ("web", *WORKERS, "sync", "clockwork", "beat-1", "beat-2")


def environment(folder: Path, *, database: str, broker: str, mail_port: int = 25) -> dict[str, str]:
    """What every program of an installation is told. Nothing that this process was told by its tests."""
    port = str(free_port())
    plain = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("API_RATE")}
    return {
        **plain,
        "LEASEHOLD_MODE": "production",
        "HTTPS": "false",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "BROKER_URL": broker,
        "SECRET_KEY": signing_key(),
        "SECRETS_KEYS": fernet_key(),
        "PORT": port,
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mail_port),
        "API_RATE": "0",
        "API_RATE_ANONYMOUS": "0",
        "LOG_LEVEL": "WARNING",
        "CHAOS_DIR": str(folder),
    }


def commands(folder: Path, port: str) -> dict[str, list[str]]:
    """As compose.yaml has them, but for the provisioning workers, which are ours (worker.py)."""
    celery = ["-m", "celery", "-A", "portal.celery"]
    quiet = ["--loglevel", "WARNING"]
    web = ["--interface", "wsgi", "portal.wsgi:application", "--host", "127.0.0.1", "--port", port]
    return {
        "web": ["-m", "granian", *web, "--workers", "1", "--blocking-threads", "4", "--log-level", "warning"],
        **{
            name: ["-m", "tests.chaos.worker", "worker", "-n", f"{name}@%h", "-Q", "provisioning", "-c", "1", *quiet]
            for name in WORKERS
        },
        **{
            name: [*celery, "worker", "-n", f"{name}@%h", "-Q", name, "-c", "1", *quiet]
            for name in ("sync", "clockwork")
        },
        **{name: [*celery, "beat", "-s", str(folder / name), "--pidfile=", *quiet] for name in ("beat-1", "beat-2")},
    }


class Programs:
    """Started, tended and broken by one thread: the kernel ends them with the thread that started them."""

    def __init__(self, folder: Path, env: dict[str, str], cast: Iterable[str] = CAST) -> None:
        self.folder, self.env = folder, env
        self.url = env["PORTAL_URL"]
        (folder / "log").mkdir(parents=True)
        (folder / "static").mkdir()
        table = commands(folder, env["PORT"])
        self.table = {
            name: Program(name, [sys.executable, *table[name]], folder / "log" / f"{name}.log") for name in cast
        }
        self.paused: set[str] = set()
        self.deaths = 0

    def start(self) -> None:
        for program in self.table.values():
            program.start(self.env)

    def tend(self) -> None:
        """Starts again what is gone."""
        for program in self.table.values():
            if not program.running():
                program.end()
                self.deaths += 1
                program.start(self.env)

    def kill(self, name: str) -> None:
        """kill -9 for it and its children, all in one moment."""
        self._signal(name, signal.SIGKILL)
        self.paused.discard(name)

    def pause(self, name: str) -> None:
        self._signal(name, signal.SIGSTOP)
        self.paused.add(name)

    def resume(self, name: str) -> None:
        """Not when it was killed and started again meanwhile."""
        if name in self.paused:
            self._signal(name, signal.SIGCONT)
            self.paused.discard(name)

    def _signal(self, name: str, number: signal.Signals) -> None:
        process = self.table[name].process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def ready(self) -> bool:
        return is_ready(self.url)

    def stop(self) -> None:
        """Nothing is waited for: what they leave undone is what was looked at already."""
        for program in self.table.values():
            if program.process is not None:
                program.end()

    def logs(self) -> str:
        """Their ends, for whoever reads a failure."""
        return "\n".join(
            f"--- {program.name}\n{program.log.read_text(errors='replace')[-3000:]}" for program in self.table.values()
        )
