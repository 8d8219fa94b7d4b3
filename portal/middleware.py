"""What every page needs around it: an id for the log, the reader's time zone, a way out, domain errors as pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from lifecycle import logcontext
from lifecycle.people import sessions
from portal import errors, identity

FEATURES = ", ".join(
    f"{name}=()"
    for name in ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone",
                 "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking")
)  # fmt: skip
"""What no page of ours ever asks a browser for."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""What a proxy may call a request: nothing that a log, a header or a page would read as something else."""

View = Callable[[HttpRequest], HttpResponse]


def traced(get_response: View) -> View:
    """Names the request in every line of the log about it, in its answer, and in the messages that it sends to workers.

    The name holds on after this returns: Django logs what was refused, and sends files, after the last middleware.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "") if identity.came_through_proxy(request) else ""
        request_id = given if REQUEST_ID.fullmatch(given) else logcontext.made()
        logcontext.begin(request=request_id)
        response = get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response

    return middleware


@receiver(request_finished)
def untraced(**_: object) -> None:
    """The thread waits for its next request."""
    logcontext.begin()


def zone(get_response: View) -> View:
    """Pages show times in the reader's own zone; the API answers in UTC, however somebody signed in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(errors.API) and request.user.is_authenticated:
            with timezone.override(request.user.tz):
                return get_response(request)
        return get_response(request)

    return middleware


def signed_out(get_response: View) -> View:
    """A page that polls after its session ended goes to sign-in as a whole, not into one of its cards."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        target = response.headers.get("Location", "")
        if "HX-Request" in request.headers and urlsplit(target).path == reverse(settings.LOGIN_URL):
            came_from = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
            return HttpResponseClientRedirect(f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': came_from})}")
        return response

    return middleware


def closed(get_response: View) -> View:
    """Answers are for whoever asked and nobody else: no cache keeps them, no other site shows or embeds them."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Permissions-Policy", FEATURES)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def presence(get_response: View) -> View:
    """Notes when a session was last seen; each process asks the database once a minute at most."""

    def middleware(request: HttpRequest) -> HttpResponse:
        sign_in = request.session.get("sign_in")
        if sign_in and cache.add(f"seen-{sign_in}", True, sessions.SEEN_EVERY.total_seconds()):
            sessions.seen(sign_in)
        return get_response(request)

    return middleware


class DomainErrors:
    """Answers domain errors that a view did not handle with a page of the right status."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return errors.page(request, exception)
