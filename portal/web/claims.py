"""The board "is this yours?" for everybody, and the claims that administrators decide."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.errors import Conflict
from lifecycle.estate.models import Machine
from lifecycle.people.permissions import may, require
from lifecycle.sprawl import board as places
from lifecycle.sprawl import claims
from lifecycle.sprawl.models import BoardPlace, Claim
from lifecycle.sprawl.permissions import CLAIM, DECIDE_CLAIM, FILL_BOARD, WITHDRAW_CLAIM
from portal import paging
from portal.web.access import Asked, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.claims import AcceptForm, ClaimForm, RefuseForm
from portal.web.histories import history_on_page

LOOKS = {
    Claim.State.OPEN: ("info", "clock"),
    Claim.State.ACCEPTED: ("ok", "circle-check"),
    Claim.State.REFUSED: ("bad", "circle-x"),
    Claim.State.WITHDRAWN: ("gone", "undo-2"),
    Claim.State.OVERTAKEN: ("gone", "arrow-right"),
}
MOST_OWN = 20


@require_safe
def board(request: Asked) -> HttpResponse:
    """What stands there, and what the reader has claimed."""
    q = request.GET.get("q", "").strip()[:100]
    found = places.shown()
    if q:
        found = found.filter(Q(machine__name__icontains=q) | Q(machine__guest_name__icontains=q))
    page = paging.page(found, key=("-at", "-machine_id"), position=request.GET.get("page", ""))
    own = list(claims.visible_to(request.user).filter(by=request.user).order_by("-at", "-id")[:MOST_OWN])
    claimed = {claim.machine_id for claim in own if claim.state == Claim.State.OPEN}
    shown = {"page": page, "q": q, "own": _looked(own), "claimed": claimed}
    shown |= {"may_claim": may(request.user, CLAIM), "may_fill": may(request.user, FILL_BOARD)}
    return render(request, "board/board.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def new_claim(request: Asked, pk: int) -> HttpResponse:
    place = BoardPlace.objects.select_related("machine").get(pk=pk)
    require(request.user, CLAIM)
    form = ClaimForm(request.POST if request.method == "POST" else None, team=request.user.team)
    if form.is_bound and form.is_valid():
        with shown_on(form):
            claims.claim(place.machine, by=request.user, **form.cleaned_data)
            messages.success(request, _("Claimed. An administrator decides, and we write to you."))
            return redirect("board")
    shown = {"place": place, "machine": place.machine, "form": form}
    return render(request, "board/claim.html", shown, status=422 if form.errors else 200)


@require_POST
def take_off_board(request: Asked, pk: int) -> HttpResponse:
    place = BoardPlace.objects.select_related("machine").get(pk=pk)
    places.take_down([place.machine], by=request.user)
    messages.success(request, _("%(machine)s is off the board.") % {"machine": place.machine})
    return redirect("board")


@require_safe
@readers_only
def claim_list(request: Asked) -> HttpResponse:
    decided = request.GET.get("show") == "decided"
    found = claims.visible_to(request.user)
    if decided:
        found = found.exclude(state=Claim.State.OPEN)
        page = paging.page(found, key=("-at", "-id"), position=request.GET.get("page", ""), count=False)
    else:
        found = found.filter(state=Claim.State.OPEN)
        page = paging.page(found, key=("at", "id"), position=request.GET.get("page", ""), count=False)
    _looked(page.rows)
    return render(request, "claims/claims.html", {"page": page, "decided": decided} | _rivals(page.rows))


@require_safe
def claim(request: Asked, pk: int) -> HttpResponse:
    return _page(request, _visible(request, pk))


@require_POST
def accept(request: Asked, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    require(request.user, DECIDE_CLAIM, found)
    form = AcceptForm(request.POST)
    if form.is_valid():
        with shown_on(form):
            try:
                lease = claims.accept(found, by=request.user, last_day=form.cleaned_data["last_day"])
            except Conflict as error:
                return _page(request, _visible(request, pk), problem=error.message, status=409)
            words = _("Accepted: %(holder)s holds %(machine)s from now on.")
            messages.success(request, words % {"holder": lease.machine.holder_name, "machine": lease.machine})
            return redirect("claims")
    return _page(request, _visible(request, pk), accept_form=form, status=422)


@require_POST
def refuse(request: Asked, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    require(request.user, DECIDE_CLAIM, found)
    form = RefuseForm(request.POST)
    if form.is_valid():
        with shown_on(form):
            try:
                claims.refuse(found, by=request.user, words=form.cleaned_data["words"])
            except Conflict as error:
                return _page(request, _visible(request, pk), problem=error.message, status=409)
            messages.success(request, _("Refused: %(person)s reads why.") % {"person": found.by})
            return redirect("claims")
    return _page(request, _visible(request, pk), refuse_form=form, status=422)


@require_POST
def withdraw(request: Asked, pk: int) -> HttpResponse:
    found = _visible(request, pk)
    try:
        claims.withdraw(found, by=request.user)
    except Conflict as error:
        return _page(request, _visible(request, pk), problem=error.message, status=409)
    messages.success(request, _("Withdrawn."))
    return redirect("board")


def _visible(request: Asked, pk: int) -> Claim:
    return claims.visible_to(request.user).get(pk=pk)


def _page(
    request: Asked, found: Claim, *, accept_form: AcceptForm | None = None, refuse_form: RefuseForm | None = None,
    problem: str = "", status: int = 200,
) -> HttpResponse:  # fmt: skip
    is_open = found.state == Claim.State.OPEN
    others = Claim.objects.filter(machine=found.machine_id, state=Claim.State.OPEN).exclude(pk=found.pk)
    rivals = list(others.select_related("by")) if may(request.user, FILL_BOARD) else []
    decides = is_open and may(request.user, DECIDE_CLAIM, found)
    shown: dict[str, Any] = {
        "claim": _looked([found])[0],
        "problem": problem,
        "decides": decides,
        "rivals": rivals,
        "rival_words": ", ".join(str(rival.by) for rival in rivals),
        "may_withdraw": is_open and may(request.user, WITHDRAW_CLAIM, found),
        "accept_form": accept_form or AcceptForm(initial={"last_day": found.last_day}),
        "refuse_form": refuse_form or RefuseForm(),
        "sees_machine": Machine.objects.visible_to(request.user).filter(pk=found.machine_id).exists(),
    }
    shown |= history_on_page(found, reader=request.user)
    return render(request, "claims/claim.html", shown, status=status)


def _looked(found: list[Claim]) -> list[Claim]:
    for each in found:
        colour, icon = LOOKS[Claim.State(each.state)]
        each.look = (each.get_state_display().capitalize(), colour, icon)  # type: ignore[attr-defined]
    return found


def _rivals(rows: list[Claim]) -> dict[str, Any]:
    """Machines on this page that more than one person claims."""
    open_ones = Claim.objects.filter(machine__in=[row.machine_id for row in rows], state=Claim.State.OPEN)
    counted = open_ones.order_by().values_list("machine").annotate(n=Count("pk")).filter(n__gt=1)
    return {"contested": {machine for machine, _n in counted}}
