"""TLS that always verifies: the authority that the target names, else the system's. There is no other way in."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, Unreachable

UNTRUSTED = "The server cannot prove who it is: its certificate is not trusted, has expired, or names another server."


def context(target: Target) -> ssl.SSLContext:
    found = ssl.create_default_context(cadata=target.ca_pem or None)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


@dataclass(frozen=True, slots=True)
class Certificate:
    subject: str
    issuer: str
    ends_at: datetime


def certificate(target: Target, *, port: int) -> Certificate:
    """The certificate that the server shows, once it was verified. Raises AccessDenied when it is not to be trusted,
    and Unreachable when nobody answers."""
    try:
        with (
            socket.create_connection((target.address, target.port or port), timeout=target.timeout) as plain,
            context(target).wrap_socket(plain, server_hostname=target.address) as wire,
        ):
            shown = wire.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise AccessDenied(UNTRUSTED, native=error.verify_message) from error
    except OSError as error:
        raise Unreachable("The server does not answer.", native=str(error)) from error
    ends_at = ssl.cert_time_to_seconds(str(shown.get("notAfter", "Jan  1 00:00:00 1970 GMT")))
    return Certificate(_name(shown.get("subject")), _name(shown.get("issuer")), datetime.fromtimestamp(ends_at, UTC))


def _name(parts: object) -> str:
    """`commonName` of a distinguished name as the ssl module gives it."""
    pairs = dict(pair for part in parts for pair in part) if isinstance(parts, tuple) else {}
    return str(pairs.get("commonName", ""))
