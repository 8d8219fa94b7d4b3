"""Sharing a machine with a person or a team: asked on a page of its own that opens as a dialog over the machine's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from lifecycle.errors import Conflict, DomainError, Invalid
from lifecycle.estate import sharing
from lifecycle.estate.models import Machine
from lifecycle.estate.permissions import MANAGE
from lifecycle.estate.shares import Share, share_named
from lifecycle.people.models import User
from lifecycle.people.permissions import require
from portal.errors import status_of
from portal.web.access import Asked
from portal.web.forms import take_problems
from portal.web.forms.shares import ChangeShareForm, ShareForm
from portal.web.forms_house.adoption import offered_holders
from portal.web.machinepage import visible

form_page = require_http_methods(["GET", "HEAD", "POST"])


@form_page
def share(request: Asked, pk: int) -> HttpResponse:
    machine = _managed(request.user, pk)
    form = ShareForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = sharing.share(machine, by=request.user, **form.cleaned_data)
        except (Conflict, Invalid) as error:
            return _refused(request, machine, form, error)
        messages.success(request, _("Shared with %(who)s.") % {"who": made.recipient})
        return redirect("machine", pk)
    return _ask(request, machine, form)


@form_page
def change(request: Asked, pk: int, key: str) -> HttpResponse:
    machine = _managed(request.user, pk)
    shared = _named(machine, key)
    sent = request.POST if request.method == "POST" else None
    form = ChangeShareForm(sent, initial={"level": shared.level.value, "until": shared.until})
    if form.is_bound and form.is_valid():
        try:
            sharing.change_share(machine, recipient=shared.recipient, by=request.user, **form.cleaned_data)
        except (Conflict, Invalid) as error:
            return _refused(request, machine, form, error, shared=shared)
        messages.success(request, _("Changed for %(who)s.") % {"who": shared.recipient})
        return redirect("machine", pk)
    return _ask(request, machine, form, shared=shared)


@require_POST
def withdraw(request: Asked, pk: int, key: str) -> HttpResponse:
    """By whoever manages the machine, or by whom it is shared with; what they no longer see is not shown again."""
    machine = visible(request.user, pk)
    shared = _named(machine, key)
    sharing.withdraw_share(machine, recipient=shared.recipient, by=request.user)
    messages.success(request, _("No longer shared with %(who)s.") % {"who": shared.recipient})
    still = Machine.objects.visible_to(request.user).filter(pk=pk).exists()
    return redirect("machine", pk) if still else redirect("machines")


def _managed(user: User, pk: int) -> Machine:
    machine = visible(user, pk)
    require(user, MANAGE, machine)
    return machine


def _named(machine: Machine, key: str) -> Share:
    if (shared := share_named(machine, key)) is None:
        raise ObjectDoesNotExist
    return shared


def _refused(request: Asked, machine: Machine, form: Any, error: DomainError, **more: Any) -> HttpResponse:
    take_problems(form, error)
    return _ask(request, machine, form, status=status_of(error), **more)


def _ask(request: Asked, machine: Machine, form: Any, *, status: int = 0, **more: Any) -> HttpResponse:
    context = {"machine": machine, "form": form, **more}
    if "shared" not in more:
        context["recipients"] = offered_holders()
    return render(request, "machines/share.html", context, status=status or (422 if form.errors else 200))
