"""Who works here, who decides on whom, and who leaves. Auditors read; administrators change."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.people import actions, leaving
from lifecycle.people.lines import circles, without_supervisor
from lifecycle.people.models import User
from lifecycle.requests.leavers import leave as see_off
from portal.paging import page
from portal.web import peoplelist
from portal.web.access import Asked, admins_only, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_people.fields import offered_people
from portal.web.forms_people.people import LeaveForm, NewPersonForm, PasswordForm, PersonForm
from portal.web.personpage import PersonPage

form_page = require_http_methods(["GET", "HEAD", "POST"])

RELATED = ("team__cost_centre", "cost_centre", "supervisor")


@require_safe
@readers_only
def people_list(request: Asked) -> HttpResponse:
    return render(request, "people/people.html", peoplelist.context(request.GET))


@require_safe
@readers_only
def line(request: Asked) -> HttpResponse:
    """Where a request would find nobody who decides: no supervisor at all, or a circle."""
    lost = without_supervisor().select_related("team")
    found = page(lost, key=peoplelist.KEY, position=request.GET.get("page", ""))
    return render(request, "people/line.html", {"page": found, "circles": circles()})


@require_safe
@readers_only
def person(request: Asked, pk: int) -> HttpResponse:
    found = PersonPage(_person(pk), viewer=request.user)
    return render(request, "people/person.html", {"page": found, "person": found.person})


@form_page
@admins_only
def new(request: Asked) -> HttpResponse:
    form = NewPersonForm(request.POST or None, initial={"zone": User().zone, "role": User.Role.EMPLOYEE})
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        with shown_on(form):
            password = given.pop("password") or None
            made = actions.add_person(given.pop("username"), password=password, by=request.user, **given)
            return _done(request, made, _("%(person)s is added."))
    return _form_page(request, "people/new.html", form, {"people": offered_people()})


@form_page
@admins_only
def change(request: Asked, pk: int) -> HttpResponse:
    found = _person(pk)
    form = PersonForm(request.POST or None, initial={name: getattr(found, name) for name in PersonForm.base_fields})
    if found.pk == request.user.pk:
        del form.fields["supervisor"]
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            changed = actions.change_person(found, by=request.user, **form.cleaned_data)
            return _done(request, changed, _("%(person)s is changed."))
    return _form_page(request, "people/change.html", form, {"person": found, "people": offered_people()})


@form_page
@admins_only
def leave(request: Asked, pk: int) -> HttpResponse:
    found = _person(pk)
    form = LeaveForm(request.POST or None, initial={"left_on": found.left_on})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            gone = see_off(found, by=request.user, **form.cleaned_data)
            return _done(request, gone, _("The last day of %(person)s is set."))
    context = {"person": found, "page": PersonPage(found, viewer=request.user)}
    return _form_page(request, "people/leave.html", form, context)


@require_POST
@admins_only
def bring_back(request: Asked, pk: int) -> HttpResponse:
    back = leaving.bring_back(_person(pk), by=request.user)
    return _done(request, back, _("%(person)s is here again."))


@form_page
@admins_only
def password(request: Asked, pk: int) -> HttpResponse:
    found = _person(pk)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            actions.set_password(found, form.cleaned_data["password"], by=request.user)
            return _done(request, found, _("%(person)s has a new password."))
    return _form_page(request, "people/password.html", form, {"person": found})


def _person(pk: int) -> User:
    return User.objects.select_related(*RELATED).get(pk=pk)


def _done(request: Asked, about: User, words: str) -> HttpResponse:
    messages.success(request, words % {"person": about})
    return redirect("person", about.pk)


def _form_page(request: Asked, template: str, form: Form, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context | {"form": form}, status=422 if form.is_bound else 200)
