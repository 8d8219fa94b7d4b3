"""Typed reading of the environment. A wrong value stops the start and names the variable."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, unquote
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, default: str | None = None) -> str:
    """The variable's value, or the content of the file that NAME_FILE names; without a default it is required."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is required. docs/running.md says what it is for.")
    return value


def flag(name: str, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} must be one of true, false; it is {value!r}.")
    return value in TRUE


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks: `10.0.0.5, 10.1.0.0/16`."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be addresses or networks: {error}.") from error


def number(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    if not value.lstrip("-").isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}; it is {value!r}.")
    return int(value)


def token(name: str, *, least: int) -> str:
    """What programs show in a header; empty when there is none."""
    value = text(name, "")
    if value and (len(value) < least or not re.fullmatch(r"[!-~]+", value)):
        raise ImproperlyConfigured(f"{name} must have at least {least} characters: ASCII letters, digits and signs.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def uuids(name: str) -> list[UUID]:
    try:
        return [UUID(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be UUIDs with commas between them.") from error


ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?")
ENCODE = "In its password / ? # @ : ; % and brackets are written percent-encoded: %2F %3F %23 %40 %3A %3B %25 %5B %5D."


def address(name: str, url: str) -> SplitResult:
    """The parts of an address. Not by `urlsplit`, whose errors show all of it and which knows only one host."""
    if (match := ADDRESS.fullmatch(url)) is None:
        raise ImproperlyConfigured(f"{name} must start with what it is an address of, and ://. {ENCODE}")
    scheme, netloc, path, query, fragment = (part or "" for part in match.groups())
    return SplitResult(scheme.lower(), netloc, path, query, fragment)


PLACE = re.compile(r"(?:\[([^\[\]@]+)\]|([^\[\]:@]*))(?::(\d+))?")
"""A host, in brackets when it is an IPv6 address, perhaps with its port."""


def authority(name: str, netloc: str) -> tuple[str, str, list[tuple[str, str]]]:
    """`user:password@host:port,host:port` -> user, password, and each host with its port or nothing."""
    credentials, _, places = netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    found = [PLACE.fullmatch(place) for place in places.split(",")] if places else []
    if "@" in credentials or None in found:
        raise ImproperlyConfigured(f"{name}: what follows the @ is no host, or its port no number. {ENCODE}")
    hosts = [(unquote(match[1] or match[2]), match[3] or "") for match in found if match]
    return unquote(user), unquote(password), hosts


def readable(name: str, path: str) -> str:
    """A file that is there and may be read, now and not with the first connection."""
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise ImproperlyConfigured(f"{name} names {path}, which cannot be read: {error.strerror}.") from error
