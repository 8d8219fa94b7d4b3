"""BROKER_URL and what belongs to it -> Celery's settings. Errors never show the address: a password is part of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlunsplit

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from portal.environment import address, authority, readable, text

SENDING = 0.5
"""Seconds that whoever sends a wake-up waits for an answer. It is a hint: without one, work is found by the sweep."""
READING = 5.0
"""Seconds that a worker waits for one: it has no page to answer, and must not take a busy broker for a lost one."""
SCHEMES = ("filesystem", "redis", "rediss", "sentinel")
FILES = {"BROKER_CA_FILE": "ssl_ca_certs", "BROKER_CERT_FILE": "ssl_certfile", "BROKER_KEY_FILE": "ssl_keyfile"}


def broker(url: str, *, testing: bool = False) -> dict[str, Any]:
    """The settings of the broker. In a test it may be `memory://`, which no second process would see."""
    scheme = url.partition(":")[0]
    if scheme not in SCHEMES and not (testing and scheme == "memory"):
        raise ImproperlyConfigured(
            f"BROKER_URL must start with one of {', '.join(SCHEMES)}; it starts with {scheme!r}."
        )
    master, password = text("BROKER_SENTINEL_MASTER", ""), text("BROKER_SENTINEL_PASSWORD", "")
    if bool(master) != (scheme == "sentinel") or (password and not master):
        raise ImproperlyConfigured("BROKER_SENTINEL_MASTER names what the Sentinels of a sentinel:// address watch.")
    tls = secured(scheme)
    if scheme in {"filesystem", "memory"}:
        return {"broker_url": f"{scheme}://"}
    options: dict[str, Any] = {
        **waiting(SENDING),
        "health_check_interval": 5,  # a worker notices within about twice that when the other end is gone in silence
        "max_retries": 0,  # a person must not wait for the second attempt
        "socket_keepalive": True,
        # What a worker had taken along when it was killed: by then the sweep has found what was meant.
        "visibility_timeout": 120,
    }
    if scheme != "sentinel":
        return {"broker_url": redis(url), "broker_transport_options": options, "broker_use_ssl": tls or None}
    # Each is asked once: the next one knows as much.
    asking = {**waiting(SENDING), "retry": Retry(NoBackoff(), 0), "password": password or None}
    options |= {"master_name": master, "sentinel_kwargs": {**asking, **({"ssl": True, **tls} if tls else {})}}
    return {"broker_url": sentinels(url), "broker_transport_options": options, "broker_use_ssl": tls or None}


def waiting(seconds: float) -> dict[str, float]:
    return {"socket_connect_timeout": seconds, "socket_timeout": seconds}


def redis(url: str) -> str:
    """The address, when it is one of a Redis server."""
    parts = address("BROKER_URL", url)
    _, _, hosts = authority("BROKER_URL", parts.netloc)
    number = parts.path.strip("/")
    if len(hosts) != 1 or not hosts[0][0] or parts.query or parts.fragment or (number and not number.isdigit()):
        raise ImproperlyConfigured(
            "BROKER_URL is written redis://:password@host:6379/0 and takes no options: TLS has settings of its own."
        )
    return url


def sentinels(url: str) -> str:
    """The addresses, each with the password and the number of the database that may stand only once."""
    parts = [address("BROKER_URL", each) for each in url.split(";")]
    words = {each.netloc.rpartition("@")[0] for each in parts} - {""}
    paths = {each.path for each in parts} - {"", "/"}
    if {each.scheme for each in parts} != {"sentinel"} or len(words) > 1 or len(paths) > 1:
        raise ImproperlyConfigured(
            "BROKER_URL is written sentinel://:password@host:26379;sentinel://host:26379/0, where password and"
            " database are those of the one master behind the Sentinels."
        )
    word, path = "".join(f"{word}@" for word in words), "".join(paths)
    hosts = [each.netloc.rpartition("@")[2] for each in parts]
    # Whichever Sentinel answers, the whole address has to be there: only its own part is looked at then.
    return ";".join(redis(urlunsplit(("sentinel", word + host, path, "", ""))) for host in hosts)


def secured(scheme: str) -> dict[str, Any]:
    """TLS, which `rediss://` has always and `sentinel://` with BROKER_CA_FILE. Certificate and name are verified."""
    given = {name: path for name in FILES if (path := text(name, ""))}
    if given and scheme not in {"rediss", "sentinel"}:
        raise ImproperlyConfigured(f"{', '.join(given)}: only rediss:// and sentinel:// speak TLS.")
    if ("BROKER_CERT_FILE" in given) != ("BROKER_KEY_FILE" in given):
        raise ImproperlyConfigured("BROKER_CERT_FILE and BROKER_KEY_FILE belong together.")
    if scheme == "sentinel" and given and "BROKER_CA_FILE" not in given:
        raise ImproperlyConfigured("BROKER_CA_FILE is what makes sentinel:// speak TLS: it is missing.")
    if scheme != "rediss" and not given:
        return {}
    files = {FILES[name]: readable(name, path) for name, path in given.items()}
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": True, **files}
