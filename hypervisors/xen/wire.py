"""HTTPS to one host of a pool, below the XenAPI library: certificates always verified, time-outs that hold, answers
that end, and nothing sent twice.

The library's own transport has no time-out, and sends a call again when the connection breaks, whether or not the
server has carried it out.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from sys import intern
from typing import Any

LARGEST = 1 << 30
"""Bytes of one answer; all machines of the largest pools are a tenth of that."""
CHUNK = 1 << 16


class Garbled(Exception):
    """An answer that is none."""


class Patience:
    """How long one call of the adapter may still wait for servers. Taking answers apart is not counted."""

    def __init__(self) -> None:
        self.left = 0.0

    @contextmanager
    def waiting(self) -> Iterator[float]:
        if self.left <= 0:
            raise TimeoutError
        began = time.monotonic()
        try:
            yield self.left
        finally:
            self.left -= time.monotonic() - began


class _Bytes(io.RawIOBase):
    """What comes from a socket, each wait for it bounded by what is left of the patience."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock, self._patience = sock, patience
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        with self._patience.waiting() as seconds:
            self._sock.settimeout(seconds)
            return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Patient:
    """As much of a socket as http.client uses."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock, self._patience = sock, patience

    def sendall(self, data: Any) -> None:
        with self._patience.waiting() as seconds:
            self._sock.settimeout(seconds)
            self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bytes(self._sock, self._patience), CHUNK)

    def close(self) -> None:
        self._sock.close()

    def spoke(self) -> bool:
        """Something came that nobody asked for: the server has hung up."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))


class Line(http.client.HTTPConnection):
    """A connection to one host, opened when it is needed and kept while the server keeps it."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext, patience: Patience) -> None:
        super().__init__(address, port)
        self._context, self._patience = context, patience

    def connect(self) -> None:
        with self._patience.waiting() as seconds:
            plain = socket.create_connection((self.host, self.port), timeout=seconds)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._patience.waiting() as seconds:
                plain.settimeout(seconds)
                wire = self._context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        self.sock: Any = _Patient(wire, self._patience)

    def ask(self, verb: str, path: str, body: bytes = b"", kind: str = "") -> http.client.HTTPResponse:
        """Sends one request, once, and returns the head of the answer. Whoever does not read it to its end closes."""
        if self.sock is not None and self.sock.spoke():
            self.close()
        try:
            self.request(verb, path, body or None, {"Content-Type": kind} if kind else {})
            return self.getresponse()
        except BaseException:
            self.close()
            raise

    def read(self, answer: http.client.HTTPResponse, take: Callable[[bytes], object]) -> None:
        """The body, piece by piece, as it comes."""
        limit = LARGEST
        try:
            while piece := answer.read(CHUNK):
                limit -= len(piece)
                if limit < 0:
                    raise Garbled("The answer has no end.")
                take(piece)
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
        except BaseException:
            self.close()
            raise


class _Records(xmlrpc.client.Unmarshaller):
    """Keeps each field's name once: ten thousand records of ninety fields are told in a third less memory."""

    def end_struct(self, _data: str) -> None:
        mark = self._marks.pop()
        stack: list[Any] = self._stack
        stack[mark:] = [dict(zip(map(intern, stack[mark::2]), stack[mark + 1 :: 2], strict=True))]
        self._value = False

    dispatch = {**xmlrpc.client.Unmarshaller.dispatch, "struct": end_struct}  # type: ignore[dict-item]


class Transport(xmlrpc.client.Transport):
    """Carries the library's calls over a line."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line

    def request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> Any:
        answer = self.line.ask("POST", handler, bytes(request_body), "text/xml")
        if answer.status != http.HTTPStatus.OK:
            self.line.close()
            raise Garbled(f"HTTP {answer.status}")
        target = _Records()
        parser = xmlrpc.client.ExpatParser(target)

        def take(piece: bytes) -> None:
            try:
                parser.feed(piece)
            except Exception as error:  # whatever a hostile text does to the parser
                raise Garbled(type(error).__name__) from error

        self.line.read(answer, take)
        try:
            parser.close()
            return target.close()
        except Exception as error:
            raise Garbled(type(error).__name__) from error

    def close(self) -> None:
        with suppress(OSError):
            self.line.close()
