"""TLS to real sockets: whoever cannot prove who it is, is not spoken to."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypervisors import tls
from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, Unreachable
from tests.rigs.libvirt.certificates import Identity, authority, issued

HERE = "127.0.0.2"
AUTHORITY = authority()

Serve = Callable[[Identity | None], int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server that shows this identity, and says nothing at all without one. Returns its port."""
    listeners = []

    def start(identity: Identity | None) -> int:
        listener = socket.create_server((HERE, 0))
        listeners.append(listener)
        if identity is not None:
            threading.Thread(target=_answer, args=(listener, _context(identity, tmp_path)), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def _context(identity: Identity, folder: Path) -> ssl.SSLContext:
    file = folder / "server.pem"
    file.write_text(identity.pem + identity.key_pem)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(file)
    return found


def _answer(listener: socket.socket, context: ssl.SSLContext) -> None:
    with (
        suppress(OSError),
        closing(listener.accept()[0]) as plain,
        context.wrap_socket(plain, server_side=True) as wire,
    ):
        wire.recv(1)


def at(port: int, *, ca_pem: str = AUTHORITY.pem, timeout: float = 10) -> Target:
    return Target("vmware", address=HERE, port=port, ca_pem=ca_pem, timeout=timeout)


def test_certificate_of_the_right_authority_is_told(serve: Serve) -> None:
    told = tls.certificate(at(serve(issued("vc.example", AUTHORITY, address=HERE))), port=443)

    assert (told.subject, told.issuer) == ("vc.example", "authority")
    assert timedelta(hours=23) < told.ends_at - datetime.now(UTC) < timedelta(hours=25)


@pytest.mark.parametrize(
    "identity",
    [
        issued("vc.example", authority("stranger"), address=HERE),
        issued("vc.example", AUTHORITY, address=HERE, expired=True),
        issued("vc.example", AUTHORITY, address="127.0.0.3"),
        authority("itself"),
    ],
    ids=["unknown authority", "expired", "another server's", "signed by itself"],
)
def test_any_other_certificate_is_denied(identity: Identity, serve: Serve) -> None:
    with pytest.raises(AccessDenied) as caught:
        tls.certificate(at(serve(identity)), port=443)
    assert caught.value.message == tls.UNTRUSTED
    assert caught.value.native


def test_without_an_authority_that_of_the_system_counts(serve: Serve) -> None:
    with pytest.raises(AccessDenied):
        tls.certificate(at(serve(issued("vc.example", AUTHORITY, address=HERE)), ca_pem=""), port=443)


def test_nobody_there_is_unreachable(serve: Serve) -> None:
    with socket.create_server((HERE, 0)) as listener:
        port = int(listener.getsockname()[1])

    with pytest.raises(Unreachable):
        tls.certificate(at(port), port=443)


def test_server_that_says_nothing_is_unreachable_in_time(serve: Serve) -> None:
    with pytest.raises(Unreachable):
        tls.certificate(at(serve(None), timeout=0.1), port=443)


def test_context_verifies_and_speaks_nothing_old() -> None:
    found = tls.context(at(443))

    assert (found.verify_mode, found.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert found.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert [subject["subject"] for subject in found.get_ca_certs()] == [((("commonName", "authority"),),)]
