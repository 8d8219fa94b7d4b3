"""The relay counts what goes through it, and does to it what it was told."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.rigs.libvirt import certificates
from tests.rigs.relay import CUT, GARBAGE, LOSE_ANSWER, LOSE_REQUEST, SILENT, Fate, Relay, dead_after, on

ANSWER = b"<answer>" + b"x" * 1000 + b"</answer>"
SOAP = b'<soapenv:Envelope><soapenv:Body><PowerOn xmlns="urn:x"/></soapenv:Body></soapenv:Envelope>'
XML_RPC = b"<?xml version='1.0'?><methodCall><methodName>VM.start</methodName></methodCall>"


class Backend(ThreadingHTTPServer):
    """Says the same to everyone, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        super().__init__(("127.0.0.2", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


CA = certificates.authority()
IDENTITY = certificates.issued("relay", CA)


@pytest.fixture
def relay(backend: Backend) -> Iterator[Relay]:
    with Relay(("127.0.0.2", backend.server_port), tls=IDENTITY) as relay:
        yield relay


@pytest.fixture
def client(relay: Relay) -> Iterator[HTTPSConnection]:
    context = ssl.create_default_context(cadata=CA.pem)
    connection = HTTPSConnection("127.0.0.2", relay.port, timeout=5, context=context)
    yield connection
    connection.close()


def ask(client: HTTPSConnection, body: bytes = SOAP) -> bytes:
    try:
        client.request("POST", "/sdk", body)
        return client.getresponse().read()
    except (OSError, HTTPException):
        client.close()
        raise


def test_relay_names_and_counts_requests(relay: Relay, client: HTTPSConnection) -> None:
    assert [ask(client, body) for body in (SOAP, XML_RPC, b"other")] == [ANSWER] * 3

    assert relay.calls == ["PowerOn", "VM.start", "POST /sdk"]


def test_lost_request_never_reaches_the_server(relay: Relay, client: HTTPSConnection, backend: Backend) -> None:
    relay.treat = on("PowerOn", Fate(LOSE_REQUEST))

    with pytest.raises((OSError, HTTPException)):
        ask(client)

    assert backend.asked == []
    assert ask(client) == ANSWER


def test_lost_answer_was_given(relay: Relay, client: HTTPSConnection, backend: Backend) -> None:
    relay.treat = on(1, Fate(LOSE_ANSWER))

    with pytest.raises((OSError, HTTPException)):
        ask(client)

    assert backend.asked == [SOAP]


def test_cut_answer_ends_before_its_length(relay: Relay, client: HTTPSConnection) -> None:
    relay.treat = on(1, Fate(CUT))

    with pytest.raises(HTTPException):
        ask(client)


def test_garbage_is_an_answer(relay: Relay, client: HTTPSConnection) -> None:
    relay.treat = on(1, Fate(GARBAGE))

    assert b"\xff\xfe" in ask(client)


def test_silence_lasts_until_the_client_gives_up(relay: Relay, client: HTTPSConnection) -> None:
    relay.treat = on(1, Fate(SILENT))
    client.timeout = 0.2

    with pytest.raises(TimeoutError):
        ask(client)


def test_nothing_follows_the_death_of_a_client(relay: Relay, client: HTTPSConnection, backend: Backend) -> None:
    relay.treat = dead_after(2, answered=False)
    ask(client)

    for _ in range(3):
        with pytest.raises((OSError, HTTPException)):
            ask(client)

    assert len(backend.asked) == 2


def test_refusing_relay_comes_back_on_its_port(relay: Relay, client: HTTPSConnection) -> None:
    ask(client)
    relay.refuse()

    with pytest.raises((OSError, HTTPException)):
        ask(client)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", relay.port)):
        pass
    relay.answer()

    assert ask(client) == ANSWER
