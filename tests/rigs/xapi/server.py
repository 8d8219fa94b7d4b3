"""The HTTP side: listeners, one for each host, and what is answered under which path."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.rigs.xapi import dispatch, handlers, wire
from tests.rigs.xapi.context import Pool
from tests.rigs.xapi.datamodel import Type
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


@dataclass(frozen=True)
class Form:
    """How answers are written: as XML-RPC, or as one of the JSON-RPCs."""

    kind: str
    headers: list[tuple[str, str]]
    succeeded: Callable[[Type, Any], bytes]
    failed: Callable[[Failure], bytes]


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

        succeeded = lambda type_, value: wire.success_xml(pool.db, type_, value)
        self._answer(method, args, len(body), Form("text/xml", [], succeeded, wire.failure_xml))

    def _call_json(self, body: bytes) -> None:
        method, args, asked = wire.read_json(body)
        pool = self.site.pool

        succeeded = lambda type_, value: wire.success_json(pool.db, type_, value, asked)
        failed = lambda failure: wire.failure_json(failure, asked)
        self._answer(method, args, len(body), Form("application/json", CORS, succeeded, failed))

    def _refuse_login(self, method: str) -> None:
        """Only the coordinator lets anybody in."""
        if self.server.number and method == "session.login_with_password":
            raise Failure("HOST_IS_SLAVE", self.site.addresses[0][0])

    def _answer(self, method: str, args: list[Any], size: int, form: Form) -> None:
        entry = self._noted(method, args, size)
        fault = self.site.faults.next(entry)
        if fault and fault.action == "fail":
            answer, entry.error = form.failed(Failure(*fault.details)), fault.details[0]
        else:
            self.suffer(fault, "before")
            answer, entry.error = self._worked(method, args, form)
            self.suffer(fault, "after")
        self._send(answer, form, entry, fault)

    def _worked(self, method: str, args: list[Any], form: Form) -> tuple[bytes, str]:
        """Does it, and writes the answer down while nobody can change what it is about."""
        pool = self.site.pool
        with pool.db.changed:
            try:
                self._refuse_login(method)
                return form.succeeded(*dispatch.ask(pool, method, args)), ""
            except Failure as failure:
                return form.failed(failure), failure.details[0]

    def _noted(self, method: str, args: list[Any], size: int) -> Entry:
        if "login" in method:
            return self.site.log.begin(method, "", str(args[3]) if len(args) > 3 else "", size)
        session = str(args[0]) if args else ""
        return self.site.log.begin(method, session, self.originator(session), size)

    def originator(self, session: str) -> str:
        known = self.site.pool.db.find("session", session)
        return str(known["originator"]) if known else ""

    def suffer(self, fault: Fault | None, when: str) -> None:
        if fault is None or fault.when != when:
            return
        if fault.action in {"delay", "hold"}:
            self.site.faults.stall(fault)
        if fault.action == "drop":
            raise Dropped

    def _send(self, answer: bytes, form: Form, entry: Entry, fault: Fault | None) -> None:
        entry.sent, entry.done = len(answer), True
        if fault and fault.action == "garbage":
            answer = b"\x00<<< not what anybody asked for >>>\xff" * 3
        if fault and fault.action == "cut":
            self._head(200, [("content-length", str(len(answer))), *QUIET, ("content-type", form.kind)])
            self.wfile.write(answer[: len(answer) // 2])
            self.wfile.flush()
            raise Dropped
        self.respond(200, answer, form.kind, extra=form.headers)

    def do_GET(self) -> None:
        self._handle("GET")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def _handle(self, verb: str) -> None:
        try:
            handlers.handle(self, verb, *self._asked())
        except Dropped:
            self.drop()

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
