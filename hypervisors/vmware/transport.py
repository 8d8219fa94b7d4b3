"""pyVmomi's wire with what it lacks: a deadline over connecting, handshake, sending and every byte of an answer."""

from __future__ import annotations

import socket
import ssl
import time
from http.client import HTTPException, HTTPSConnection
from typing import Any

from pyVmomi import vmodl
from pyVmomi.SoapAdapter import SoapStubAdapter

from hypervisors import tls
from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, Unreachable

PORT = 443
OLDEST = "vim.version.version11"
"""vSphere 6.5; every later server speaks it too."""
IDLE = 20
"""Seconds after which a connection is not used again: proxies before a vCenter hang up on idle ones unasked."""


class Deadline:
    """By when the call under way has to be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = 0.0

    def begin(self, most: float | None = None) -> None:
        self._until = time.monotonic() + min(self.seconds, most or self.seconds)

    def left(self) -> float:
        """Raises TimeoutError when it is over."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _bounded_socket(deadline: Deadline) -> type[ssl.SSLSocket]:
    """A time-out of a socket is one per read: a server that drips would never run into it."""

    class Bounded(ssl.SSLSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            self.settimeout(deadline.left())
            return super().recv_into(*args, **kwargs)

        def send(self, *args: Any, **kwargs: Any) -> int:
            self.settimeout(deadline.left())
            return super().send(*args, **kwargs)

    return Bounded


class _Connection(HTTPSConnection):
    def __init__(self, target: Target, context: ssl.SSLContext, deadline: Deadline) -> None:
        super().__init__(target.address, target.port or PORT, context=context)
        self._tls, self._deadline = context, deadline

    def connect(self) -> None:
        plain = self._dial()
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(self._deadline.left())
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def _dial(self) -> socket.socket:
        """Of several addresses the first that answers; all of them share the deadline."""
        fault: OSError = ConnectionError("The name has no address.")
        for family, kind, protocol, _, address in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            found = socket.socket(family, kind, protocol)
            try:
                found.settimeout(self._deadline.left())
                found.connect(address)
            except OSError as error:
                found.close()
                fault = error
            else:
                return found
        raise fault


class Stub(SoapStubAdapter):
    """Carries calls out. Raises the server's own faults as they are, and our errors for all else."""

    def __init__(self, target: Target, deadline: Deadline) -> None:
        context = tls.context(target)
        context.sslsocket_class = _bounded_socket(deadline)
        super().__init__(  # type: ignore[no-untyped-call]
            host=target.address,
            port=target.port or PORT,
            version=OLDEST,
            poolSize=1,
            sslContext=context,
            connectionPoolTimeout=IDLE,
        )
        self.scheme: Any = lambda **_: _Connection(target, context, deadline)
        self._deadline = deadline

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N802, N803 - theirs
        try:
            return super().InvokeMethod(mo, info, args, outerStub)  # type: ignore[no-untyped-call]
        except vmodl.MethodFault:
            raise
        except ssl.SSLCertVerificationError as error:
            raise AccessDenied(tls.UNTRUSTED, native=error.verify_message) from error
        except TimeoutError as error:
            raise Unreachable(f"No answer within {self._deadline.seconds:g} seconds.") from error
        except (OSError, HTTPException) as error:
            raise Unreachable("The server does not answer.", native=_said(error)) from error
        except Exception as error:  # the parser of answers raises whatever it stumbles over
            raise Unreachable("The answer is not one of a vCenter.", native=_said(error)) from error


def _said(error: Exception) -> str:
    """What went wrong, cut short; a parser's complaint may quote what it was given."""
    return f"{type(error).__name__}: {error}"[:200]
