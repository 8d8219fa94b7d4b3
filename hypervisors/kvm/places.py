"""Where the hosts of an endpoint are: connection URIs, built from fields of the allow-list only. Imports no libvirt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from hypervisors.contract import Target
from hypervisors.errors import InvalidRequest
from hypervisors.fields import PEM_BLOCK, check_common, host

TLS_PORT = 16514
SOCKET_PATH = re.compile(r"/[A-Za-z0-9._/-]{1,106}")  # the kernel takes 107 bytes
MOST_HOSTS = 32


@dataclass(frozen=True, slots=True)
class Place:
    """One host of an endpoint."""

    said: str
    """As the target names it: host name, address, or path of a socket."""
    uri: str


def places(target: Target) -> list[Place]:
    """The hosts that a target names, several separated by commas. Raises InvalidRequest naming the field."""
    check_common(target)
    if target.transport == "unix":
        return _listed("path", target.path, lambda said: _unix(target, said))
    if target.transport == "tls":
        return _listed("address", target.address, lambda said: _tls(target, said))
    raise InvalidRequest("transport: choose unix (a local socket) or tls.")


def _listed(field: str, text: str, uri: Callable[[str], str]) -> list[Place]:
    said = [part.strip(" ") for part in text.split(",")]
    found = [Place(one, uri(one)) for one in said]
    if len(found) > MOST_HOSTS:
        raise InvalidRequest(f"{field}: {MOST_HOSTS} hosts are the most.")
    if len({place.uri for place in found}) < len(found):
        raise InvalidRequest(f"{field}: the same host stands there twice.")
    return found


def _unix(target: Target, path: str) -> str:
    if target.address or target.port is not None:
        raise InvalidRequest("address: a local socket has neither address nor port.")
    if not SOCKET_PATH.fullmatch(path) or ".." in path.split("/"):
        raise InvalidRequest("path: give the absolute path of libvirt's socket, in letters, digits and ._/- only.")
    return f"qemu+unix:///system?socket={path}"


def _tls(target: Target, address: str) -> str:
    if target.path:
        raise InvalidRequest("path: only a local socket has a path.")
    port = TLS_PORT if target.port is None else target.port
    return f"qemu+tls://{host(address)}:{port}/system"


def pki_query(folder: str) -> str:
    return f"?pkipath={quote(folder, safe='/')}"


def client_identity(secret: str) -> tuple[str, str]:
    """Client certificate and key, when the secret holds both in PEM form; otherwise two empty texts."""
    blocks = [(found[1], found[0]) for found in PEM_BLOCK.finditer(secret)]
    certificate = "".join(text.rstrip("\n") + "\n" for label, text in blocks if label == "CERTIFICATE")
    key = "".join(text.rstrip("\n") + "\n" for label, text in blocks if label.endswith("PRIVATE KEY"))
    return (certificate, key) if certificate and key else ("", "")
