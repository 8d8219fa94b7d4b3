"""Machines: the list, one machine, and what its holder may do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.errors import Conflict, DomainError, Invalid
from lifecycle.estate.models import Machine
from lifecycle.estate.permissions import MANAGE
from lifecycle.leases import actions as leases
from lifecycle.leases.models import Lease
from lifecycle.leases.permissions import ASSIGN_HOLDER, HOLD
from lifecycle.operations import power as powers
from lifecycle.people.permissions import require
from lifecycle.sprawl.releasing import release_adoption
from portal.errors import status_of
from portal.web import machinelist
from portal.web.access import Asked
from portal.web.forms import take_problems
from portal.web.forms.days import months_on, today
from portal.web.forms.leases import ExtendForm, HoldForm
from portal.web.machinepage import MachinePage, visible

POWERS: dict[str, tuple[Callable[..., Any], str]] = {
    "start": (powers.start, "Starting %(machine)s."),
    "shut_down": (powers.shut_down, "Shutting down %(machine)s."),
    "restart": (powers.restart, "Restarting %(machine)s."),
}


@require_safe
def machine_list(request: Asked) -> HttpResponse:
    return render(request, "machines/list.html", machinelist.context(request.user, request.GET))


@require_safe
def machine(request: Asked, pk: int) -> HttpResponse:
    return _page(request, pk)


@require_safe
def live(request: Asked, pk: int) -> HttpResponse:
    """What may change by itself: asked for every two seconds while something is under way."""
    page = MachinePage(visible(request.user, pk), request.user)
    return render(request, "machines/_live.html", {"page": page, "seen": request.GET.get("seen", ""), "live": True})


@require_POST
def power(request: Asked, pk: int) -> HttpResponse:
    if (wanted := POWERS.get(request.POST.get("do", ""))) is None:
        raise Http404
    act, words = wanted
    return _do(request, pk, lambda machine: act(machine, by=request.user), _(words))


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: Asked, pk: int) -> HttpResponse:
    lease = _lease(request, pk)
    require(request.user, MANAGE, lease.machine)
    latest = leases.last_day_within(lease.latest_end, lease.ends_at.astimezone(ZoneInfo(lease.zone)))
    form = ExtendForm(_sent(request), initial={"last_day": min(months_on(_later(lease), 1), latest)})
    if request.method == "POST" and form.is_valid():
        try:
            lease = leases.extend(lease, by=request.user, **form.cleaned_data)
        except DomainError as error:
            return _refused(request, pk, error, form, "machines/extend.html", latest=latest)
        messages.success(request, _("Extended."))
        return redirect("machine", pk)
    status = 422 if form.errors else 200
    return _ask(request, pk, "machines/extend.html", status=status, form=form, latest=latest)


@require_http_methods(["GET", "HEAD", "POST"])
def give_back(request: Asked, pk: int) -> HttpResponse:
    lease = _lease(request, pk)
    require(request.user, MANAGE, lease.machine)
    if request.method != "POST":
        return _ask(request, pk, "machines/give_back.html")
    done = _("%(machine)s is given back: it is being stopped.")
    return _do(request, pk, lambda machine: leases.give_back(lease, by=request.user), done)


@require_POST
def restore(request: Asked, pk: int) -> HttpResponse:
    lease = _lease(request, pk)
    return _do(
        request, pk, lambda machine: leases.restore(lease, by=request.user), _("%(machine)s is restored; it starts.")
    )


@require_http_methods(["GET", "HEAD", "POST"])
def hold(request: Asked, pk: int) -> HttpResponse:
    lease = _lease(request, pk)
    require(request.user, HOLD)
    form = HoldForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            leases.hold(lease, by=request.user, **form.cleaned_data)
        except DomainError as error:
            return _refused(request, pk, error, form, "machines/hold.html")
        messages.success(request, _("On hold: nothing is stopped or removed."))
        return redirect("machine", pk)
    return _ask(request, pk, "machines/hold.html", form=form, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: Asked, pk: int) -> HttpResponse:
    """A wrong holder is taken away again, as if they had never been."""
    lease = _lease(request, pk)
    require(request.user, ASSIGN_HOLDER)
    form = HoldForm(_sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            release_adoption(lease.machine, by=request.user, **form.cleaned_data)
        except DomainError as error:
            return _refused(request, pk, error, form, "machines/take_back.html")
        messages.success(request, _("Nobody holds it any more, and nobody is charged."))
        return redirect("machine", pk)
    return _ask(request, pk, "machines/take_back.html", form=form, status=422 if form.errors else 200)


@require_POST
def release(request: Asked, pk: int) -> HttpResponse:
    lease = _lease(request, pk)
    return _do(request, pk, lambda machine: leases.release_hold(lease, by=request.user), _("The hold is released."))


def _do(request: Asked, pk: int, act: Callable[[Machine], Any], words: str) -> HttpResponse:
    """One press: done, or the machine's page with what was in the way."""
    machine = visible(request.user, pk)
    try:
        act(machine)
    except Conflict as error:
        return _page(request, pk, problem=error.message, status=409)
    messages.success(request, words % {"machine": machine.name})
    return redirect("machine", pk)


def _refused(request: Asked, pk: int, error: DomainError, form: Any, template: str, **more: Any) -> HttpResponse:
    """The question again, with what was typed; a refusal of the person as a whole goes to the middleware."""
    if not isinstance(error, Conflict | Invalid):
        raise error
    take_problems(form, error)
    return _ask(request, pk, template, form=form, status=status_of(error), **more)


def _page(request: Asked, pk: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    page = MachinePage(visible(request.user, pk), request.user)
    return render(request, "machines/machine.html", {"page": page, "problem": problem}, status=status)


def _ask(request: Asked, pk: int, template: str, *, status: int = 200, **more: Any) -> HttpResponse:
    page = MachinePage(visible(request.user, pk), request.user)
    return render(request, template, {"page": page, **more}, status=status)


def _sent(request: Asked) -> Any:
    """What binds a form: also an empty body is an answer that has something missing."""
    return request.POST if request.method == "POST" else None


def _lease(request: Asked, pk: int) -> Lease:
    lease = getattr(visible(request.user, pk), "lease", None)
    if lease is None:
        raise ObjectDoesNotExist
    return lease


def _later(lease: Lease) -> Any:
    """Where an extension begins to count: the present end, or today when that has passed."""
    return max(lease.ends_at.date(), today())
