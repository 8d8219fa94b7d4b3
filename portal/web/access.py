"""Whom a view lets in, and what a signed-in request carries."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from lifecycle.people.models import User
from lifecycle.people.permissions import LOOK_INTO_HOUSE, RUN_HOUSE, Verb, require


class Asked(HttpRequest):
    """A request as views see it: signed in, and with what htmx says of itself."""

    user: User
    htmx: HtmxDetails


View = Callable[..., HttpResponseBase]


def asks(verb: Verb[object]) -> Callable[[View], View]:
    """Pages that everybody knows to exist and only some open. What is done there is asked again by the action."""

    def decorator(view: View) -> View:
        @wraps(view)
        def guarded(request: Asked, *args: object, **kwargs: object) -> HttpResponseBase:
            require(request.user, verb)
            return view(request, *args, **kwargs)

        return guarded

    return decorator


admins_only = asks(RUN_HOUSE)
"""Forms of the house: whoever only reads has no use for them."""
readers_only = asks(LOOK_INTO_HOUSE)
"""Pages of the house, for administrators and auditors."""


def back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the page that the person came from, if it is one of ours."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        return redirect(came_from)
    return redirect(otherwise)
