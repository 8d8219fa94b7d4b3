"""Whom a view lets in, and what a signed-in request carries."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from lifecycle.errors import Forbidden
from lifecycle.people.models import User


class Asked(HttpRequest):
    """A request as views see it: signed in, and with what htmx says of itself."""

    user: User
    htmx: HtmxDetails


View = Callable[..., HttpResponseBase]


def admins_only(view: View) -> View:
    """Pages of the house: everybody knows that they exist, only administrators open them."""

    @wraps(view)
    def guarded(request: Asked, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_admin:
            raise Forbidden(_("Only administrators open this page."))
        return view(request, *args, **kwargs)

    return guarded


def back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the page that the person came from, if it is one of ours."""
    came_from = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        return redirect(came_from)
    return redirect(otherwise)
