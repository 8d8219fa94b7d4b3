"""The inventory that was kept by hand: read in, looked at line by line, put in force, removed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.sprawl import inventory as actions
from lifecycle.sprawl.models import CmdbFile, CmdbRow
from portal import paging
from portal.web.access import Asked, admins_only, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.inventory import InventoryForm

Outcome = CmdbRow.Outcome
LOOKS: dict[str, tuple[str | Promise, str, str]] = {
    Outcome.FITS: (lazy("Fits"), "ok", "check"),
    Outcome.OWNER_UNKNOWN: (lazy("Owner not known"), "warn", "user-x"),
    Outcome.NO_MACHINE: (lazy("No such machine"), "gone", "server-off"),
    Outcome.REFUSED: (lazy("Refused"), "bad", "circle-x"),
}
"""Word, colour and icon of a line's outcome."""


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def inventory(request: Asked) -> HttpResponseBase:
    if request.method == "POST":
        return _try(request)
    return _list_page(request, InventoryForm())


@admins_only
def _try(request: Asked) -> HttpResponse:
    form = InventoryForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        with shown_on(form):
            made = actions.try_inventory(
                file.read(actions.MOST_BYTES + 1), file_name=file.name, by=request.user
            )  # fmt: skip
            return redirect("inventory-file", made.pk)
    return _list_page(request, form, status=422)


@require_safe
@readers_only
def inventory_file(request: Asked, pk: int) -> HttpResponse:
    file = CmdbFile.objects.select_related("by").get(pk=pk)
    counts, outcome = actions.counts(file), request.GET.get("outcome", "")
    rows = file.rows.filter(outcome=outcome) if outcome in counts else file.rows.all()
    context = {
        "file": file,
        "counts": [(each, look[0], counts[each]) for each, look in LOOKS.items()],
        "outcome": outcome if outcome in counts else "",
        "page": paging.page(rows, key=("number", "id"), position=request.GET.get("page", ""), count=False),
        "looks": LOOKS,
        "useful": sum(counts.values()) - counts[Outcome.REFUSED],
    }
    return render(request, "inventory/file.html", context)


@require_POST
@admins_only
def apply(request: Asked, pk: int) -> HttpResponse:
    file = actions.put_in_force(CmdbFile.objects.get(pk=pk), by=request.user)
    messages.success(request, _("%(file)s is in force. Whose machines might be is worked out anew.") % {"file": file})
    return redirect("inventory-file", pk)


@require_POST
@admins_only
def remove(request: Asked, pk: int) -> HttpResponse:
    file = CmdbFile.objects.get(pk=pk)
    actions.remove_inventory(file, by=request.user)
    messages.success(request, _("%(file)s is removed.") % {"file": file})
    return redirect("inventory")


def _list_page(request: Asked, form: InventoryForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "files": CmdbFile.objects.select_related("by"), "form": form, "columns": actions.COLUMNS,
    }  # fmt: skip
    return render(request, "inventory/inventory.html", context, status=status)
