"""`make demo`: what must be settled before Django reads its settings. Standard library only.

`python -m portal.demo --check` only looks whether a start would be refused, before anything is installed.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

from portal.keys import fernet_key, signing_key

FOREIGN = ("DATABASE_URL", "BROKER_URL")
"""Settings of a real installation: with one of them at hand, the demo would work on real data."""


def refusal(environ: os._Environ[str] | dict[str, str]) -> str | None:
    """Why the demo must not start here; None when it may."""
    if environ.get("LEASEHOLD_MODE", "demo") != "demo":
        return f"The demo does not start with LEASEHOLD_MODE={environ['LEASEHOLD_MODE']}. Unset it and try again."
    for name in FOREIGN:
        if found := [each for each in (name, f"{name}_FILE") if environ.get(each)]:
            return f"{found[0]} is set: the demo has a database and a queue of its own. Unset it and try again."
    port = environ.get("PORT", "")
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        return f"PORT must be a number from 1 to 65535; it is {port!r}."
    if not port_is_free(int(port or 8000)):
        return f"Port {port or 8000} is taken. Choose another one: make demo PORT={int(port or 8000) % 65535 + 1}"
    return None


def port_is_free(port: int) -> bool:
    """Asked before anything starts: otherwise whoever holds the port would answer in the demo's place."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def keep_secret(path: Path, value: str) -> None:
    """Writes a file for this user's eyes only, unless it is there: each installation has its own keys and password."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
            file.write(value + "\n")


def prepare(environ: os._Environ[str] | dict[str, str], folder: Path) -> None:
    """Makes the data folder with its secrets, and points the settings at them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep_secret(folder / "secret-key", signing_key())
    keep_secret(folder / "secrets-keys", fernet_key())
    keep_secret(folder / "password", secrets.token_hex(6))
    port = environ.setdefault("PORT", "8000")
    environ.update(
        LEASEHOLD_MODE="demo",
        DATA_DIR=str(folder),
        SECRET_KEY_FILE=str(folder / "secret-key"),
        SECRETS_KEYS_FILE=str(folder / "secrets-keys"),
        PORTAL_URL=f"http://127.0.0.1:{port}",
        DJANGO_SETTINGS_MODULE="portal.settings",
    )


def main(arguments: list[str]) -> int:
    if not os.environ.get("PORT"):
        os.environ.pop("PORT", None)
    if reason := refusal(os.environ):
        print(reason, file=sys.stderr)
        return 2
    if "--check" in arguments:
        return 0
    default = Path(__file__).resolve().parents[1] / "var" / "demo"
    prepare(os.environ, Path(os.environ.get("DATA_DIR") or default).resolve())

    from django.core.management import execute_from_command_line  # noqa: PLC0415 - needs the environment from above

    try:
        execute_from_command_line(["manage.py", "serve_demo"])
    except KeyboardInterrupt:  # before the programs were started; afterwards the supervisor answers it
        print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
