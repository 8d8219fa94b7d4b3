"""How often one may ask: so many times a minute, per person, and per address for whoever is not signed in.

Counted in the cache, not in the database: a question that only reads must not write. docs/decisions/0007 says more.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponseBase
from django.utils.translation import ngettext
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from portal.identity import address_of

log = logging.getLogger(__name__)

WINDOW = 60
"""Seconds, by the real clock."""


@dataclass(frozen=True)
class Rate:
    limit: int
    left: int
    resets_in: int
    """Seconds until `left` is `limit` again."""

    def write(self, answer: HttpResponseBase) -> None:
        answer["RateLimit-Policy"] = f"{self.limit};w={WINDOW}"
        answer["RateLimit-Limit"] = str(self.limit)
        answer["RateLimit-Remaining"] = str(max(self.left, 0))
        answer["RateLimit-Reset"] = str(self.resets_in)


class TooOften(Throttled):
    def __init__(self, rate: Rate) -> None:
        words = ngettext(
            "Too often. Ask again in %(n)s second.", "Too often. Ask again in %(n)s seconds.", rate.resets_in
        )
        super().__init__(detail=words % {"n": rate.resets_in})
        self.wait = rate.resets_in
        self.rate = rate


def of_person(request: Request) -> Rate | None:
    return _checked(_count(f"person:{request.user.pk}", settings.API_RATE))


def of_address(request: Request) -> Rate | None:
    """For what was asked without a name, or with a wrong one."""
    return _checked(_count(f"address:{_address(request)}", settings.API_RATE_ANONYMOUS))


def stop_strangers(request: Request) -> None:
    """Before a password is looked at, which costs much: an address that asked too often waits.

    A session or a token costs nothing to look at, and passes.
    """
    if _is_cheap(request) or not settings.API_RATE_ANONYMOUS:
        return
    rate = _count(f"address:{_address(request)}", settings.API_RATE_ANONYMOUS, by=0)
    if rate and rate.left <= 0:
        raise TooOften(rate)


def _checked(rate: Rate | None) -> Rate | None:
    if rate and rate.left < 0:
        raise TooOften(rate)
    return rate


def _count(name: str, limit: int, *, by: int = 1) -> Rate | None:
    """None where there is no limit. A cache that is away stops nobody."""
    if not limit:
        return None
    window, passed = divmod(int(time.time()), WINDOW)
    key = f"rate:{name}:{window}"
    try:
        cache.add(key, 0, 2 * WINDOW)
        used = cache.incr(key, by)
    except ValueError:  # gone between the two lines
        used = by
    except Exception:
        log.exception("The cache does not answer: nobody is counted")
        return None
    return Rate(limit, limit - used, WINDOW - passed)


def _is_cheap(request: Request) -> bool:
    return request.headers.get("Authorization", "").lower().startswith("bearer ") or (
        "Authorization" not in request.headers and settings.SESSION_COOKIE_NAME in request.COOKIES
    )


def _address(request: Request) -> str:
    return address_of(request) or ""
