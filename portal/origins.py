"""Where a form came from, when that is why it was refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _


def origin_words(request: Any, reason: str) -> str:
    """Names the setting when the origin is the trouble: the usual one after a fresh installation. Otherwise empty.

    Whether that origin is ours or an attacker's cannot be known here; so the words leave it to whoever reads them.
    """
    if not reason.removeprefix("CSRF Failed: ").startswith(("Origin checking failed", "Referer checking failed")):
        return ""
    came_from = request.headers.get("Origin") or _origin(request.headers.get("Referer", ""))
    if came_from in {"", "null"}:
        return ""
    return _(
        "This was sent from %(origin)s. If that is the address of this portal, whoever runs it adds it to the setting "
        "CSRF_TRUSTED_ORIGINS. If it is not, another site tried to act in your name."
    ) % {"origin": came_from[:200]}


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
