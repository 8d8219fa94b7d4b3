"""Lists of people as files: tried first, then applied, undone when they were wrong; and everybody as a file."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle import clock
from lifecycle.csvfiles import MOST_BYTES
from lifecycle.errors import Conflict
from lifecycle.people.exports import people_csv, template_csv
from lifecycle.people.imports import try_import, undo_import
from lifecycle.people.imports.reading import COLUMNS
from lifecycle.people.imports.rows import Outcome, plan_of
from lifecycle.people.imports.trying import look_again
from lifecycle.people.models import PeopleImport
from lifecycle.requests.leavers import apply_people
from portal.paging import page
from portal.web import importrows
from portal.web.access import Asked, admins_only, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_people.imports import ImportForm

CSV = "text/csv; charset=utf-8"


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def import_list(request: Asked) -> HttpResponseBase:
    if request.method == "POST":
        return _try(request)
    return _list_page(request, ImportForm())


@admins_only
def _try(request: Asked) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        with shown_on(form):
            kept = try_import(file.read(MOST_BYTES + 1), file_name=file.name, by=request.user)
            return redirect("people-import", kept.pk)
    return _list_page(request, form, status=422)


@require_safe
@readers_only
def import_page(request: Asked, pk: int) -> HttpResponse:
    return _import_page(request, PeopleImport.objects.select_related("by").get(pk=pk))


@require_POST
@admins_only
def apply(request: Asked, pk: int) -> HttpResponse:
    kept = PeopleImport.objects.select_related("by").get(pk=pk)
    plan, whole = plan_of(kept), "all_new" in request.POST
    teams = [new.name for new in plan.teams] if whole else request.POST.getlist("team")
    centres = [new.name for new in plan.centres] if whole else request.POST.getlist("cost_centre")
    try:
        applied = apply_people(kept, by=request.user, teams=teams, cost_centres=centres)
    except Conflict as error:
        return _import_page(request, kept, problem=error.message, status=409)
    count = plan_of(applied)
    words = _("Applied: %(added)s added, %(changed)s changed, %(refused)s left out.")
    counts = {str(outcome): count.count(outcome) for outcome in Outcome}
    messages.success(request, words % counts)
    return redirect("people-import", pk)


@require_POST
@admins_only
def again(request: Asked, pk: int) -> HttpResponse:
    look_again(PeopleImport.objects.get(pk=pk), by=request.user)
    messages.success(request, _("This is what the list would do now."))
    return redirect("people-import", pk)


@require_POST
@admins_only
def undo(request: Asked, pk: int) -> HttpResponse:
    undo_import(PeopleImport.objects.get(pk=pk), by=request.user)
    messages.success(request, _("Undone. Each row says what became of it."))
    return redirect("people-import", pk)


@require_safe
@readers_only
def template(request: Asked) -> HttpResponse:
    return HttpResponse(template_csv(), content_type=CSV, headers=_named("people-template.csv"))


@require_safe
@readers_only
def export(request: Asked) -> HttpResponseBase:
    name = f"people-{clock.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(people_csv(), content_type=CSV, headers=_named(name))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _list_page(request: Asked, form: ImportForm, *, status: int = 200) -> HttpResponse:
    # Without the rows: a list may have thousands.
    kept = PeopleImport.objects.select_related("by").defer("rows")
    found = page(kept, key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    return render(request, "people/imports.html", {"page": found, "form": form, "columns": COLUMNS}, status=status)


def _import_page(request: Asked, kept: PeopleImport, *, problem: str = "", status: int = 200) -> HttpResponse:
    asked = request.GET
    shown = importrows.context(kept, plan_of(kept), outcome=asked.get("outcome", ""), begin=asked.get("from", ""))
    return render(request, "people/import.html", shown | {"problem": problem}, status=status)
