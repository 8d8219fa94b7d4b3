"""Teams, which hold machines together, and cost centres, which pay for them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle import clock
from lifecycle.audit.queries import history_of
from lifecycle.estate.models import LIVE, Machine
from lifecycle.people import teams as actions
from lifecycle.people.models import CostCentre, Team, User
from portal.paging import page
from portal.web.access import Asked, admins_only, readers_only
from portal.web.auditwords import sentence
from portal.web.formproblems import shown_on
from portal.web.forms_people.fields import offered_people
from portal.web.forms_people.teams import CostCentreForm, TeamForm
from portal.web.histories import OTHERWISE, Told
from portal.web.rows import rows_of

form_page = require_http_methods(["GET", "HEAD", "POST"])

MOST = 50


@require_safe
@readers_only
def team_list(request: Asked) -> HttpResponse:
    teams = Team.objects.select_related("cost_centre").annotate(
        people=_how_many(User.objects.filter(is_active=True), "team"),
        machine_count=_how_many(Machine.objects.filter(stage__in=LIVE), "team"),
    )
    found = page(teams, key=("name", "id"), position=request.GET.get("page", ""))
    return render(request, "people/teams.html", {"page": found})


@require_safe
@readers_only
def team(request: Asked, pk: int) -> HttpResponse:
    found = Team.objects.select_related("cost_centre").get(pk=pk)
    machines = Machine.objects.visible_to(request.user).filter(team=found, stage__in=LIVE)
    related = machines.select_related("lease", "request", "holder", "team").order_by("next_at", "pk")
    context = {
        "team": found,
        "rows": rows_of(related[:MOST], now=clock.now()),
        "machine_count": machines.count(),
        "members": page(found.members.all(), key=("username", "id"), position=request.GET.get("page", "")),
        "history": _history(found),
    }
    return render(request, "people/team.html", context)


@form_page
@admins_only
def new_team(request: Asked) -> HttpResponse:
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            made = actions.create_team(by=request.user, **form.cleaned_data)
            return _done(request, _("The team %(name)s is there.") % {"name": made}, "team", made.pk)
    return _form_page(request, "people/team_form.html", form, {"team": None})


@form_page
@admins_only
def change_team(request: Asked, pk: int) -> HttpResponse:
    found = Team.objects.select_related("cost_centre").get(pk=pk)
    form = TeamForm(request.POST or None, initial={"name": found.name, "cost_centre": found.cost_centre})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            changed = actions.change_team(found, by=request.user, **form.cleaned_data)
            return _done(request, _("%(name)s is changed.") % {"name": changed}, "team", pk)
    return _form_page(request, "people/team_form.html", form, {"team": found})


@require_POST
@admins_only
def delete_team(request: Asked, pk: int) -> HttpResponse:
    found = Team.objects.get(pk=pk)
    name = str(found)
    actions.delete_team(found, by=request.user)
    return _done(request, _("%(name)s is removed.") % {"name": name}, "teams")


@require_safe
@readers_only
def cost_centre_list(request: Asked) -> HttpResponse:
    centres = CostCentre.objects.select_related("owner").annotate(
        team_count=_how_many(Team.objects.all(), "cost_centre"),
        people_count=_how_many(User.objects.filter(is_active=True), "cost_centre"),
        machine_count=_how_many(Machine.objects.filter(stage__in=LIVE), "cost_centre"),
    )
    found = page(centres, key=("code", "id"), position=request.GET.get("page", ""))
    return render(request, "people/cost_centres.html", {"page": found})


@require_safe
@readers_only
def cost_centre(request: Asked, pk: int) -> HttpResponse:
    found = CostCentre.objects.select_related("owner").get(pk=pk)
    context = {
        "centre": found,
        "teams": found.teams.annotate(people=_how_many(User.objects.filter(is_active=True), "team")),
        "members": page(
            found.people.select_related("team"), key=("username", "id"), position=request.GET.get("page", "")
        ),
        "machine_count": Machine.objects.filter(cost_centre=found, stage__in=LIVE).count(),
        "history": _history(found),
    }
    return render(request, "people/cost_centre.html", context)


@form_page
@admins_only
def new_cost_centre(request: Asked) -> HttpResponse:
    form = CostCentreForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            made = actions.create_cost_centre(by=request.user, **form.cleaned_data)
            return _done(request, _("The cost centre %(name)s is there.") % {"name": made}, "cost-centre", made.pk)
    return _form_page(request, "people/cost_centre_form.html", form, {"centre": None, "people": offered_people()})


@form_page
@admins_only
def change_cost_centre(request: Asked, pk: int) -> HttpResponse:
    found = CostCentre.objects.select_related("owner").get(pk=pk)
    form = CostCentreForm(request.POST or None, initial={name: getattr(found, name) for name in CENTRE_FIELDS})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            changed = actions.change_cost_centre(found, by=request.user, **form.cleaned_data)
            return _done(request, _("%(name)s is changed.") % {"name": changed}, "cost-centre", pk)
    return _form_page(request, "people/cost_centre_form.html", form, {"centre": found, "people": offered_people()})


@require_POST
@admins_only
def delete_cost_centre(request: Asked, pk: int) -> HttpResponse:
    found = CostCentre.objects.get(pk=pk)
    name = str(found)
    actions.delete_cost_centre(found, by=request.user)
    return _done(request, _("%(name)s is removed.") % {"name": name}, "cost-centres")


CENTRE_FIELDS = ("code", "name", "owner")


def _how_many(rows: Any, column: str) -> Subquery:
    """Counted beside, so that two counts do not multiply each other."""
    own = rows.filter(**{column: OuterRef("pk")}).order_by().values(column)
    return Subquery(own.annotate(n=Count("pk")).values("n"), output_field=IntegerField())


def _history(about: Team | CostCentre) -> list[Told]:
    return [Told(entry, OTHERWISE, sentence(entry)) for entry in history_of(about).order_by("-at", "-pk")[:20]]


def _done(request: Asked, words: str, *where: Any) -> HttpResponse:
    messages.success(request, words)
    return redirect(*where)


def _form_page(request: Asked, template: str, form: Form, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context | {"form": form}, status=422 if form.is_bound else 200)
