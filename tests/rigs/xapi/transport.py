"""A transport for the real client that checks certificates against one authority and never waits for ever."""

from __future__ import annotations

import http.client
import ssl
from typing import Any
from xmlrpc.client import SafeTransport


class Transport(SafeTransport):
    def __init__(self, context: ssl.SSLContext | None, timeout: float) -> None:
        super().__init__()
        self.tls, self.timeout = context, timeout
        self._connection: tuple[Any, Any] = (None, None)

    def make_connection(self, host: Any) -> Any:
        if self._connection[1] is None or host != self._connection[0]:
            made = (
                http.client.HTTPSConnection(host, timeout=self.timeout, context=self.tls)
                if self.tls
                else http.client.HTTPConnection(host, timeout=self.timeout)
            )
            self._connection = host, made
        return self._connection[1]
