"""Servers that speak, and say nothing that XAPI would: whatever comes, one of our errors is all that leaves."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hypervisors.contract import PowerOn, RemoveMachine, Stamp, Target
from hypervisors.errors import HypervisorError, Unreachable
from hypervisors.xen import wire
from hypervisors.xen.adapter import Xen
from tests.rigs.libvirt import certificates
from tests.rigs.libvirt.certificates import Identity

ADDRESS = "127.0.0.2"
REF = str(UUID(int=7))


@cache
def papers() -> tuple[Identity, Identity]:
    authority = certificates.authority()
    return authority, certificates.issued("strange", authority)


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder) / "pair.pem"
        pair.write_text(papers()[1].pem + papers()[1].key_pem)
        made.load_cert_chain(pair)
    return made


def target(port: int, **changes: Any) -> Target:
    fields: dict[str, Any] = {"kind": "xen", "address": ADDRESS, "port": port, "ca_pem": papers()[0].pem}
    fields |= {"username": "root", "secret": "hush", "read_only": False, "timeout": 2.0}
    return Target(**fields | changes)


@contextmanager
def answering(body: bytes) -> Iterator[Target]:
    """A server that says the same to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def __getattr__(self, name: str) -> Any:
            if name in ("do_GET", "do_PUT"):
                return self.do_POST
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((ADDRESS, 0), Handler)
    server.daemon_threads = True
    server.socket = context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield target(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def success(value: object) -> bytes:
    return xmlrpc.client.dumps(({"Status": "Success", "Value": value},), methodresponse=True).encode()


def failure(*details: str) -> bytes:
    return xmlrpc.client.dumps(
        ({"Status": "Failure", "ErrorDescription": list(details)},), methodresponse=True
    ).encode()


ANSWERS = {
    "an empty map": success({}),
    "an empty text": success(""),
    "a list": success([1, 2]),
    "a number": success(7),
    "a record of nothing": success({"OpaqueRef:1": {}}),
    "records that are texts": success({"OpaqueRef:1": "x", "uuid": "y"}),
    "a failure of nothing": failure(),
    "a failure of another kind": failure("SOMETHING_NEW", "x"),
    "a status and no value": xmlrpc.client.dumps(({"Status": "Success"},), methodresponse=True).encode(),
    "no status": xmlrpc.client.dumps(("x",), methodresponse=True).encode(),
    "a fault": xmlrpc.client.dumps(xmlrpc.client.Fault(1, "hush")).encode(),
    "entities": b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 100 + b'">]><a>' + b"&b;" * 1000 + b"</a>",
    "half of an answer": success({})[:40],
    "a stray end": b"<methodResponse><params><param><value><struct><member><name>a</name></member></struct>",
}
LOOKS: dict[str, Callable[[Xen], object]] = {
    "check": Xen.check,
    "inventory": Xen.inventory,
    "machine": lambda xen: xen.machine(REF),
    "find": lambda xen: xen.find(Stamp("op-1", uuid4())),
    "changes": lambda xen: xen.changes(""),
    "usage": lambda xen: xen.usage([REF]),
    "events": lambda xen: xen.events(datetime.now(UTC)),
    "disk_files": Xen.disk_files,
    "missing_rights": Xen.missing_rights,
    "submit": lambda xen: xen.submit(PowerOn(REF)),
    "remove": lambda xen: xen.submit(RemoveMachine(REF, UUID(REF))),
    "poll": lambda xen: xen.poll(PowerOn(REF), {"task": "OpaqueRef:1"}),
    "discard": lambda xen: xen.discard(Stamp("op-1", uuid4())),
}


def refusal(look: Callable[[Xen], object], xen: Xen) -> HypervisorError | None:
    """Any other error comes through, and is what the test is about."""
    try:
        look(xen)
    except HypervisorError as error:
        return error
    return None


@pytest.mark.parametrize("what", ANSWERS)
def test_nothing_but_our_errors_leaves(what: str) -> None:
    with answering(ANSWERS[what]) as there:
        xen = Xen(there)
        said = [error for look in LOOKS.values() if (error := refusal(look, xen)) is not None]
        xen.close()

    assert all(error.message.strip() for error in said)
    assert not any("hush" in f"{error} {error.native}" for error in said)


def test_empty_pool_is_no_pool() -> None:
    with answering(ANSWERS["an empty map"]) as there:
        xen = Xen(there)
        with pytest.raises(Unreachable):
            xen.check()
        xen.close()


def test_server_that_drips_is_not_waited_for() -> None:
    """A byte now and then keeps a socket's own time-out from ever coming."""
    listener, stop = socket.create_server((ADDRESS, 0)), threading.Event()

    def drip() -> None:
        plain, _ = listener.accept()
        with plain, context().wrap_socket(plain, server_side=True) as wire:
            wire.recv(65536)
            while not stop.wait(0.1):
                wire.sendall(b"H")

    threading.Thread(target=drip, daemon=True).start()
    xen = Xen(target(listener.getsockname()[1], timeout=1.0))
    began = time.monotonic()

    with pytest.raises(Unreachable):
        xen.check()

    stop.set()
    listener.close()
    assert time.monotonic() - began < 2.0


def test_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LARGEST", 1000)
    with answering(success("x" * 5000)) as there:
        xen = Xen(there)
        with pytest.raises(Unreachable) as caught:
            xen.check()
        xen.close()

    assert caught.value.native == "The answer has no end."
