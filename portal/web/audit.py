"""The record of who did what, for administrators."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from lifecycle.audit.models import Entry
from portal import paging
from portal.web import auditwords
from portal.web.access import Asked, readers_only
from portal.web.forms_house.record import RecordFilter


@require_safe
@readers_only
def audit(request: Asked) -> HttpResponse:
    form = RecordFilter(request.GET)
    form.is_valid()
    found = _matching(form.cleaned_data)
    page = paging.page(found, key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    rows = [(entry, auditwords.sentence(entry), auditwords.object_word(entry.object_type)) for entry in page.rows]
    filtered = any(form.cleaned_data.values())
    context = {"form": form, "page": page, "rows": rows, "filtered": filtered, "verbs": sorted(auditwords.SENTENCES)}
    return render(request, "audit/audit.html", context)


def _matching(asked: dict[str, Any]) -> QuerySet[Entry]:
    """Days are the reader's own; names are searched as they stood when it was recorded."""
    wanted = Q()
    if who := asked.get("who"):
        wanted &= Q(actor_name__icontains=who)
    if verb := asked.get("verb"):
        wanted &= Q(verb=verb) | Q(verb__startswith=f"{verb}.")
    if about := asked.get("about"):
        wanted &= Q(object_type=about)
    if since := asked.get("since"):
        wanted &= Q(at__gte=_midnight(since))
    if until := asked.get("until"):
        wanted &= Q(at__lt=_midnight(until + timedelta(days=1)))
    return Entry.objects.filter(wanted)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_current_timezone())
