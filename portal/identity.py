"""Who somebody is, and from where: the backend of sign-ins, and what django-axes asks to brake wrong passwords."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from lifecycle.people.models import User
from lifecycle.people.queries import has_left


class Backend(ModelBackend):
    """Whoever has left is signed in no more, and no longer."""

    def user_can_authenticate(self, user: Any) -> bool:
        return isinstance(user, User) and not has_left(user)


def address_of(request: HttpRequest) -> str | None:
    """The client's address. What a header says of it counts only as far as TRUSTED_PROXIES have written it."""
    found = peer = _address(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "")[-1000:].split(",")
    while found is not None and hops and _is_proxy(found):
        found = _address(hops.pop())
    return str(found or peer) if peer else None


def came_through_proxy(request: HttpRequest) -> bool:
    """Whether its headers are those of one of TRUSTED_PROXIES."""
    peer = _address(request.META.get("REMOTE_ADDR", ""))
    return peer is not None and _is_proxy(peer)


def braked_address(request: HttpRequest) -> str | None:
    """An IPv6 customer has a whole network of addresses: it counts as one."""
    found = _address(address_of(request) or "")
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False)[0])
    return str(found) if found else None


def braked_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """What is no user name may be a password in the wrong field: of that, only a fingerprint is kept."""
    given = str((credentials or {}).get("username") or "")
    names: dict[str, str] = request.__dict__.setdefault("braked_names", {})
    if given not in names:
        known = "\0" not in given and User.objects.filter(username=given).exists()
        names[given] = given if known else "unknown-" + salted_hmac("portal.identity", given).hexdigest()[:16]
    return names[given]


def braked_words(name: str, address: str, agent: str, path: str, request: HttpRequest) -> str:
    """A client, for the log."""
    return f"{name} from {address}"


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any = None) -> HttpResponse:
    """The form and the API have said it in their own words; here it gets its status."""
    response.status_code = 429
    response.headers["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


def is_locked_out(request: HttpRequest | None) -> bool:
    return bool(getattr(request, "axes_locked_out", False))


def _is_proxy(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
