"""The record of who did what, for whoever may look into the house."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lifecycle.audit.queries import entries
from lifecycle.errors import Invalid
from portal import paging
from portal.exports import FORMS, exported
from portal.web.access import Asked, readers_only
from portal.web.auditrows import chips_of, rows_of
from portal.web.forms_house.record import RecordFilter


@require_safe
@readers_only
def audit(request: Asked) -> HttpResponse:
    form = RecordFilter(request.GET)
    form.is_valid()
    found = entries(form.wanted, zone=timezone.get_current_timezone())
    page = paging.page(found, key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    chips = list(chips_of(form, request.GET))
    context = {"form": form, "page": page, "rows": rows_of(page.rows), "chips": chips}
    return render(request, "audit/audit.html", context)


@require_safe
@readers_only
def export(request: Asked) -> HttpResponseBase:
    """All that the same filters show, as a file. A filter that cannot be read is no reason to hand out everything."""
    form, kind = RecordFilter(request.GET), request.GET.get("as", "csv")
    if kind not in FORMS:
        raise Invalid(_("The record is handed out as CSV or as JSON lines."))
    if not form.is_valid():
        raise Invalid(" ".join(str(sentence) for sentences in form.errors.values() for sentence in sentences))
    return exported(form.filters(), form=kind, by=request.user)
