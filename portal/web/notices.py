"""What a person was told."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lifecycle.notices.actions import mark_read
from lifecycle.notices.queries import notices_of
from portal import paging
from portal.web.access import Asked


@require_http_methods(["GET", "HEAD", "POST"])
def notice_list(request: Asked) -> HttpResponse:
    """Looking changes nothing; a POST counts everything told so far as read."""
    if request.method == "POST":
        mark_read(request.user)
        messages.success(request, _("Everything counts as read."))
        return redirect("notices")
    page = paging.page(notices_of(request.user), key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    return render(request, "notices/notices.html", {"page": page})
