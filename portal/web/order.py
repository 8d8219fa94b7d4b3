"""The one-page order: choose, see the price, say what for, ask."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle.errors import DomainError
from lifecycle.people.queries import admins, has_left
from lifecycle.requests.actions import submit
from lifecycle.requests.checks import check_name
from lifecycle.requests.permissions import ASK
from portal.errors import status_of
from portal.web.access import Asked, asks
from portal.web.again import Again, again
from portal.web.drafts import Draft
from portal.web.forms import take_problems
from portal.web.forms.orders import SEED, TEAM, OrderForm

LOOKS = {"show", "preset"}
"""Buttons that only show the page anew, for browsers without script."""


@sensitive_post_parameters("user_data", "more_keys")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@asks(ASK)
def order(request: Asked) -> HttpResponse:
    """Never from the cache: a form's key stands for one order, so going back must give another one."""
    if request.method != "POST":
        earlier = again(request.user, request.GET.get("again", ""))
        chosen = (earlier.chosen if earlier else {}) | request.GET.dict()
        return _page(request, chosen, earlier=earlier)
    if LOOKS & request.POST.keys():
        return _page(request, request.POST)
    form = OrderForm(request.POST, by=request.user)
    return _ask(request, form) if form.is_valid() else _page(request, request.POST, form=form, status=422)


@sensitive_variables()
def _ask(request: Asked, form: OrderForm) -> HttpResponse:
    wanted = {name: value for name, value in form.cleaned_data.items() if name not in SEED}
    for_team = wanted.pop("holder") == TEAM
    try:
        asked = submit(**wanted, **form.told(), for_team=for_team, by=request.user)
    except DomainError as error:
        take_problems(form, error, {"ssh_keys": "more_keys"})
        return _page(request, request.POST, form=form, status=status_of(error))
    messages.success(request, _("You asked for %(machine)s.") % {"machine": asked.name})
    return redirect("request", asked.pk)


@require_safe
@asks(ASK)
def price(request: Asked) -> HttpResponse:
    """What follows from a choice: the price, the sizes of another blueprint, the lease; or whether a name is free."""
    changed = request.GET.get("changed", "")
    if changed == "name":
        return _name(request)
    draft = Draft(request.user, request.GET, changed)
    if not draft.blueprints:
        return HttpResponse(status=204)
    return render(request, "order/_live.html", _context(draft))


def _name(request: Asked) -> HttpResponse:
    name = request.GET.get("name", "").strip()
    form = OrderForm({"name": name}, by=request.user)
    problem = check_name(name) if name else ""
    if problem:
        form.add_error("name", problem)
    free = bool(name) and not form.errors.get("name")
    return render(request, "order/_name.html", {"form": form, "free": free, "live": True})


def _page(
    request: Asked,
    chosen: Mapping[str, str],
    *,
    form: OrderForm | None = None,
    earlier: Again | None = None,
    status: int = 200,
) -> HttpResponse:
    # Of an earlier request a day that cannot be had any more moves, as it does when another blueprint is chosen.
    draft = Draft(request.user, chosen, "blueprint" if earlier else "")
    if reason := _blocked(draft):
        return render(request, "order/blocked.html", {"reason": reason, "admins": admins()[:3]}, status=status)
    context = _context(draft, form)
    if earlier:
        context |= {"earlier": earlier.request, "changes": list(earlier.changes(draft))}
    return render(request, "order/order.html", context, status=status)


def _context(draft: Draft, form: OrderForm | None = None) -> dict[str, object]:
    return {"draft": draft, "form": form or OrderForm(initial=draft.initial, by=draft.by)}


def _blocked(draft: Draft) -> str:
    """Why this person cannot order anything, or nothing."""
    if has_left(draft.by):
        return _("You have left; machines cannot be held by you any more.")
    if not draft.blueprints:
        return _("The catalogue holds nothing yet.")
    if not draft.by.cost_centre and not draft.by.team:
        return _("You have no cost centre and no team, so nobody would pay for a machine of yours.")
    if not any(offer.cents is not None for offer in draft.offers):
        return _("No prices are set for this month, and nothing is ordered without a price.")
    return ""
