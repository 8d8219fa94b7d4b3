"""Signing in to a guest that was given a key, and what it says of itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from hypervisors.contract import Seed
from tests.rigs.libvirt import free_port

PATIENCE = 300
HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Key:
    private: Path
    public: str


def new_key(folder: Path) -> Key:
    private = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "soak", "-f", str(private)], check=True)
    return Key(private, private.with_suffix(".pub").read_text().strip())


def seed_with(key: Key) -> tuple[Seed, str]:
    """A seed, and the word that its user data leaves in /root/word."""
    word = token_hex(8)
    user_data = f"#cloud-config\nwrite_files:\n- path: /root/word\n  content: {word}\n"
    return Seed(hostname=f"soak-{token_hex(3)}", ssh_keys=[key.public], user_data=user_data), word


def says(key: Key, command: str, *, address: str, port: int = 22, via: Sequence[str] = ()) -> str:
    """What a command prints in the guest, as soon as the image's own user can sign in; `via` stands before `ssh`."""
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5", "BatchMode=yes"]
    settings = [word for option in options for word in ("-o", option)]
    line = [*via, "ssh", "-q", "-i", str(key.private), "-p", str(port), *settings, f"debian@{address}", command]
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(line, check=False, capture_output=True, text=True)
        if not done.returncode:
            return done.stdout.strip()
        assert time.monotonic() < deadline, f"Nobody could sign in: {done.stderr[-300:]}"
        time.sleep(2)


@contextmanager
def booted(image: Path, drive: Path) -> Iterator[int]:
    """A machine without a hypervisor's manager around it, with a second disk that is read only. Gives the SSH port."""
    port = free_port(HERE)
    guest = subprocess.Popen(
        [
            "qemu-system-x86_64", "-m", "512", "-display", "none",
            "-drive", f"file={image},if=virtio,snapshot=on",
            "-drive", f"file={drive},if=virtio,format=raw,readonly=on",
            "-netdev", f"user,id=net,hostfwd=tcp:{HERE}:{port}-:22", "-device", "virtio-net-pci,netdev=net",
        ]
    )  # fmt: skip
    try:
        yield port
    finally:
        guest.kill()
        guest.wait()
