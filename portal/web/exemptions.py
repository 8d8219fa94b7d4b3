"""What is no finding: saying so from a finding's page, the list of what was said, and ending it."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle import clock
from lifecycle.errors import Conflict
from lifecycle.sprawl.exempting import Subject, end_exemption, exempt
from lifecycle.sprawl.exemptions import in_force
from lifecycle.sprawl.models import Exemption, Finding, Kind
from portal import paging
from portal.web.access import Asked, admins_only, readers_only
from portal.web.findingpage import visible
from portal.web.formproblems import shown_on
from portal.web.forms.days import today
from portal.web.forms_house.exempting import EVERY, KIND, POOL, ExemptForm

USUAL = timedelta(days=90)
SUBJECTS = ("machine__endpoint", "disk_file__datastore__endpoint", "image__endpoint", "pool__endpoint", "by")


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def exempt_finding(request: Asked, pk: int) -> HttpResponse:
    finding = visible(request.user, pk)
    if finding.ended_at is not None:
        raise Conflict(_("This finding has ended already."))
    form = ExemptForm(request.POST or None, finding=finding, initial={"scope": KIND, "ends_on": today() + USUAL})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            asked = form.cleaned_data
            exempt(
                _subject(finding, asked["scope"]), kind=None if asked["scope"] == EVERY else Kind(finding.kind),
                reason=asked["reason"], ends_on=asked["ends_on"], by=request.user,
            )  # fmt: skip
            messages.success(request, _("%(name)s is exempt.") % {"name": finding.subject.name})
            return redirect("finding", finding.pk)
    context = {"form": form, "finding": finding}
    return render(request, "sprawl/exempt.html", context, status=422 if form.errors else 200)


@require_safe
@readers_only
def exemption_list(request: Asked) -> HttpResponse:
    hidden = Count("findings", filter=Q(findings__ended_at=None))
    found = in_force(clock.now()).annotate(hides=hidden).select_related(*SUBJECTS)
    page = paging.page(found, key=("ends_at", "id"), position=request.GET.get("page", ""))
    return render(request, "sprawl/exemptions.html", {"page": page})


@require_POST
@admins_only
def end(request: Asked, pk: int) -> HttpResponse:
    exemption = end_exemption(Exemption.objects.get(pk=pk), by=request.user)
    messages.success(request, _("The exemption is ended: “%(reason)s”.") % {"reason": exemption.reason[:80]})
    return redirect("exemptions")


def _subject(finding: Finding, scope: str) -> Subject:
    pool = finding.machine.pool if finding.machine else None
    return pool if scope == POOL and pool else finding.subject
