"""The inbox of whoever decides: what waits, one request open, and the two answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lifecycle.errors import Conflict, DomainError, Invalid
from lifecycle.people.models import User
from lifecycle.requests import actions
from lifecycle.requests.models import Request
from lifecycle.requests.queries import decided_by, requests_of
from lifecycle.requests.queries import inbox as waiting_for
from portal.errors import status_of
from portal.web.access import Asked
from portal.web.decisions import Decision
from portal.web.forms import take_problems
from portal.web.forms.decisions import DecisionForm

MOST = 100
"""Rows of the list; who has more decides the oldest first."""


@require_safe
def inbox(request: Asked) -> HttpResponse:
    """What waits, oldest first; beside it, where there is room, the first of it."""
    context = _list(request)
    first = next(iter(context["rows"]), None)
    if first is not None:
        context |= _open(request.user, first.pk)
    return render(request, "approvals/inbox.html", context)


@require_safe
def approval(request: Asked, pk: int) -> HttpResponse:
    return _page(request, pk)


@require_POST
def approve(request: Asked, pk: int) -> HttpResponse:
    words = _("Approved: %(machine)s is being built for %(person)s.")
    return _decide(request, pk, actions.approve, words, "comment", "cents_seen")


@require_POST
def refuse(request: Asked, pk: int) -> HttpResponse:
    words = _("Refused: %(person)s reads why there is no %(machine)s.")
    return _decide(request, pk, actions.refuse, words, "comment")


def _decide(request: Asked, pk: int, act: Callable[..., Request], words: str, *fields: str) -> HttpResponse:
    asked, form = _visible(request.user, pk), DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, form=form, status=422)
    try:
        act(asked, by=request.user, **{field: form.cleaned_data[field] for field in fields})
    except (Conflict, Invalid) as error:
        return _refused(request, pk, form, error)
    messages.success(request, words % {"machine": asked.name, "person": asked.requester})
    return redirect("approvals")


def _refused(request: Asked, pk: int, form: DecisionForm, error: DomainError) -> HttpResponse:
    """The page as it is now, with what was typed; a second press learns who decided and when."""
    if isinstance(error, Invalid):
        take_problems(form, error)
        return _page(request, pk, form=form, status=status_of(error))
    return _page(request, pk, form=form, problem=error.message, status=status_of(error))


def _page(
    request: Asked, pk: int, *, form: DecisionForm | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    context = _list(request) | _open(request.user, pk, form) | {"problem": problem}
    return render(request, "approvals/approval.html", context, status=status)


def _list(request: Asked) -> dict[str, Any]:
    decided = request.GET.get("show") == "decided"
    rows = decided_by(request.user) if decided else waiting_for(request.user)
    return {"rows": list(rows[:MOST]), "decided": decided}


def _open(user: User, pk: int, form: DecisionForm | None = None) -> dict[str, Any]:
    decision = Decision(_visible(user, pk), user)
    return {"decision": decision, "form": form or DecisionForm()}


def _visible(user: User, pk: int) -> Request:
    return requests_of(user).select_related("blueprint__pool__endpoint", "blueprint__image").get(pk=pk)
