"""One connection to libvirt: opened lazily, bounded in time, faults mapped to our taxonomy.

libvirt's calls have no time-outs: each runs on the connection's own thread and is waited for until the deadline.
A call that is given up leaves its connection behind; keep-alive messages end that one when the peer is dead.
"""

from __future__ import annotations

import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import libvirt  # type: ignore[import-not-found,import-untyped,unused-ignore]

from hypervisors.contract import Target
from hypervisors.errors import HypervisorError, Unreachable
from hypervisors.kvm import mapping, places

KEEPALIVE_SECONDS = 5
KEEPALIVE_MISSES = 3
LOOK_SECONDS = 3.0
"""How long work without a handle is watched before it is left alone."""
CLOSED = ("client socket is closed", "Cannot write data: Broken pipe")
"""What libvirt says only of calls that it has not sent, or not whole: the other side carries out no part of one."""

_loop_lock = threading.Lock()
_loop_pid = 0
_loop_free = threading.Event()
_loop_free.set()
_busy = 0


def _ignore(_context: Any, _error: Any) -> None:
    """libvirt prints every error unless it is given somewhere to put it; we raise them instead."""


def _run_events() -> None:
    while True:
        _loop_free.wait()
        libvirt.virEventRunDefaultImpl()


@contextmanager
def many_calls() -> Iterator[None]:
    """Meanwhile the event loop rests. Else each call wakes it up to tell it not to listen, which costs more than the
    call; keep-alive messages of the connection that calls are answered by the call itself."""
    global _busy  # noqa: PLW0603 - libvirt's loop is one per process, too
    with _loop_lock:
        _busy += 1
        _loop_free.clear()
    try:
        yield
    finally:
        with _loop_lock:
            _busy -= 1
            if not _busy:
                _loop_free.set()


def _ensure_event_loop() -> bool:
    """Starts libvirt's event loop once per process; False in a child forked from a process that had started it.

    Such a child shares its parent's sockets through the inherited loop and must not run it: it does without keep-alive.
    """
    global _loop_pid  # noqa: PLW0603 - libvirt's loop is one per process, too
    with _loop_lock:
        if not _loop_pid:
            libvirt.registerErrorHandler(_ignore, None)
            libvirt.virEventRegisterDefaultImpl()
            _loop_pid = os.getpid()
            threading.Thread(target=_run_events, name="libvirt-events", daemon=True).start()
        return _loop_pid == os.getpid()


