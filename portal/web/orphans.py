"""Machines that run and nobody holds: the report, and giving one of them a holder."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle.estate.models import Endpoint
from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.people.permissions import require
from lifecycle.sprawl import queries
from lifecycle.sprawl.adoption import assign_holder
from lifecycle.sprawl.models import Finding, Kind
from portal import paging
from portal.web import evidencewords
from portal.web.access import Asked, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.adoption import AdoptionForm, offered_holders
from portal.web.whose import ELSE, Whose, likeliest, whose

KEPT = ("q", "endpoint", "page")
"""What of the report's address goes along to a finding and back."""


@require_safe
@readers_only
def orphans(request: Asked) -> HttpResponse:
    return render(request, "orphans/orphans.html", _report(request))


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def orphan(request: Asked, pk: int) -> HttpResponse:
    finding = Finding.objects.select_related("machine__endpoint", "machine__pool", "machine__image").get(
        pk=pk, kind=Kind.ORPHAN
    )
    if request.method == "POST":
        require(request.user, ASSIGN_HOLDER)
        return _assign(request, finding)
    if finding.ended_at is not None:
        return redirect("machine", finding.machine_id)
    who = whose(finding.on_machine, chosen=request.GET.get("who", ""))
    return _panel(request, finding, AdoptionForm(), who)


def _assign(request: Asked, finding: Finding) -> HttpResponse:
    form = AdoptionForm(request.POST)
    if form.is_valid():
        holder = form.cleaned_data.pop("holder")
        with shown_on(form):
            assign_holder(finding, by=request.user, **holder, **form.cleaned_data)
            (owner,) = holder.values()
            messages.success(
                request,
                _("%(holder)s holds %(machine)s from now on.") % {"holder": owner, "machine": finding.on_machine.name},
            )
            return redirect("machine", finding.machine_id)
    # A holder who cannot be it is said beside the field where another can be entered.
    value = "" if form.has_error("holder") else request.POST.get("holder", "")
    who = whose(finding.on_machine, chosen=ELSE, value=value)
    return _panel(request, finding, form, who, status=422)


def _panel(request: Asked, finding: Finding, form: AdoptionForm, who: Whose, *, status: int = 200) -> HttpResponse:
    """The finding lies over the report on wide screens and is a page of its own on narrow ones."""
    own = {
        "finding": finding,
        "machine": finding.on_machine,
        "evidence": evidencewords.sentences(finding.evidence),
        "form": form,
        "who": who,
        "holders": offered_holders(),
    }
    return render(request, "orphans/orphan.html", _report(request) | own, status=status)


def _report(request: Asked) -> dict[str, Any]:
    q, asked = request.GET.get("q", "").strip(), request.GET.get("endpoint", "")
    endpoints = list(Endpoint.objects.order_by("name"))
    endpoint = next((each for each in endpoints if str(each.pk) == asked), None)
    found = queries.orphans(request.user, q=q, endpoint=endpoint)
    page = paging.page(found, key=("-cents_per_month", "-id"), position=request.GET.get("page", ""), count=False)
    kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    return {
        "page": page,
        "likeliest": likeliest(page.rows),
        "totals": queries.totals(request.user, q=q, endpoint=endpoint),
        "q": q,
        "endpoint": endpoint,
        "endpoints": endpoints,
        "report_url": reverse("orphans", query=kept) if kept else reverse("orphans"),
    }
