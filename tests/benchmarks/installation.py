"""A small installation with real workers, for what only processes of their own can show."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from portal.supervisor import die_with_parent

CELERY = ["-m", "celery", "-A", "portal.celery"]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
MODULE = "portal.settings"


@contextmanager
def data_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="leasehold-bench-"))
    try:
        (folder / "simulated").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def settings(folder: Path, **given: str) -> dict[str, str]:
    """The product's own settings, for this process and for those that it starts."""
    return {"LEASEHOLD_MODE": "test", "DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": MODULE, **given}


@contextmanager
def programs(folder: Path, *commands: list[str]) -> Iterator[None]:
    """Celery programs beside this process, gone when the block ends."""
    running = []
    try:
        for number, command in enumerate(commands):
            with (folder / f"{number}.log").open("wb") as log:
                running.append(
                    subprocess.Popen(
                        [sys.executable, *CELERY, *command],
                        env=dict(os.environ),
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        preexec_fn=die_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
                    )
                )
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def worker(processes: int) -> list[str]:
    return ["worker", "-Q", "provisioning", "-c", str(processes), *QUIET]


def until(look: Callable[[], Any], *, within: float = 60.0, every: float = 0.02) -> Any:
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s")
        time.sleep(every)
    return found
