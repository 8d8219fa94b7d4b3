"""Many found machines at once: which ones, and giving them a holder or a place on the board."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from lifecycle.estate.models import Endpoint, Machine
from lifecycle.people.models import User
from lifecycle.sprawl import board, lists, queries
from portal.web.access import Asked, admins_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.adoption import AdoptionForm, offered_holders

MOST_PICKED = 500
"""Of single machines in one address; a page of the list has 50."""


@dataclass
class Picked:
    """Machines that were ticked, or all orphans that a filter finds: which of the two is chosen explicitly."""

    user: User
    ids: list[int] = field(default_factory=list)
    whole: bool = False
    q: str = ""
    endpoint: Endpoint | None = None

    @classmethod
    def of(cls, request: Asked) -> Picked:
        asked: QueryDict = request.POST if request.method == "POST" else request.GET
        ids = [int(text) for text in asked.getlist("machine") if text.isascii() and text.isdigit() and len(text) < 19]
        number = asked.get("endpoint", "")
        endpoint = Endpoint.objects.filter(pk=number).first() if number.isascii() and number.isdigit() else None
        q = asked.get("q", "").strip()[:200]
        return cls(request.user, sorted(set(ids))[:MOST_PICKED], asked.get("which") == "all", q, endpoint)

    @cached_property
    def ticked(self) -> list[Machine]:
        found = Machine.objects.visible_to(self.user).filter(pk__in=self.ids)
        return list(found.select_related("endpoint", "holder", "team").order_by("name", "pk"))

    @cached_property
    def all_count(self) -> int:
        return queries.orphans(self.user, q=self.q, endpoint=self.endpoint).order_by().count()

    @property
    def machines(self) -> QuerySet[Machine] | list[Machine]:
        if not self.whole:
            return self.ticked
        found = queries.orphans(self.user, q=self.q, endpoint=self.endpoint).order_by().values("machine")
        return Machine.objects.filter(pk__in=found).select_related("endpoint", "holder", "team").order_by("name", "pk")


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def new(request: Asked) -> HttpResponse:
    """Who shall hold them; what would become of each is shown before anything is done."""
    picked, sent = Picked.of(request), request.POST if request.method == "POST" else None
    form = AdoptionForm(sent)
    if sent is not None and form.is_valid():
        holder = form.cleaned_data.pop("holder")
        with shown_on(form):
            kept = lists.try_selection(picked.machines, by=request.user, **holder, **form.cleaned_data)
            return redirect("adoption", kept.pk)
    shown = {"picked": picked, "form": form, "holders": offered_holders()}
    return render(request, "adoptions/new.html", shown, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admins_only
def fill_board(request: Asked) -> HttpResponse:
    picked = Picked.of(request)
    if request.method != "POST":
        return render(request, "board/fill.html", {"picked": picked})
    put = board.put_up(picked.machines, by=request.user)
    words = ngettext("%(n)s machine is on the board now.", "%(n)s machines are on the board now.", put)
    messages.success(request, words % {"n": put} if put else _("All of them stood there, or have a holder."))
    return redirect("board")
