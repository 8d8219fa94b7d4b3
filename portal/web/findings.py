"""Findings: the list with its filters and totals, one of them with its evidence, and all of them as a file."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lifecycle.errors import Invalid
from lifecycle.people.permissions import may, sees_all
from lifecycle.sprawl import reports
from lifecycle.sprawl.models import Finding
from lifecycle.sprawl.viewing import SEE_OVERVIEW
from portal import paging
from portal.findingexports import FORMS, exported
from portal.web.access import Asked
from portal.web.findingpage import FindingPage, visible
from portal.web.findingrows import HEADS, chips_of, rows_of
from portal.web.findingwords import KINDS
from portal.web.forms_house.findings import FindingFilter

MORE = ("pool", "holder", "confidence", "min", "exempt", "sort")
"""Filters that are behind “More filters” while none of them is chosen."""


@require_safe
def finding_list(request: Asked) -> HttpResponse:
    return render(request, "findings/list.html", _context(request))


@require_safe
def finding(request: Asked, pk: int) -> HttpResponse:
    page = FindingPage(visible(request.user, pk), request.user)
    return render(request, "findings/finding.html", {"page": page})


@require_safe
def export(request: Asked) -> HttpResponseBase:
    """All that the same filters show, as a file. A filter that cannot be read is no reason to hand out everything."""
    form, kind = FindingFilter(request.GET, by=request.user), request.GET.get("as", "csv")
    if kind not in FORMS:
        raise Invalid(_("Findings are handed out as CSV or as JSON lines."))
    if form.errors:
        raise Invalid(" ".join(str(sentence) for sentences in form.errors.values() for sentence in sentences))
    return exported(form.filters(), form=kind, by=request.user)


def _context(request: Asked) -> dict[str, Any]:
    form = FindingFilter(request.GET, by=request.user)
    found = reports.findings(request.user, form.wanted)
    page = paging.page(
        found,
        key=reports.ORDERS[form.order],
        position=request.GET.get("page", ""),
        count=False,
        shown=Finding.objects.select_related(*reports.SHOWN),
    )
    kind = form.wanted.kind
    return {
        "form": form,
        "page": page,
        "rows": rows_of(page.rows, kind=kind),
        "totals": reports.totals(found),
        "chips": list(chips_of(form, request.GET)),
        "look": KINDS.get(kind),
        "kind": kind,
        "sees_all": sees_all(request.user),
        "sees_overview": may(request.user, SEE_OVERVIEW),
        "more_open": any(request.GET.get(name) for name in MORE),
        "head": HEADS.get(kind, _("Size")),
    }
