"""From a domain error to a page or a JSON problem: the one place that knows both."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from hypervisors.errors import HypervisorError
from lifecycle import logcontext
from lifecycle.errors import Conflict, DomainError, Forbidden, Held, Invalid, InvalidMany
from portal.origins import origin_words

log = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {Invalid: 422, Forbidden: 403, Conflict: 409, Held: 409, DomainError: 400}
PROBLEM = "application/problem+json"
API = "/api/"


def status_of(error: DomainError) -> int:
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def problems_of(error: DomainError) -> dict[str, str]:
    """Field -> sentence; the empty field is the whole."""
    return error.problems if isinstance(error, InvalidMany) else {error.field: error.message}


def page(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The page for an error that a view let through; None for what is not ours."""
    if isinstance(error, ObjectDoesNotExist):
        return render(request, "404.html", status=404)
    if isinstance(error, DomainError):
        status = status_of(error)
        template = {403: "403.html", 409: "errors/409.html"}.get(status, "errors/400.html")
        return render(request, template, {"problem": error.message}, status=status)
    return None


def api_exception(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler: every answer that is not a success is a problem document (RFC 9457)."""
    if isinstance(error, DomainError):
        return _problem(status_of(error), error.code, error.message, {k: [v] for k, v in problems_of(error).items()})
    if isinstance(error, HypervisorError):
        return _problem(502, error.code, error.message)
    if isinstance(error, ObjectDoesNotExist | Http404):
        error = exceptions.NotFound(_("There is nothing here, or nothing that you may see."))
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        errors = dict(_sentences(response.data))
        return _problem(422, "invalid", " ".join(errors.get("", [])) or _("Some values are wrong."), errors)
    code = str(getattr(error, "default_code", "refused"))
    answer = _problem(response.status_code, code, str(response.data.get("detail", "")))
    for header in ("WWW-Authenticate", "Retry-After"):
        if header in response:
            answer[header] = response[header]
    return answer


def _problem(status: int, code: str, detail: str, errors: Mapping[str, list[str]] | None = None) -> HttpResponse:
    """`errors` names fields; what is wrong with the whole is the detail. JSON, whatever a view renders otherwise."""
    body = {"type": f"urn:leasehold:{code}", "title": code.replace("_", " "), "status": status, "detail": detail}
    fields = {field: sentences for field, sentences in (errors or {}).items() if field}
    return JsonResponse(body | ({"errors": fields} if fields else {}), status=status, content_type=PROBLEM)


def _sentences(errors: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """DRF's nested errors, flat: `prices.vcpu.micros` -> sentences. The empty path is the whole."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            whole = str(name) == api_settings.NON_FIELD_ERRORS_KEY
            yield from _sentences(below, path if whole else f"{path}.{name}".lstrip("."))
    elif isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        for number, below in enumerate(errors):
            yield from _sentences(below, f"{path}.{number}".lstrip("."))
    elif errors:
        yield path, [str(sentence) for sentence in errors]


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that came from somewhere else, or whose cookie is gone."""
    old = _("The form was too old, or cookies are switched off. Load the page again and send it once more.")
    return render(request, "errors/not_accepted.html", {"problem": origin_words(request, reason) or old}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    return render(request, "403.html", {"problem": str(exception)}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """The id of the request ties the answer to the traceback in the log. 503 when the database is what is away."""
    reference = logcontext.ids().get(logcontext.REQUEST, "")
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = 503 if away else 500
    log.error("Answered %s with reference %s for %s %s", status, reference, request.method, request.path)
    if request.path.startswith(API):
        if away:
            return _problem(
                status, "unavailable", _("Leasehold is not available at the moment. Try again in a minute.")
            )
        words = _("This is our fault. It is in the log as %(reference)s.") % {"reference": reference}
        return _problem(status, "server_error", words)
    body = _bare(status, reference) if away else _framed(request, status, reference)
    return HttpResponse(body, status=status)


def _framed(request: HttpRequest, status: int, reference: object) -> str:
    try:
        return render_to_string(f"{status}.html", request=request)
    except Exception:  # the frame may be what is broken
        log.exception("The page of an error could not be shown in its frame.")
        return _bare(status, reference)


def _bare(status: int, reference: object) -> str:
    """Without the frame around every page, which asks the database."""
    return render_to_string(f"{status}.html", {"reference": reference})
