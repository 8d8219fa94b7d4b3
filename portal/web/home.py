"""What a person comes for: what needs me, my machines, what they cost, what is under way."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lifecycle import clock
from portal.web.access import Asked
from portal.web.homepage import HomePage
from portal.web.leasebar import axis_around

VIEWS = ("timeline", "table")


@require_safe
def home(request: Asked) -> HttpResponse:
    view = request.GET.get("view") if request.GET.get("view") in VIEWS else VIEWS[0]
    page = HomePage(request.user, now=clock.now())
    return render(request, "home/home.html", {"page": page, "view": view, "axis": axis_around(page.now)})
