"""Lists of holders: a CSV or a selection is tried first, then applied by a worker; each row says what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.csvfiles import MOST_BYTES
from lifecycle.errors import Conflict
from lifecycle.sprawl import lists
from lifecycle.sprawl.lists.applying import counts
from lifecycle.sprawl.lists.reading import COLUMNS
from lifecycle.sprawl.models import AdoptionList, AdoptionRow
from portal import paging
from portal.web import adoptionfiles
from portal.web.access import Asked, admins_only, readers_only
from portal.web.adopting import Picked
from portal.web.formproblems import shown_on
from portal.web.forms_people.imports import ImportForm

Outcome, State = AdoptionRow.Outcome, AdoptionList.State
LOOKS = {
    Outcome.READY: (Outcome.READY.label, "info", "arrow-right"),
    Outcome.GIVEN: (Outcome.GIVEN.label, "ok", "circle-check"),
    Outcome.HELD: (Outcome.HELD.label, "gone", "user"),
    Outcome.MANAGED: (Outcome.MANAGED.label, "gone", "bot"),
    Outcome.EMPTY: (Outcome.EMPTY.label, "gone", "minus"),
    Outcome.REFUSED: (Outcome.REFUSED.label, "bad", "circle-x"),
}
"""Word, colour and icon of a badge."""
STATES = {
    State.TRIED: (lazy("Only tried"), "info", "eye"),
    State.APPLYING: (lazy("Being applied"), "info", "hammer"),
    State.APPLIED: (lazy("Applied"), "ok", "circle-check"),
}


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def adoption_lists(request: Asked) -> HttpResponseBase:
    if request.method == "POST":
        return _try(request)
    return _lists_page(request, ImportForm())


@admins_only
def _try(request: Asked) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        with shown_on(form):
            kept = lists.try_list(file.read(MOST_BYTES + 1), file_name=file.name, by=request.user)
            return redirect("adoption", kept.pk)
    return _lists_page(request, form, status=422)


@require_safe
@readers_only
def adoption(request: Asked, pk: int) -> HttpResponse:
    return _page(request, _kept(pk))


@require_safe
@readers_only
def live(request: Asked, pk: int) -> HttpResponse:
    """What of the page changes while the list is applied."""
    return render(request, "adoptions/_live.html", _context(request, _kept(pk)) | {"live": True})


@require_safe
@readers_only
def rows(request: Asked, pk: int) -> HttpResponseBase:
    return adoptionfiles.rows(_kept(pk))


@require_safe
@readers_only
def template(request: Asked) -> HttpResponseBase:
    picked = Picked.of(request)
    return adoptionfiles.template(q=picked.q, endpoint=picked.endpoint, by=request.user)


@require_POST
@admins_only
def apply(request: Asked, pk: int) -> HttpResponse:
    kept = _kept(pk)
    try:
        lists.apply_list(kept, by=request.user)
    except Conflict as error:
        return _page(request, _kept(pk), problem=error.message, status=409)
    return redirect("adoption", pk)


@require_POST
@admins_only
def again(request: Asked, pk: int) -> HttpResponse:
    lists.look_again(_kept(pk), by=request.user)
    messages.success(request, _("This is what the list would do now."))
    return redirect("adoption", pk)


def _kept(pk: int) -> AdoptionList:
    return AdoptionList.objects.select_related("by", "applied_by").get(pk=pk)


def _lists_page(request: Asked, form: ImportForm, *, status: int = 200) -> HttpResponse:
    found = AdoptionList.objects.select_related("by")
    page = paging.page(found, key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    for kept in page.rows:
        kept.look = STATES[State(kept.state)]
    shown = {"page": page, "form": form, "columns": COLUMNS}
    return render(request, "adoptions/lists.html", shown, status=status)


def _page(request: Asked, kept: AdoptionList, *, problem: str = "", status: int = 200) -> HttpResponse:
    return render(request, "adoptions/list.html", _context(request, kept) | {"problem": problem}, status=status)


def _context(request: Asked, kept: AdoptionList) -> dict[str, Any]:
    asked, counted = request.GET.get("outcome", ""), counts(kept)
    wanted = Outcome(asked) if asked in Outcome.values else None
    found = kept.rows.select_related("machine__endpoint", "machine__holder", "person", "team")
    found = found.filter(outcome=wanted) if wanted else found
    page = paging.page(found, key=("number",), position=request.GET.get("page", ""), size=100, count=False)
    for row in page.rows:
        row.look = LOOKS[Outcome(row.outcome)]
    total, ready = sum(counted.values()), counted.get(Outcome.READY, 0)
    return {
        "kept": kept,
        "state": STATES[State(kept.state)],
        "page": page,
        "counts": [(each, LOOKS[each][0], counted[each]) for each in LOOKS if counted.get(each)],
        "outcome": wanted or "",
        "ready": ready,
        "done": total - ready,
        "total": total,
        "percent": (total - ready) * 100 // total if total else 100,
        "busy": kept.state == State.APPLYING,
    }
