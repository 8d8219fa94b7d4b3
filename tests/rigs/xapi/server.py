"""The HTTP side: listeners, one for each host, and what is answered under which path."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rigs.xapi import dispatch, handlers, wire
from tests.rigs.xapi.context import Pool
from tests.rigs.xapi.errors import Dropped, Failure
from tests.rigs.xapi.faults import Entry, Fault, Faults, Log

IDLE = 600.0
QUIET = [("cache-control", "no-cache, no-store")]
CORS = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "X-Requested-With")]
BROKEN = (
    "<html><body><h1>HTTP 500 internal server error</h1>An unexpected error occurred; please wait a while and try "
    "again. If the problem persists, please contact your support representative.<h1> Additional information </h1>"
    "{}</body></html>"
)
FORBIDDEN = "<html><body><h1>HTTP 403 forbidden</h1>Access to the requested resource is forbidden.</body></html>"


class Listener(ThreadingHTTPServer):
    """One host's address. The coordinator's is number 0."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], site: Site, number: int) -> None:
        self.site, self.number = site, number
        self.live: set[socket.socket] = set()
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, peer = super().get_request()
        plain.settimeout(IDLE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.site.log.connections += 1
        if self.site.tls is None:
            self.live.add(plain)
            return plain, peer
        wrapped = self.site.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.live.add(wrapped)
        return wrapped, peer

    def shutdown_request(self, request: Any) -> None:
        self.live.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Site:
    """A pool and its listeners."""

    def __init__(self, pool: Pool, addresses: list[tuple[str, int]], tls: ssl.SSLContext | None = None) -> None:
        self.pool, self.addresses, self.tls = pool, addresses, tls
        self.faults, self.log = Faults(), Log()
        self.listeners: list[Listener] = []

    def open(self) -> None:
        for number, address in enumerate(self.addresses):
            listener = Listener(address, self, number)
            self.listeners.append(listener)
            self.addresses[number] = (address[0], int(listener.server_address[1]))
            Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Listens no more, and cuts every connection."""
        for listener in self.listeners:
            listener.shutdown()
            listener.server_close()
            for connection in list(listener.live):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.listeners = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener
    wbufsize = -1

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    @property
    def site(self) -> Site:
        return self.server.site

    def log_message(self, *_: object) -> None:
        """The log of calls is enough."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        as_json = urlsplit(self.path).path.startswith("/jsonrpc")
        try:
            self._call_json(body) if as_json else self._call_xml(body)
        except wire.Malformed as error:
            self.respond(500, BROKEN.format(error).encode(), "text/html", close=True)
        except Dropped:
            self.drop()

    def _call_xml(self, body: bytes) -> None:
        method, args = wire.read_xml(body)
        pool = self.site.pool

        def answer() -> tuple[bytes, str]:
            with pool.db.changed:
                try:
                    self._refuse_login(method)
                    return wire.success_xml(pool.db, *dispatch.ask(pool, method, args)), ""
                except Failure as failure:
                    return wire.failure_xml(failure), failure.details[0]

        self._answer(method, args, len(body), answer, wire.failure_xml, "text/xml", [])

    def _call_json(self, body: bytes) -> None:
        method, args, asked = wire.read_json(body)
        pool = self.site.pool

        def answer() -> tuple[bytes, str]:
            with pool.db.changed:
                try:
                    self._refuse_login(method)
                    return wire.success_json(pool.db, *dispatch.ask(pool, method, args), asked), ""
                except Failure as failure:
                    return wire.failure_json(failure, asked), failure.details[0]

        failed = lambda failure: wire.failure_json(failure, asked)
        self._answer(method, args, len(body), answer, failed, "application/json", CORS)

    def _refuse_login(self, method: str) -> None:
        """Only the coordinator lets anybody in."""
        if self.server.number and method == "session.login_with_password":
            raise Failure("HOST_IS_SLAVE", self.site.addresses[0][0])

    def _answer(
        self, method: str, args: list[Any], size: int, work: Any, failed: Any, kind: str, extra: list[tuple[str, str]]
    ) -> None:
        entry = self.site.log.begin(method, str(args[0]) if args and "login" not in method else "", size)
        fault = self.site.faults.next(method)
        if fault and fault.action == "fail":
            answer, entry.error = failed(Failure(*fault.details)), fault.details[0]
        else:
            self._suffer(fault, "before")
            answer, entry.error = work()
            self._suffer(fault, "after")
        self._send(answer, kind, extra, entry, fault)

    def _suffer(self, fault: Fault | None, when: str) -> None:
        if fault is None or fault.when != when:
            return
        if fault.action in {"delay", "hold"}:
            self.site.faults.stall(fault)
        if fault.action == "drop":
            raise Dropped

    def _send(self, answer: bytes, kind: str, extra: list[tuple[str, str]], entry: Entry, fault: Fault | None) -> None:
        entry.sent, entry.done = len(answer), True
        if fault and fault.action == "garbage":
            answer = b"\x00<<< not what anybody asked for >>>\xff" * 3
        if fault and fault.action == "cut":
            self._head(200, [("content-length", str(len(answer))), *QUIET, ("content-type", kind)])
            self.wfile.write(answer[: len(answer) // 2])
            self.wfile.flush()
            raise Dropped
        self.respond(200, answer, kind, extra=extra)

    def do_GET(self) -> None:
        handlers.handle(self, "GET", *self._asked())

    def do_PUT(self) -> None:
        handlers.handle(self, "PUT", *self._asked())

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        return parts.path, {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}

    def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def respond(
        self, status: int, body: bytes, kind: str, *, close: bool = False, extra: list[tuple[str, str]] | None = None
    ) -> None:
        close = close or self.close_connection
        about = [("content-length", str(len(body))), ("connection", "close" if close else "keep-alive")]
        self._head(status, [*about, *QUIET, ("content-type", kind), *(extra or [])])
        self.wfile.write(body)
        self.close_connection = close

    def stream(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Only the head; what follows ends with the connection."""
        self._head(status, headers)
        self.close_connection = True

    def drop(self) -> None:
        """Ends the connection here and now."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
