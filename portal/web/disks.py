"""Disk files that nothing uses: the list, one of them with its proof, and what an administrator decides about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.estate.scanning import ask_files
from lifecycle.sprawl.files import actions, queries
from lifecycle.sprawl.thresholds import limits_of
from portal import paging
from portal.web.access import Asked, admins_only, back, readers_only
from portal.web.diskpage import DiskPage, Row, StoreRow
from portal.web.diskwords import REASONS
from portal.web.forms_house.disks import DayForm, DiskFilter
from portal.web.forms_house.reasons import ReasonForm
from portal.web.histories import history_on_page

form_page = require_http_methods(["GET", "HEAD", "POST"])


def found(pk: int) -> DiskFile:
    """Raises DiskFile.DoesNotExist."""
    return queries.shown().get(pk=pk)


@require_safe
@readers_only
def disk_list(request: Asked) -> HttpResponse:
    form = DiskFilter(request.GET or None)
    wanted = form.wanted if form.is_bound else {}
    rows = queries.files(**wanted)
    page = paging.page(rows, key=queries.KEY, position=request.GET.get("page", ""), count=False, shown=queries.shown())
    sums = queries.sums(queries.files(**{name: wanted[name] for name in ("endpoint", "datastore") if name in wanted}))
    context = {
        "form": form,
        "page": page,
        "rows": [Row(file) for file in page.rows],
        "sums": sums,
        "reasons": [(code, REASONS.get(code, code), amount) for code, amount in sums.by_doubt],
        "filtered": bool(wanted),
        "limits": limits_of(None),
    }
    return render(request, "disks/disks.html", context)


@require_safe
@readers_only
def disk(request: Asked, pk: int) -> HttpResponse:
    file = found(pk)
    context: dict[str, Any] = {"page": DiskPage(file, request.user), "file": file, "limits": limits_of(None)}
    return render(request, "disks/disk.html", context | history_on_page(file, reader=request.user))


@form_page
@admins_only
def retire(request: Asked, pk: int) -> HttpResponse:
    file, form = found(pk), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.retire(file, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("%(file)s is being renamed.") % {"file": file})
        return redirect("disk", pk)
    context = {"form": form, "file": file, "days": limits_of(None).file_wait_days}
    return render(request, "disks/retire.html", context, status=422 if form.is_bound else 200)


@require_POST
@admins_only
def restore(request: Asked, pk: int) -> HttpResponse:
    file = actions.restore(found(pk), by=request.user)
    messages.success(request, _("%(file)s gets its name back and is not removed.") % {"file": file})
    return redirect("disk", pk)


@form_page
@admins_only
def day(request: Asked, pk: int) -> HttpResponse:
    file = found(pk)
    first = actions.earliest_removal(file).astimezone(request.user.tz).date()
    form = DayForm(request.POST or None, initial={"day": first})
    if request.method == "POST" and form.is_valid():
        actions.set_removal(file, by=request.user, **form.cleaned_data)
        messages.success(request, _("The day of its removal is set."))
        return redirect("disk", pk)
    return render(
        request, "disks/day.html", {"form": form, "file": file, "first": first}, status=422 if form.is_bound else 200
    )


@form_page
@admins_only
def word(request: Asked, pk: int) -> HttpResponse:
    """Of a storage: gives an administrator's word for it, or takes it back."""
    datastore = Datastore.objects.select_related("endpoint").get(pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = actions.withdraw_word if request.POST.get("known") == "no" else actions.vouch
        act(datastore, by=request.user, reason=form.cleaned_data["reason"])
        messages.success(request, _("It is written down."))
        return redirect("storage")
    others = Datastore.objects.filter(identity=datastore.identity, gone=False) if datastore.identity else []
    context = {"form": form, "datastore": datastore, "others": others}
    return render(request, "disks/word.html", context, status=422 if form.is_bound else 200)


@require_safe
@readers_only
def storage_list(request: Asked) -> HttpResponse:
    return render(request, "disks/storage.html", {"rows": [StoreRow(row) for row in queries.storage_rows()]})


@require_POST
@admins_only
def look(request: Asked, pk: int) -> HttpResponse:
    endpoint = Endpoint.objects.get(pk=pk)
    ask_files(endpoint, by=request.user)
    messages.success(request, _("The disk files on %(endpoint)s are being looked through.") % {"endpoint": endpoint})
    return back(request, reverse("disks"))
