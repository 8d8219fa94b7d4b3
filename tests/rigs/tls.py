"""Certificates of an authority that nobody else trusts, as files: for a server on 127.0.0.1 and for its client."""

from __future__ import annotations

import os
from pathlib import Path

from tests.rigs.libvirt.certificates import authority, issued


def write_certificates(folder: Path) -> Path:
    """ca.pem, server.pem, server.key, client.pem, client.key, and stranger.pem, another authority."""
    ca = authority()
    folder.mkdir()
    (folder / "ca.pem").write_text(ca.pem)
    (folder / "stranger.pem").write_text(authority("stranger").pem)
    for role, name in (("server", "127.0.0.1"), ("client", "leasehold")):
        identity = issued(name, ca, address="127.0.0.1")
        (folder / f"{role}.pem").write_text(identity.pem)
        key = os.open(folder / f"{role}.key", os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(key, "w") as file:
            file.write(identity.key_pem)
    return folder
