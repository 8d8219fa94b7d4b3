"""What was changed on hypervisors behind the portal's back: accept it, or have it put back."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lifecycle.estate.models import Drift
from lifecycle.operations.drift import accept as accept_drift
from lifecycle.operations.drift import hindrance_of
from lifecycle.operations.drift import put_back as put_back_drift
from lifecycle.operations.queries import put_backs_under_way
from portal import paging
from portal.web.access import Asked, admins_only, back, readers_only

KEY = ("-since", "-pk")
SIZED = {Drift.Column.MEMORY, Drift.Column.DISK}
"""Their values are MiB."""


def open_drifts() -> QuerySet[Drift]:
    return Drift.objects.filter(ended_at=None).select_related("machine__endpoint", "machine__holder", "machine__team")


@require_safe
@readers_only
def drift_list(request: Asked) -> HttpResponse:
    rows = open_drifts()
    if (endpoint := request.GET.get("endpoint", "")).isdecimal() and len(endpoint) < 19:
        rows = rows.filter(machine__endpoint=int(endpoint))
    page = paging.page(rows, key=KEY, position=request.GET.get("page", ""))
    under_way = put_backs_under_way(drift.machine_id for drift in page.rows)
    shown = [
        {
            "drift": drift,
            "sized": drift.column in SIZED,
            "under_way": drift.machine_id in under_way,
            "hindrance": hindrance_of(drift, drift.machine, asked=False),
        }
        for drift in page.rows
    ]
    return render(request, "estate/drifts.html", {"rows": shown, "page": page})


@require_POST
@admins_only
def accept(request: Asked, pk: int) -> HttpResponse:
    drift = accept_drift(Drift.objects.select_related("machine").get(pk=pk), by=request.user)
    messages.success(request, _("Accepted: %(machine)s is so from now on.") % {"machine": drift.machine})
    return back(request, "drifts")


@require_POST
@admins_only
def put_back(request: Asked, pk: int) -> HttpResponse:
    drift = Drift.objects.select_related("machine").get(pk=pk)
    operation = put_back_drift(drift, by=request.user)
    messages.success(request, _("%(machine)s is being put back as it was.") % {"machine": drift.machine})
    return redirect("operation", operation.pk)
