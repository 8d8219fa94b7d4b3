"""The sprawl overview: for the house, and for whoever supervises with the numbers of their line."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lifecycle.sprawl.viewing import SEE_OVERVIEW
from portal.web.access import Asked, asks, readers_only
from portal.web.sprawlpage import SprawlPage, looks


@require_safe
@asks(SEE_OVERVIEW)
def sprawl(request: Asked) -> HttpResponse:
    return render(request, "sprawl/overview.html", {"page": SprawlPage(request.user, request.GET)})


@require_safe
@readers_only
def live(request: Asked) -> HttpResponse:
    """How far looks at endpoints are; when none is under way any more, the page is asked for anew."""
    running = looks()
    answer = render(request, "sprawl/_looks.html", {"looks": running})
    if not running and request.htmx:
        answer["HX-Refresh"] = "true"
    return answer
