"""A PostgreSQL server of the tests' own: `python -m tests.rigs.postgres COMMAND …` runs the command on it.

It listens on a socket in a private folder only, keeps nothing, and is stopped by its process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Nothing outlives the run, so nothing needs to survive a power cut.
SETTINGS = ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "listen_addresses="]


def programs() -> Path | None:
    """Where initdb and postgres are: Debian keeps them off PATH, one folder per version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def identity() -> dict[str, int | list[int]]:
    """PostgreSQL refuses to run as root: as root, the arguments that make it the package's own user."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def server(binaries: Path) -> Iterator[str]:
    """Starts a server; its address is a value for TEST_DATABASE_URL."""
    folder = Path(tempfile.mkdtemp(prefix="leasehold-postgres-"))
    data, who = folder / "data", identity()
    try:
        if who:
            shutil.chown(folder, "postgres", "postgres")
        create = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "leasehold",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)  # type: ignore[call-overload]
        start = [binaries / "postgres", "-D", data, "-k", folder, *SETTINGS]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(start, cwd=folder, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        try:
            wait_until_ready(binaries, folder, process)
            yield f"postgresql://leasehold@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)  # its fast shutdown: does not wait for those still connected
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(binaries: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    ask: list[str | Path] = [binaries / "pg_isready", "-q", "-h", folder]
    while subprocess.run(ask, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start: " + (folder / "log").read_text())
        time.sleep(0.1)


def main(command: list[str]) -> int:
    binaries = programs()
    if binaries is None:
        print("Not tested on PostgreSQL: it is not installed (Debian package postgresql).")
        return 1 if os.environ.get("CI") else 0
    with server(binaries) as url:
        return subprocess.run(command, check=False, env={**os.environ, "TEST_DATABASE_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
