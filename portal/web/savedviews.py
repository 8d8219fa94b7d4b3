"""Filters that people keep under a name: listed, saved, opened, deleted."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.errors import Conflict, Invalid
from lifecycle.people.permissions import may
from lifecycle.sprawl import views
from lifecycle.sprawl.models import SavedView
from lifecycle.sprawl.viewing import DROP_VIEW
from portal.errors import status_of
from portal.web.access import Asked

PAGES: Mapping[str, str | Promise] = {
    "findings": lazy("Findings"), "sprawl": lazy("Sprawl"), "machines": lazy("Machines"),
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def saved_views(request: Asked) -> HttpResponse:
    if request.method != "POST":
        return _list(request)
    sent = request.POST
    try:
        view = views.save_view(
            page=sent.get("page", ""), name=sent.get("name", ""), query=sent.get("query", ""),
            shared="shared" in sent, by=request.user,
        )  # fmt: skip
    except (Conflict, Invalid) as error:
        return _list(request, problem=error.message, status=status_of(error))
    messages.success(request, _("Saved as “%(name)s”.") % {"name": view.name})
    return redirect(_address(view))


@require_safe
def saved_view(request: Asked, pk: int) -> HttpResponse:
    return redirect(_address(views.views_of(request.user).get(pk=pk)))


@require_POST
def delete(request: Asked, pk: int) -> HttpResponse:
    view = views.views_of(request.user).get(pk=pk)
    views.delete_view(view, by=request.user)
    messages.success(request, _("“%(name)s” is deleted.") % {"name": view.name})
    return redirect("saved-views")


def _list(request: Asked, *, problem: str = "", status: int = 200) -> HttpResponse:
    kept = [(view, PAGES[view.page], may(request.user, DROP_VIEW, view)) for view in views.views_of(request.user)]
    return render(request, "findings/views.html", {"views": kept, "problem": problem}, status=status)


def _address(view: SavedView) -> str:
    return f"{reverse(view.page)}?{view.query}" if view.query else reverse(view.page)
