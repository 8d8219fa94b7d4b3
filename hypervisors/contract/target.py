"""Where an endpoint is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to connect. Adapters build their URIs from these fields only; nothing is passed through."""

    kind: str
    address: str = ""
    """Host name or address; several, separated by commas, where the adapter takes a group of hosts."""
    port: int | None = None
    transport: str = ""
    path: str = ""
    username: str = ""
    secret: str = field(default="", repr=False)
    ca_pem: str = field(default="", repr=False)
    """The authority that signed the server's certificate; empty for the system's. Never "do not verify"."""
    read_only: bool = True
    timeout: float = 20.0
    clock: Callable[[], datetime] | None = field(default=None, repr=False, compare=False)
    """Only for `simulated`: its idea of now, so that a shifted demo clock moves the data centre too."""
