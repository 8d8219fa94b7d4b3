"""A relay before libvirt's socket, which knows its packets: counts the calls, and treats chosen ones badly.

    with LibvirtRelay(rig.socket) as relay:
        relay.treat = on(3, Fate(LOSE_ANSWER))
        target = replace(rig.target(), path=str(relay.path))

Treatments are those of `tests/rigs/relay.py`. A call is named by the numbers of its program and its procedure:
libvirt's own names stand in a file that no package brings along. Keep-alive messages pass uncounted.
"""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.rigs.relay import CUT, GARBAGE, LOSE_ANSWER, LOSE_REQUEST, SILENT, Call, Fate, Treatment

HEAD = struct.Struct(">IIIIIII")  # length with itself, program, version, procedure, type, serial, status
CALL, REPLY = 0, 1
KEEPALIVE = 0x6B656570


@dataclass
class LibvirtRelay:
    server: Path
    treat: Treatment = lambda _call: Fate()
    calls: list[str] = field(default_factory=list)
    _fates: dict[tuple[int, int], Fate] = field(default_factory=dict)
    """By connection and serial: what becomes of the answer."""
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="lh-relay-")
        self.path = Path(self._folder.name) / "libvirt-sock"
        self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        for thread in self._threads:
            thread.join(10)
        self._folder.cleanup()

    def answer(self) -> None:
        """Takes connections (again)."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Hangs up on everyone, and takes no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        self.hang_up()

    def hang_up(self) -> None:
        """On everyone; new connections are taken."""
        with self._lock:
            for end in list(self._open):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Counts from the beginning, and passes everything on."""
        with self._lock:
            self.calls.clear()
            self.treat = lambda _call: Fate()

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                self._start(self._serve, listener.accept()[0])

    def _start(self, work: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _serve(self, client: socket.socket) -> None:
        """One connection, to its end."""
        with client, socket.socket(socket.AF_UNIX) as upstream, suppress(OSError):
            upstream.connect(str(self.server))
            with self._lock:
                self._open |= {client, upstream}
            answers = self._start(self._copy, self._answered, client, upstream)
            self._copy(self._asked, client, upstream)
            answers.join()
            with self._lock:
                self._open -= {client, upstream}

    @staticmethod
    def _copy(
        copy: Callable[[socket.socket, socket.socket], bool], client: socket.socket, upstream: socket.socket
    ) -> None:
        with suppress(OSError, EOFError):
            while copy(client, upstream):
                pass
        for end in (client, upstream):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _asked(self, client: socket.socket, upstream: socket.socket) -> bool:
        """One packet of the client's; False when the connection is to end."""
        packet, program, procedure, kind, serial = _packet(client)
        if kind == CALL and program != KEEPALIVE:
            name = f"{program:x}/{procedure}"
            with self._lock:
                self.calls.append(name)
                number, treat = len(self.calls), self.treat
            fate = treat(Call(number, name, packet))
            time.sleep(fate.seconds)
            if fate.kind == LOSE_REQUEST:
                return False
            with self._lock:
                self._fates[id(client), serial] = fate
        upstream.sendall(packet)
        return True

    def _answered(self, client: socket.socket, upstream: socket.socket) -> bool:
        packet, _program, _procedure, kind, serial = _packet(upstream)
        fate = Fate()
        if kind == REPLY:
            with self._lock:
                fate = self._fates.pop((id(client), serial), Fate())
        if fate.kind == LOSE_ANSWER:
            return False
        if fate.kind == SILENT:
            return True
        if fate.kind == CUT:
            client.sendall(packet[: len(packet) // 2])
            return False
        if fate.kind == GARBAGE:
            packet = packet[: HEAD.size] + b"\xff" * (len(packet) - HEAD.size)
        client.sendall(packet)
        return True


def _packet(end: socket.socket) -> tuple[bytes, int, int, int, int]:
    """The whole of it; its program, procedure, type and serial."""
    head = _exactly(end, HEAD.size)
    length, program, _version, procedure, kind, serial, _status = HEAD.unpack(head)
    return head + _exactly(end, length - HEAD.size), program, procedure, kind, serial


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = end.recv(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
