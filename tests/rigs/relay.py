"""A relay before an HTTP server, by TLS or not: counts the requests by name, and treats chosen ones badly.

    with Relay((address, port), tls=identity, ca_pem=rig.authority.pem) as relay:
        relay.treat = on(3, Fate(LOSE_ANSWER))
        ...
        assert relay.calls == ["RetrieveServiceContent", "Login", "RetrievePropertiesEx"]

A request is named by its SOAP method or its XML-RPC methodName, else by its HTTP method and path.
"""

from __future__ import annotations

import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from tests.rigs.libvirt.certificates import Identity

ADDRESS = "127.0.0.2"
PATIENCE = 60.0
SOAP = re.compile(rb"<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)")
XML_RPC = re.compile(rb"<methodName>\s*([\w.]+)\s*</methodName>")
PERSONAL = {"connection", "transfer-encoding", "content-length", "keep-alive"}
"""Headers of one connection, which the other does not get."""

PASS = "pass"
LOSE_REQUEST = "lose request"
"""Hangs up before the server hears of it."""
LOSE_ANSWER = "lose answer"
"""The server has done it; hangs up instead of telling."""
CUT = "cut"
"""Half of the answer, under a length that promises all of it."""
GARBAGE = "garbage"
"""An answer of the right form whose body is noise."""
SILENT = "silent"
"""The server has done it; the answer never comes, and the connection stays open."""


@dataclass(frozen=True)
class Fate:
    """What becomes of one request, after so many seconds of waiting."""

    kind: str = PASS
    seconds: float = 0.0


class Call(NamedTuple):
    """One request: its place in the order they came in, from 1, and its name."""

    number: int
    name: str
    body: bytes


Treatment = Callable[[Call], Fate]


def on(which: int | str, fate: Fate, *, times: int = 1) -> Treatment:
    """That fate for the request of this number or name, the first so many times."""
    left = threading.Semaphore(times)

    def treat(call: Call) -> Fate:
        return fate if which in (call.number, call.name) and left.acquire(blocking=False) else Fate()

    return treat


def dead_after(number: int, *, answered: bool) -> Treatment:
    """As if the client were killed right after that request, with or without its answer: nothing more gets through."""

    def treat(call: Call) -> Fate:
        if call.number < number or (call.number == number and answered):
            return Fate()
        return Fate(LOSE_ANSWER if call.number == number else LOSE_REQUEST)

    return treat


@dataclass
class _Answer:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def head(self, length: int) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1")


@dataclass
class Relay:
    """Listens on 127.0.0.2. `tls` is the certificate it shows; without, it speaks plain HTTP.

    `ca_pem` is the authority of the server behind it; without, that one speaks plain HTTP.
    """

    server: tuple[str, int]
    tls: Identity | None = None
    ca_pem: str = ""
    treat: Treatment = lambda _call: Fate()
    calls: list[str] = field(default_factory=list)
    port: int = 0
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._shown = self._context() if self.tls else None
        self._trusted = ssl.create_default_context(cadata=self.ca_pem) if self.ca_pem else None
        self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()

    def _context(self) -> ssl.SSLContext:
        assert self.tls is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder) / "pair.pem"
            pair.touch(mode=0o600)
            pair.write_text(self.tls.pem + self.tls.key_pem)
            context.load_cert_chain(pair)
        return context

    def answer(self) -> None:
        """Takes connections (again), always on the same port."""
        self._listener = socket.create_server((ADDRESS, self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Hangs up on everyone, and takes no more connections."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Counts from the beginning, and passes everything on."""
        with self._lock:
            self.calls.clear()
            self.treat = lambda _call: Fate()

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(PATIENCE)
        upstream = self._upstream()
        with suppress(OSError, HTTPException):
            if self._shown is not None:
                client = self._shown.wrap_socket(client, server_side=True)
            with self._lock:
                self._open.add(client)
            with client.makefile("rb") as reader:
                while self._one(client, reader, upstream):
                    pass
        with self._lock:
            self._open.discard(client)
        client.close()
        upstream.close()

    def _upstream(self) -> HTTPConnection:
        if self._trusted is None:
            return HTTPConnection(*self.server, timeout=PATIENCE)
        return HTTPSConnection(*self.server, timeout=PATIENCE, context=self._trusted)

    def _one(self, client: socket.socket, reader: BinaryIO, upstream: HTTPConnection) -> bool:
        """One request and its answer; False when the connection is over."""
        first = reader.readline()
        if not first:
            return False
        method, path, _ = first.decode("latin-1").split(maxsplit=2)
        headers = dict(_headers(reader))
        body = _body(reader, headers)
        fate = self._fate(method, path, body)
        time.sleep(fate.seconds)
        if fate.kind == LOSE_REQUEST:
            return False
        upstream.request(method, path, body, {name: v for name, v in headers.items() if name not in PERSONAL})
        return _treated(client, _answer(upstream), fate.kind)

    def _fate(self, method: str, path: str, body: bytes) -> Fate:
        found = SOAP.search(body) or XML_RPC.search(body)
        name = found[1].decode() if found else f"{method} {path}"
        with self._lock:
            self.calls.append(name)
            number, treat = len(self.calls), self.treat
        return treat(Call(number, name, body))


def _headers(reader: BinaryIO) -> list[tuple[str, str]]:
    found = []
    while (line := reader.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        found.append((name.lower(), value.strip()))
    return found


def _body(reader: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return reader.read(int(headers.get("content-length", 0)))
    parts = []
    while size := int(reader.readline().split(b";")[0], 16):
        parts.append(reader.read(size))
        reader.readline()
    reader.readline()
    return b"".join(parts)


def _answer(upstream: HTTPConnection) -> _Answer:
    found = upstream.getresponse()
    headers = [(name, value) for name, value in found.getheaders() if name.lower() not in PERSONAL]
    return _Answer(found.status, found.reason, headers, found.read())


def _treated(client: socket.socket, answer: _Answer, kind: str) -> bool:
    if kind == LOSE_ANSWER:
        return False
    if kind == SILENT:
        client.recv(1)  # until the client gives up
        return False
    body = b"\x00<noise \xff\xfe" * 20 if kind == GARBAGE else answer.body
    sent = body[: len(body) // 2] if kind == CUT else body
    client.sendall(answer.head(len(body)) + sent)
    return kind != CUT
