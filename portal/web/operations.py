"""What the portal has under way on the hypervisors, what waits and why, and the brake for all of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle.operations import actions, queries
from lifecycle.operations.models import Operation
from portal import paging
from portal.web.access import Asked, admins_only, readers_only
from portal.web.forms_house.reasons import ReasonForm
from portal.web.waitingwords import Work

form_page = require_http_methods(["GET", "HEAD", "POST"])

MOST_OPEN = 200
"""As many open ones as the page shows; it says so when there are more."""


@require_safe
@readers_only
@vary_on_headers("HX-Request")
def operation_list(request: Asked) -> HttpResponse:
    template = "operations/_work.html" if request.htmx else "operations/operations.html"
    return render(request, template, _work(request.GET.get("page", "")))


@form_page
@admins_only
def pause(request: Asked) -> HttpResponse:
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.pause(by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("Everything is paused. No machine is changed until it goes on."))
        return redirect("operations")
    running = queries.open_operations().filter(state=Operation.State.RUNNING).count()
    context = {"form": form, "running": running, "open": queries.open_operations().count()}
    return render(request, "operations/pause.html", context, status=422 if form.is_bound else 200)


@require_POST
@admins_only
def resume(request: Asked) -> HttpResponse:
    actions.resume(by=request.user)
    messages.success(request, _("Everything goes on."))
    return redirect("operations")


@form_page
@admins_only
def clear(request: Asked, pk: int) -> HttpResponse:
    operation = queries.recent().get(pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.clear(operation, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("%(operation)s may pass.") % {"operation": operation})
        return redirect("operations")
    context = {"form": form, "operation": operation}
    return render(request, "operations/clear.html", context, status=422 if form.is_bound else 200)


@require_POST
@admins_only
def retry(request: Asked, pk: int) -> HttpResponse:
    operation = actions.retry_now(queries.recent().get(pk=pk), by=request.user)
    messages.success(request, _("%(operation)s is tried now.") % {"operation": operation})
    return redirect("operations")


def _work(position: str) -> dict[str, Any]:
    """Open work first, on the first page only; ended work after it, newest first."""
    ended = queries.recent().exclude(state__in=Operation.OPEN)
    page = paging.page(ended, key=("-id",), position=position, count=False)
    rows = queries.open_operations().select_related("machine", "endpoint", "asked_by").order_by("pk")
    found = [] if position else list(rows[: MOST_OPEN + 1])
    return {
        "open": [Work(operation) for operation in found[:MOST_OPEN]],
        "more_open": len(found) > MOST_OPEN,
        "ended": [Work(operation) for operation in page.rows],
        "page": page,
        "first": not position,
    }
