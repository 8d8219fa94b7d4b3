"""What a person asked for: the list, and one request from the question to the machine."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lifecycle.errors import Conflict
from lifecycle.people.models import User
from lifecycle.requests import actions
from lifecycle.requests.models import Request
from lifecycle.requests.queries import requests_of
from portal.paging import page
from portal.web.access import Asked
from portal.web.histories import history_on_page
from portal.web.requestpage import RequestPage

SHOWN = {"open": Request.OPEN}


@require_safe
def request_list(request: Asked) -> HttpResponse:
    rows = requests_of(request.user).prefetch_related("steps__approver", "steps__decided_by")
    show, mine = request.GET.get("show", ""), request.GET.get("whose") != "all"
    if show in SHOWN:
        rows = rows.filter(state__in=SHOWN[show])
    if mine:
        rows = rows.filter(requester=request.user)
    found = page(rows, key=("-created_at", "-id"), position=request.GET.get("page", ""))
    return render(request, "requests/list.html", {"page": found, "show": show, "mine": mine})


@require_safe
def request_page(request: Asked, pk: int) -> HttpResponse:
    return _page(request, pk)


@require_safe
def live(request: Asked, pk: int) -> HttpResponse:
    """What may change by itself: asked for every two seconds while the request is open."""
    page = RequestPage(_visible(request.user, pk), request.user)
    return render(request, "requests/_live.html", {"page": page, "seen": request.GET.get("seen", ""), "live": True})


@require_POST
def cancel(request: Asked, pk: int) -> HttpResponse:
    try:
        asked = actions.cancel(_visible(request.user, pk), by=request.user)
    except Conflict as error:
        return _page(request, pk, problem=error.message, status=409)
    words = _("You withdrew the request for %(machine)s.")
    if asked.state == Request.State.BUILDING:
        words = _("%(machine)s is being taken back. Nothing is charged.")
    messages.success(request, words % {"machine": asked.name})
    return redirect("request", pk)


def _page(request: Asked, pk: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    page = RequestPage(_visible(request.user, pk), request.user)
    context: dict[str, object] = {"page": page, "problem": problem}
    context |= history_on_page(page.request, reader=request.user)
    return render(request, "requests/request.html", context, status=status)


def _visible(user: User, pk: int) -> Request:
    return requests_of(user).select_related("blueprint__pool__endpoint", "blueprint__image").get(pk=pk)