class _Line:
    """A thread that makes one call after the other; abandoned when one does not return."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.conn: Any = None
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="libvirt-calls", daemon=True).start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call

    def run(self, work: Callable[[], Any], seconds: float) -> Any:
        """The result of `work`, or what it raised; TimeoutError when it takes longer."""
        done = threading.Event()
        outcome: list[Any] = [None, None]

        def call() -> None:
            try:
                outcome[0] = work()
            except BaseException as error:  # handed to the caller's thread
                outcome[1] = error
            done.set()

        self._calls.put(call)
        if not done.wait(max(seconds, 0.0)):
            raise TimeoutError
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def end(self) -> None:
        """Gives the connection back, once whatever is under way has returned."""
        self._calls.put(self._hang_up)
        self._calls.put(None)

    def _hang_up(self) -> None:
        try:
            if self.conn is not None:
                self.conn.close()
        except libvirt.libvirtError:
            pass  # it is gone already
        self.conn = None


class _Closed(Exception):
    """The connection had ended before the call went out."""


def _unless_closed(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except libvirt.libvirtError as error:
        if any(words in str(error) for words in CLOSED):
            raise _Closed from error
        raise


class Connection:
    """Lazily opened. `uri` and the credentials come from the target's checked fields."""

    def __init__(self, target: Target, uri: str) -> None:
        self.target = target
        self.uri = uri
        self._line: _Line | None = None
        self._deadline = 0.0

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """All calls inside share the target's time-out; an inner use keeps the outer deadline."""
        if self._deadline:
            yield
            return
        self._deadline = time.monotonic() + self.target.timeout
        try:
            yield
        finally:
            self._deadline = 0.0

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Calls inside end sooner than the deadline: time is left for what comes after them."""
        before = self._deadline
        soon = time.monotonic() + seconds
        self._deadline = min(before or soon, soon)
        try:
            yield
        finally:
            self._deadline = before

    def launch(self, work: Callable[[Any], Any]) -> bool:
        """Begins work that may take minutes, on a connection of its own; whether it ended while we looked.

        libvirt has no handle for it: what becomes of the rest is seen on the machine itself.
        """
        with self.deadline():
            line = self._open()
            try:
                line.run(lambda: work(line.conn), min(self._deadline - time.monotonic(), LOOK_SECONDS))
            except TimeoutError:
                return False
            except libvirt.libvirtError as error:
                raise self._mapped(error) from error
            finally:
                line.end()
        return True

    def _opened(self, line: _Line) -> Any:
        line.conn = self._connect()
        return line.conn

    def call(self, work: Callable[[Any], Any]) -> Any:
        """What `work(connection)` returns. Raises our taxonomy only; the next call opens a lost connection anew."""
        with self.deadline():
            line = self._line
            if line is not None and line.pid == os.getpid():
                with suppress(_Closed):
                    return self._bounded(line, lambda: _unless_closed(lambda: work(line.conn)))
                self._abandon(line)
            fresh = self._line = self._open()
            return self._bounded(fresh, lambda: work(fresh.conn))

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None and line.pid == os.getpid():
            line.end()

    def _open(self) -> _Line:
        line = _Line()
        self._bounded(line, lambda: self._opened(line))
        return line

    def _bounded(self, line: _Line, work: Callable[[], Any]) -> Any:
        try:
            return line.run(work, self._deadline - time.monotonic())
        except TimeoutError:
            self._abandon(line)
            raise Unreachable(f"No answer within {self.target.timeout:g} seconds.") from None
        except libvirt.libvirtError as error:
            fault = self._mapped(error)
            if isinstance(fault, Unreachable) or line.conn is None:
                self._abandon(line)
            raise fault from error

    def _abandon(self, line: _Line) -> None:
        line.end()
        if self._line is line:
            self._line = None

    def _mapped(self, error: Any) -> HypervisorError:
        text = error.get_error_message() or str(error)
        if self.target.secret:
            text = text.replace(self.target.secret, "***")
        return mapping.fault(error.get_error_code() or 0, error.get_error_domain() or 0, text)

    def _connect(self) -> Any:
        keepalive = _ensure_event_loop()
        flags = libvirt.VIR_CONNECT_RO if self.target.read_only else 0
        with _certificates(self.target) as query:
            conn = libvirt.openAuth(self.uri + query, self._auth(), flags)
        if keepalive:
            conn.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_MISSES)
        return conn

    def _auth(self) -> list[Any]:
        """Answers SASL's questions; libvirt calls back only when the server asks."""
        answers = {libvirt.VIR_CRED_AUTHNAME: self.target.username, libvirt.VIR_CRED_PASSPHRASE: self.target.secret}

        def answer(credentials: list[list[Any]], _data: Any) -> int:
            for credential in credentials:
                credential[4] = answers.get(credential[0], "")
            return 0

        return [list(answers), answer, None]


@contextmanager
def _certificates(target: Target) -> Iterator[str]:
    """The query that names a private folder with the target's own authority and client certificate, while it exists.

    libvirt reads these files during the handshake only.
    """
    if target.transport != "tls" or not target.ca_pem:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="lh-pki-") as folder:
        files = {"cacert.pem": target.ca_pem}
        certificate, key = places.client_identity(target.secret)
        if key:
            files |= {"clientcert.pem": certificate, "clientkey.pem": key}
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        yield places.pki_query(folder)
