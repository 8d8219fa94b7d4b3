"""A PostgreSQL server of the tests' own: `python -m tests.rigs.postgres COMMAND …` runs the command on it.

It listens on a socket in a private folder only, keeps nothing, is stopped by its process id, and ends with the process
that started it.
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
from urllib.parse import quote

from portal.supervisor import LIBC, PR_SET_PDEATHSIG
from tests.rigs.redis import free_port
from tests.rigs.tls import write_certificates

PASSWORD = "p@ss/word%;"
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
def server(binaries: Path, *, tls: bool = False) -> Iterator[str]:
    """Starts a server; its address is a value for DATABASE_URL, or TEST_DATABASE_URL for the suite itself.

    With `tls` it is reached by that alone, on loopback, with a password and a certificate of the client. Beside the
    ca.pem that the address names lies stranger.pem, of an authority that the server's certificate is not from.
    """
    folder = Path(tempfile.mkdtemp(prefix="leasehold-postgres-"))
    try:
        port = secure(folder) if tls else 0
        create(binaries, folder, tls=tls)
        start = [binaries / "postgres", "-D", folder / "data", "-k", folder, *SETTINGS, *(tls_settings(folder, port))]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                start,
                cwd=folder,
                stdout=log,
                stderr=log,
                preexec_fn=die_fast_with_parent,  # noqa: PLW1509 - one prctl call, nothing that could take a lock
                **identity(),  # type: ignore[call-overload]
            )
        try:
            wait_until_ready(binaries, folder, process, port=port)
            yield secured_address(folder, port) if tls else f"postgresql://leasehold@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)  # its fast shutdown: does not wait for those still connected
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create(binaries: Path, folder: Path, *, tls: bool) -> None:
    who = identity()
    if who:
        shutil.chown(folder, "postgres", "postgres")
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    options = [
        "-U",
        "leasehold",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "-N",
        "--pwfile",
        folder / "password",
    ]
    command = [binaries / "initdb", "-D", folder / "data", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)  # type: ignore[call-overload]
    if tls:
        (folder / "data" / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
        )


def secure(folder: Path) -> int:
    """Lays certificates into the folder, the server's own readable for it alone. Returns a port that is free."""
    certificates = write_certificates(folder / "tls")
    if identity():
        shutil.chown(certificates / "server.key", "postgres", "postgres")
    return free_port()


def tls_settings(folder: Path, port: int) -> list[str]:
    if not port:
        return []
    files = {"ssl_cert_file": "server.pem", "ssl_key_file": "server.key", "ssl_ca_file": "ca.pem"}
    settings = {"ssl": "on", **{name: f"{folder / 'tls' / file}" for name, file in files.items()}}
    settings |= {"port": str(port), "listen_addresses": "127.0.0.1"}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def secured_address(folder: Path, port: int) -> str:
    files = {"sslrootcert": "ca.pem", "sslcert": "client.pem", "sslkey": "client.key"}
    query = "&".join(f"{name}={quote(str(folder / 'tls' / file), safe='')}" for name, file in files.items())
    return f"postgresql://leasehold:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/postgres?sslmode=verify-full&{query}"


def die_fast_with_parent() -> None:
    """PostgreSQL waits for its clients when it is asked by SIGTERM."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def wait_until_ready(binaries: Path, folder: Path, process: subprocess.Popen[bytes], *, port: int) -> None:
    deadline = time.monotonic() + 60
    ask: list[str | Path] = [binaries / "pg_isready", "-q", "-h", folder, *(["-p", str(port)] if port else [])]
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
