"""Checks of a target's fields that adapters share. Each raises InvalidRequest with a sentence naming the field."""

from __future__ import annotations

import ipaddress
import re

from hypervisors.contract import Target
from hypervisors.errors import InvalidRequest
from hypervisors.words import CONTROL

HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*")
PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)


def check_common(target: Target) -> None:
    """Time-out, port, account and secret."""
    if not 0 < target.timeout <= 600:
        raise InvalidRequest("timeout: give seconds between 0 and 600.")
    if target.port is not None and not 0 < target.port < 65536:
        raise InvalidRequest("port: give a number between 1 and 65535.")
    for field, value in (("username", target.username), ("secret", PEM_BLOCK.sub("", target.secret))):
        if CONTROL.search(value.strip()) or len(value) > 1024:
            raise InvalidRequest(f"{field}: too long, or holds control characters.")
    if target.ca_pem and not PEM_BLOCK.match(target.ca_pem.strip()):
        raise InvalidRequest("ca_pem: give the authority's certificate in PEM form.")


def host(address: str) -> str:
    """A host name or an address, as it stands in a URI."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        if len(address) > 253 or not HOST_NAME.fullmatch(address):
            raise InvalidRequest("address: give a host name or an IP address.") from None
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id:
            raise InvalidRequest("address: an address with a zone is not offered.")
        return f"[{found}]"
    return str(found)


def check_https(target: Target) -> None:
    """An endpoint that is asked over HTTPS with an account: address, account and secret are all there is."""
    check_common(target)
    host(target.address)
    if target.path or target.transport:
        raise InvalidRequest("path: an endpoint of this kind has an address only.")
    if not target.username or not target.secret:
        raise InvalidRequest("username: give the account and its password.")
