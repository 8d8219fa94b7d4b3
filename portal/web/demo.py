"""What only a demo has: a clock that moves, mails on a page, and a console behind the portal's back."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.clock import Clock
from lifecycle.errors import Invalid
from lifecycle.estate.connections import target
from lifecycle.estate.models import Endpoint
from lifecycle.estate.scanning import ask_scan
from lifecycle.leases.queries import next_due
from lifecycle.travel import set_out
from portal.web import mailbox
from portal.web.access import Asked, View, admins_only, back

STEPS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
NAMES = ("test", "tmp", "new-vm", "copy-of-db", "scratch", "trial", "old-proxy", "build")


def demo_only(view: View) -> View:
    """A real installation has no such page."""

    @wraps(view)
    def guarded(request: Asked, *args: object, **kwargs: object) -> HttpResponseBase:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@demo_only
@require_safe
def bar(request: Asked) -> HttpResponse:
    """Asked every second while time moves; on arrival the page around it is stale and loads anew."""
    answer = render(request, "components/demo_bar.html")
    if request.htmx and not Clock.objects.filter(pk=1).exclude(target=None).exists():
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@demo_only
def skip(request: Asked) -> HttpResponse:
    to = _instant(request.POST.get("to", ""), now=clock.now())
    if to is None:
        messages.warning(request, _("No lease has a date to come."))
    else:
        set_out(to, by=request.user)
    return back(request, "home")


@demo_only
@require_safe
def mails(request: Asked) -> HttpResponse:
    return render(request, "demo/mails.html", {"mails": mailbox.newest()})


@demo_only
@require_safe
def mail(request: Asked, name: str) -> HttpResponse:
    found = mailbox.named(name)
    if not found:
        raise Http404
    return render(request, "demo/mail.html", {"mails": found})


@require_POST
@demo_only
@admins_only
def by_hand(request: Asked) -> HttpResponse:
    """Somebody makes a machine at the data centre's own console: the portal learns of it by its next scan."""
    asked = request.POST.get("endpoint", "")
    endpoint = Endpoint.objects.get(pk=asked if asked.isdecimal() else 0, kind="simulated")
    name = _make_one(endpoint)
    ask_scan(endpoint, by=request.user)
    messages.success(request, _("“%(name)s” was made by hand. The next scan finds it.") % {"name": name})
    return redirect("endpoint", endpoint.pk)


def _make_one(endpoint: Endpoint) -> str:
    path = target(endpoint).path
    if not Path(path).is_file():
        raise Invalid(_("The data centre’s file is not there."), field="endpoint")
    host = endpoint.hosts.filter(gone=False).select_related("pool").order_by("?").first()
    datastore = endpoint.datastores.filter(gone=False).order_by("?").first()
    name = f"{secrets.choice(NAMES)}-{secrets.randbelow(900) + 100}"
    centre = DataCentre(path, clock=clock.now)
    try:
        centre.make_machine_by_hand(
            name, created_by="root", note=_("made by hand"), guest_name=name,
            pool_ref=host.pool.ref if host and host.pool else "", host_ref=host.ref if host else "",
            datastore_ref=datastore.ref if datastore else "",
        )  # fmt: skip
    finally:
        centre.close()
    return name


def _instant(to: str, *, now: datetime) -> datetime | None:
    if to == "next":
        return next_due(after=now)
    if to not in STEPS:
        raise Invalid(_("Choose where to skip to."), field="to")
    return now + STEPS[to]
