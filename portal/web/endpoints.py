"""The hypervisors: whether they answer, what stands there, and whether the portal may change anything."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.forms import Form, model_to_dict
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.estate import actions, checking
from lifecycle.estate.models import LIVE, Drift, Endpoint, Scan, Stage
from lifecycle.estate.scanning import ask_scan, ask_stop
from lifecycle.operations.brakes import blast_limit
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from portal.web.access import Asked, admins_only, readers_only
from portal.web.endpointstate import state_of
from portal.web.formproblems import shown_on
from portal.web.forms_house.endpoints import ChangeEndpointForm, LimitsForm, ModeForm, NewEndpointForm
from portal.web.histories import history_on_page
from portal.web.looks import looks_of

form_page = require_http_methods(["GET", "HEAD", "POST"])

PARTS = ("pools", "hosts", "datastores", "networks", "images")


@require_safe
@readers_only
def endpoint_list(request: Asked) -> HttpResponse:
    states = [state_of(endpoint) for endpoint in _counted(Endpoint.objects.order_by("name"))]
    return render(request, "endpoints/endpoints.html", {"states": states})


@require_safe
@readers_only
def endpoint(request: Asked, pk: int) -> HttpResponse:
    found = _counted(Endpoint.objects.all()).get(pk=pk)
    parts = [(manager.model._meta.verbose_name_plural, manager.filter(gone=False).count()) for manager in _parts(found)]
    waiting = Operation.objects.filter(endpoint=found, state__in=Operation.OPEN).count()
    context = {"state": state_of(found), "parts": parts, "waiting": waiting, "removals": blast_limit(found)}
    context |= history_on_page(found, reader=request.user) | _looks(found)
    context["drifts"] = Drift.objects.filter(machine__endpoint=found, ended_at=None).count()
    return render(request, "endpoints/endpoint.html", context)


@require_safe
@readers_only
def looks(request: Asked, pk: int) -> HttpResponse:
    """The part of the page that changes while a look is under way."""
    return render(request, "endpoints/_looks.html", _looks(Endpoint.objects.get(pk=pk)))


@require_POST
@admins_only
def stop(request: Asked, pk: int) -> HttpResponse:
    found = Endpoint.objects.get(pk=pk)
    ask_stop(found, by=request.user)
    messages.success(request, _("The look at %(endpoint)s stops. The next one goes on.") % {"endpoint": found})
    return redirect("endpoint", pk)


@sensitive_post_parameters("secret")
@form_page
@admins_only
def new(request: Asked) -> HttpResponse:
    form = NewEndpointForm(request.POST or None, initial={"kind": request.GET.get("kind", "")})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            made = actions.add_endpoint(by=request.user, **form.cleaned_data)
            ask_scan(made, by=request.user)
            messages.success(request, _("%(endpoint)s is watched from now on.") % {"endpoint": made})
            return redirect("endpoint", made.pk)
    return render(request, "endpoints/new.html", {"form": form}, status=422 if form.is_bound else 200)


@sensitive_post_parameters("secret")
@form_page
@admins_only
def change(request: Asked, pk: int) -> HttpResponse:
    """Two forms on one page: how it is reached, and its limits."""
    found = Endpoint.objects.get(pk=pk)
    limits_sent = request.POST.get("part") == "limits"
    sent = request.POST if request.method == "POST" else None
    access = ChangeEndpointForm(None if limits_sent else sent, initial=model_to_dict(found, exclude=["secret"]))
    limits = LimitsForm(sent if limits_sent else None, initial=model_to_dict(found), prefix="limits")
    if sent is not None and _saved(found, limits if limits_sent else access, by=request.user):
        messages.success(request, _("%(endpoint)s is changed.") % {"endpoint": found})
        return redirect("endpoint", pk)
    context = {"endpoint": found, "form": access, "limits": limits, "wrong": limits if limits_sent else access}
    return render(request, "endpoints/change.html", context, status=200 if sent is None else 422)


@form_page
@admins_only
def mode(request: Asked, pk: int) -> HttpResponse:
    """Managing is asked with its consequence and a reason; only watching again is done at once."""
    found = Endpoint.objects.get(pk=pk)
    form = ModeForm(request.POST or None, initial={"mode": Endpoint.Mode.MANAGE})
    if request.method == "POST" and form.is_valid():
        wanted, reason = Endpoint.Mode(form.cleaned_data["mode"]), form.cleaned_data["reason"]
        if wanted == Endpoint.Mode.OBSERVE:
            reason = reason or _("switched back from its page")
        with shown_on(form):
            actions.set_mode(found, wanted, by=request.user, reason=reason)
            messages.success(request, _mode_words(found))
            return redirect("endpoint", pk)
    return render(request, "endpoints/mode.html", _consequence(found, form), status=422 if form.is_bound else 200)


@require_POST
@admins_only
def scan(request: Asked, pk: int) -> HttpResponse:
    found = Endpoint.objects.get(pk=pk)
    ask_scan(found, by=request.user)
    messages.success(request, _("A worker looks at %(endpoint)s now.") % {"endpoint": found})
    return redirect("endpoint", pk)


@require_POST
@admins_only
def check(request: Asked, pk: int) -> HttpResponse:
    """The answer is the report: it is kept nowhere, so there is no page to go on to."""
    found = Endpoint.objects.get(pk=pk)
    return render(request, "endpoints/check.html", {"report": checking.check(found, by=request.user)})


def _counted(rows: QuerySet[Endpoint]) -> QuerySet[Endpoint]:
    live = Q(machines__stage__in=LIVE)
    return rows.annotate(machine_count=Count("machines", filter=live))


def _looks(endpoint: Endpoint) -> dict[str, Any]:
    rows = looks_of(endpoint)
    running = next((row for row in rows if row.scan.state == Scan.State.RUNNING), None)
    return {"endpoint": endpoint, "looks": rows, "running": running}


def _parts(endpoint: Endpoint) -> list[Any]:
    return [getattr(endpoint, name) for name in PARTS]


def _saved(endpoint: Endpoint, form: Form, *, by: User) -> bool:
    if not form.is_valid():
        return False
    with shown_on(form):
        act = actions.set_limits if isinstance(form, LimitsForm) else actions.change_endpoint
        act(endpoint, by=by, **form.cleaned_data)
    return not form.errors


def _mode_words(endpoint: Endpoint) -> str:
    if endpoint.mode == Endpoint.Mode.MANAGE:
        return _("%(endpoint)s is managed: what waited goes on.") % {"endpoint": endpoint}
    return _("%(endpoint)s is only observed: nothing is changed there.") % {"endpoint": endpoint}


def _consequence(endpoint: Endpoint, form: ModeForm) -> dict[str, Any]:
    return {
        "endpoint": endpoint,
        "form": form,
        "waiting": Operation.objects.filter(endpoint=endpoint, state__in=Operation.OPEN).count(),
        "leased": endpoint.machines.filter(stage__in=(Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)).count(),
    }
