"""DATABASE_URL -> Django's settings. Errors never show the address: a password is part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote

from django.core.exceptions import ImproperlyConfigured

from portal.environment import address, authority, readable

SQLITE = {
    # IMMEDIATE: a read-then-write transaction that starts DEFERRED fails at once under contention.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA journal_size_limit=67108864;",
}

# What PostgreSQL's library is told unless the address says otherwise: a server that is gone is noticed within seconds.
TOLD = {
    "application_name": "leasehold",
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# In milliseconds; 0 leaves it to the server. A lock is waited for as long as SQLite's.
LIMITS = {"statement_timeout": "120000", "lock_timeout": "20000", "idle_in_transaction_session_timeout": "60000"}
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "primary", "prefer-standby", "standby", "read-only"),
}
ALLOWED = ("host", *CHOICES, *FILES, *TOLD, *LIMITS)


def database(url: str, *, folder: Path) -> dict[str, Any]:
    """The settings of one database; `folder` is where the SQLite file lies that the address does not name."""
    parts = address("DATABASE_URL", url)
    if parts.scheme == "sqlite":
        if parts.netloc or parts.query:
            raise ImproperlyConfigured("DATABASE_URL must be sqlite:///relative/path or sqlite:////absolute/path.")
        name = unquote(parts.path[1:]) or str(folder / "leasehold.sqlite3")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": dict(SQLITE)}
    if parts.scheme in {"postgres", "postgresql"}:
        return postgres(parts)
    raise ImproperlyConfigured(
        f"DATABASE_URL must start with sqlite:// or postgresql://; it starts with {parts.scheme!r}."
    )


def postgres(parts: SplitResult) -> dict[str, Any]:
    """`postgresql://user:password@host:port,host:port/name?option=value`, percent-encoded as in any address."""
    user, password, hosts = authority("DATABASE_URL", parts.netloc)
    if not (name := unquote(parts.path[1:])) or parts.fragment:
        raise ImproperlyConfigured(
            "DATABASE_URL must be postgresql://user:password@host:5432/name?sslmode=verify-full."
        )
    given = options(parts.query)
    socket = given.pop("host", "")
    limits = {name: given.pop(name, usual) for name, usual in LIMITS.items()}
    told = " ".join(f"-c {name}={value}" for name, value in limits.items() if int(value))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": user,
        "PASSWORD": password,
        "HOST": ",".join(host for host, _ in hosts) or socket,
        "PORT": ",".join(port for _, port in hosts) if any(port for _, port in hosts) else "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**TOLD, **given, **({"options": told} if told else {})},
    }


def options(query: str) -> dict[str, str]:
    """What stands behind the question mark. A misspelt `sslmode` stops the start, instead of going without TLS."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ImproperlyConfigured("DATABASE_URL: options are written name=value, joined by &.") from None
    for name, value in pairs:
        check(name, value)
    if len(dict(pairs)) != len(pairs):
        raise ImproperlyConfigured("DATABASE_URL gives an option twice.")
    return dict(pairs)


def check(name: str, value: str) -> None:
    if name not in ALLOWED:
        raise ImproperlyConfigured(f"DATABASE_URL: {name!r} is no option here; there are {', '.join(ALLOWED)}.")
    if name in CHOICES and value not in CHOICES[name]:
        raise ImproperlyConfigured(f"DATABASE_URL: {name} is one of {', '.join(CHOICES[name])}; it is {value!r}.")
    if name in {*TOLD, *LIMITS} - {"application_name"} and not value.isdigit():
        raise ImproperlyConfigured(f"DATABASE_URL: {name} is a whole number; it is {value!r}.")
    if name in FILES and (name, value) != ("sslrootcert", "system"):
        readable(f"DATABASE_URL: {name}", value)
