"""What can be ordered, in which sizes and at what prices; only administrators change it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.forms import Form, model_to_dict
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from lifecycle import clock
from lifecycle.catalog import actions
from lifecycle.catalog.models import Blueprint, Size, usual_warnings
from lifecycle.errors import Invalid
from lifecycle.estate.models import Machine
from lifecycle.money import calendar
from lifecycle.money.actions import publish_rate_card
from lifecycle.money.models import RateCard
from lifecycle.money.quotes import monthly_cents_of
from lifecycle.money.rates import card_at
from portal.web import moneywords
from portal.web.access import Asked, admins_only, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.catalogue import BlueprintForm, RateCardForm, SizeForm
from portal.web.histories import history_on_page

form_page = require_http_methods(["GET", "HEAD", "POST"])

USUAL = {
    "approval": Blueprint.Approval.SUPERVISOR, "default_days": 90, "max_days": 365, "grace_days": 14,
    "restore_days": 7, "warn_days": usual_warnings(), "icon": "server", "position": 0, "offered": True,
}  # fmt: skip


@require_safe
@readers_only
def catalogue(request: Asked) -> HttpResponse:
    card = card_at(calendar.month_of(clock.now()))
    context = {
        "blueprints": Blueprint.objects.select_related("image", "pool__endpoint").prefetch_related("sizes"),
        "sizes": _priced(Size.objects.all()),
        "card": card,
        "rates": [_rate_row(rate) for rate in card.rates.order_by("pk")] if card else [],
        "coming": RateCard.objects.filter(valid_from__gt=calendar.month_of(clock.now())).order_by("valid_from"),
    }
    return render(request, "catalogue/catalogue.html", context)


@form_page
@admins_only
def new_blueprint(request: Asked) -> HttpResponse:
    form = BlueprintForm(request.POST or None, initial=USUAL)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            made = actions.create_blueprint(by=request.user, **form.cleaned_data)
            return _done(request, _("%(name)s is in the catalogue.") % {"name": made})
    return _form_page(request, "catalogue/blueprint.html", form, {"blueprint": None})


@form_page
@admins_only
def blueprint(request: Asked, pk: int) -> HttpResponse:
    found = Blueprint.objects.get(pk=pk)
    form = BlueprintForm(request.POST or None, initial=model_to_dict(found) | {"position": found.position})
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            actions.change_blueprint(found, by=request.user, **form.cleaned_data)
            return _done(request, _("%(name)s is changed.") % {"name": found})
    return _form_page(
        request, "catalogue/blueprint.html", form, {"blueprint": found} | history_on_page(found, reader=request.user)
    )


@form_page
@admins_only
def new_size(request: Asked) -> HttpResponse:
    form = SizeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            made = actions.create_size(by=request.user, **form.cleaned_data)
            return _done(request, _("The size %(name)s is there.") % {"name": made})
    return _form_page(request, "catalogue/size.html", form, {"size": None})


@form_page
@admins_only
def size(request: Asked, pk: int) -> HttpResponse:
    found = Size.objects.get(pk=pk)
    form = SizeForm(request.POST or None, initial=model_to_dict(found))
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            actions.change_size(found, by=request.user, **form.cleaned_data)
            return _done(request, _("The size %(name)s is changed.") % {"name": found})
    return _form_page(
        request, "catalogue/size.html", form, {"size": found} | history_on_page(found, reader=request.user)
    )


@form_page
@admins_only
def new_rate_card(request: Asked) -> HttpResponse:
    form = RateCardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with shown_on(form):
            named = form.cleaned_data["name"], form.cleaned_data["valid_from"]
            card = publish_rate_card(*named, form.prices(), by=request.user)
            return _done(request, _("The rate card %(name)s is published.") % {"name": card})
    return _form_page(request, "catalogue/rate_card.html", form, {})


def _done(request: Asked, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("catalogue")


def _form_page(request: Asked, template: str, form: Form, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context | {"form": form}, status=422 if form.is_bound else 200)


def _rate_row(rate: Any) -> tuple[str, str, str]:
    return rate.get_meter_display(), moneywords.price(rate.micros), moneywords.unit(rate.meter, rate.per)


def _priced(sizes: Iterable[Size]) -> list[tuple[Size, int | None]]:
    """Each with what a machine of it costs a month; None where a price is missing, which never means free."""
    found = list(sizes)
    machines = [
        Machine(pk=size.pk, vcpus=size.vcpus, memory_mib=size.memory_mib, disk_mib=size.disk_mib) for size in found
    ]
    try:
        cents = monthly_cents_of(machines)
    except Invalid:
        cents = {}
    return [(size, cents.get(size.pk)) for size in found]
