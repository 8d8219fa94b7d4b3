"""What the portal has under way on the hypervisors, what waits and why, and the brake for all of it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle.operations import actions, queries
from lifecycle.operations.models import Operation
from portal.web.access import Asked, admins_only, back, readers_only
from portal.web.forms_house.operations import ResolveForm
from portal.web.forms_house.reasons import ReasonForm
from portal.web.histories import history_on_page
from portal.web.waitingwords import SHOWN_WITH, Work
from portal.web.worklist import WorkList

form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@readers_only
@vary_on_headers("HX-Request")
def operation_list(request: Asked) -> HttpResponse:
    template = "operations/_work.html" if request.htmx else "operations/operations.html"
    return render(request, template, {"list": WorkList(request.GET)})


@require_safe
@readers_only
@vary_on_headers("HX-Request")
def operation(request: Asked, pk: int) -> HttpResponse:
    work = Work(queries.recent().select_related(*SHOWN_WITH).get(pk=pk))
    context = {"work": work, "operation": work.operation, "live": bool(request.htmx), "seen": request.GET.get("seen")}
    context |= history_on_page(work.operation, reader=request.user)
    return render(request, "operations/_operation.html" if request.htmx else "operations/operation.html", context)


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


@require_POST
@admins_only
def retry(request: Asked, pk: int) -> HttpResponse:
    found = actions.retry_now(queries.recent().get(pk=pk), by=request.user)
    messages.success(request, _("%(operation)s is tried now.") % {"operation": found})
    return _back(request, pk)


@form_page
@admins_only
def clear(request: Asked, pk: int) -> HttpResponse:
    return _decision(request, pk, actions.clear, ReasonForm, page="clear", done=_("%(operation)s may pass."))


@form_page
@admins_only
def cancel(request: Asked, pk: int) -> HttpResponse:
    return _decision(
        request, pk, actions.cancel, ReasonForm, page="cancel", done=_("%(operation)s is being cancelled.")
    )


@form_page
@admins_only
def resolve(request: Asked, pk: int) -> HttpResponse:
    done = _("It is written down. A worker carries it out now.")
    return _decision(request, pk, actions.resolve, ResolveForm, page="resolve", done=done)


def _decision(
    request: Asked, pk: int, act: Callable[..., Operation], asks: type[Form], *, page: str, done: str
) -> HttpResponse:
    """A page that asks for an administrator's word with its reason, and what is said when it was given."""
    found = queries.recent().get(pk=pk)
    form = asks(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act(found, by=request.user, **form.cleaned_data)
        messages.success(request, done % {"operation": found})
        return _back(request, pk)
    context = {"form": form, "operation": found, "work": Work(found)}
    return render(request, f"operations/{page}.html", context, status=422 if form.is_bound else 200)


def _back(request: Asked, pk: int) -> HttpResponse:
    """To where it was asked from, such as the list with its filters; from the question's own page to the operation."""
    if urlsplit(request.headers.get("Referer", "")).path == request.path:
        return redirect("operation", pk)
    return back(request, reverse("operation", args=[pk]))
