"""A mail server that keeps who got which subject, and nothing else."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from typing import Any, Self


class Reader(socketserver.StreamRequestHandler):
    """As much of SMTP as a polite sender needs."""

    def handle(self) -> None:
        self._say("220 chaos")
        while line := self.rfile.readline():
            match line.split(b" ")[0].strip().upper():
                case b"DATA":
                    self._say("354 go on")
                    self._keep(self._body())
                    self._say("250 taken")
                case b"QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        return b"".join(lines)

    def _keep(self, raw: bytes) -> None:
        mail = message_from_bytes(raw, policy=default)
        server: Any = self.server
        server.mails.append((str(mail["To"]), str(make_header(decode_header(str(mail["Subject"]))))))


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Reader)
        self.mails: list[tuple[str, str]] = []
        self.port = int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
