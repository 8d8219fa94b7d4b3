"""Connections end in time whatever the server does, and are never opened to one that cannot prove who it is."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, Unreachable
from hypervisors.vmware.adapter import Vmware
from tests.rigs.libvirt import certificates

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 100000\r\n\r\n"


@contextmanager
def dripping(identity: certificates.Identity, folder: Path, address: str, first: bytes) -> Iterator[int]:
    """A server that says `first` and then a byte every twentieth of a second."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "pair.pem").write_text(identity.pem + identity.key_pem)
    context.load_cert_chain(folder / "pair.pem")

    def serve() -> None:
        with suppress(OSError):
            client, _ = listener.accept()
            with context.wrap_socket(client, server_side=True) as wire:
                wire.recv(100_000)
                wire.sendall(first)
                while True:
                    wire.sendall(b" ")
                    time.sleep(0.05)

    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def at(address: str, port: int, authority: certificates.Identity, timeout: float = 1) -> Target:
    return Target("vmware", address, port, username="u", secret="p", ca_pem=authority.pem, timeout=timeout)


@pytest.mark.parametrize("first", [b"", HEAD], ids=["before the answer", "in the answer"])
def test_server_that_drips_is_given_up_in_time(first: bytes, tmp_path: Path) -> None:
    """Each byte comes soon enough for a time-out that counts from the last one."""
    authority = certificates.authority()
    identity = certificates.issued("vcenter", authority)
    with dripping(identity, tmp_path, "127.0.0.2", first) as port:
        vmware, began = Vmware(at("127.0.0.2", port, authority)), time.monotonic()

        with pytest.raises(Unreachable, match="No answer within 1 seconds"):
            vmware.check()

        assert time.monotonic() - began < 2
        vmware.close()


def test_server_that_never_shakes_hands_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.2", 0)) as silent:
        vmware = Vmware(at("127.0.0.2", silent.getsockname()[1], certificates.authority()))

        with pytest.raises(Unreachable, match="No answer within 1 seconds"):
            vmware.check()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_loopback_is_verified_like_any_other_address(address: str, tmp_path: Path) -> None:
    """pyVmomi by itself trusts whoever listens there."""
    stranger = certificates.issued("vcenter", certificates.authority("stranger"), address="127.0.0.1")
    with dripping(stranger, tmp_path, "127.0.0.1", b"") as port:
        vmware = Vmware(at(address, port, certificates.authority()))

        with pytest.raises(AccessDenied):
            vmware.check()
