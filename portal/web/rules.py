"""Rules about found machines: tried before they are saved, in force or resting, applied where they give a holder."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lifecycle.errors import Invalid
from lifecycle.sprawl.models import EstateRule
from lifecycle.sprawl.rules import actions
from lifecycle.sprawl.rules.queries import matches
from portal import paging
from portal.web.access import Asked, admins_only, readers_only
from portal.web.forms import take_problems
from portal.web.forms_house.adoption import offered_holders
from portal.web.forms_house.rules import CALLED, RuleForm, initial_of

form_page = require_http_methods(["GET", "HEAD", "POST"])
SHOWN = ("endpoint", "person", "team")


@require_safe
@readers_only
def rule_list(request: Asked) -> HttpResponse:
    rules = EstateRule.objects.select_related(*SHOWN)
    found = paging.page(rules, key=("name", "id"), position=request.GET.get("page", ""))
    return render(request, "rules/rules.html", {"page": found})


@form_page
@admins_only
def new(request: Asked) -> HttpResponse:
    return _answered(request, None)


@form_page
@readers_only
def rule(request: Asked, pk: int) -> HttpResponseBase:
    found = EstateRule.objects.select_related(*SHOWN, "made_by").get(pk=pk)
    if request.method == "POST":
        return _change(request, found)
    return _page(request, found, RuleForm(initial=initial_of(found)), tried=found)


@require_POST
@admins_only
def switch(request: Asked, pk: int) -> HttpResponse:
    found = EstateRule.objects.get(pk=pk)
    actions.set_enabled(found, request.POST.get("enabled") == "yes", by=request.user)
    words = _("%(rule)s is in force.") if found.enabled else _("%(rule)s rests.")
    messages.success(request, words % {"rule": found})
    return redirect("rule", pk)


@require_POST
@admins_only
def remove(request: Asked, pk: int) -> HttpResponse:
    found = EstateRule.objects.get(pk=pk)
    name = str(found)
    actions.remove_rule(found, by=request.user)
    messages.success(request, _("%(rule)s is removed.") % {"rule": name})
    return redirect("rules")


@require_POST
@admins_only
def apply(request: Asked, pk: int) -> HttpResponse:
    found = EstateRule.objects.select_related(*SHOWN).get(pk=pk)
    given = actions.apply_rule(found, by=request.user)
    done = sum(each.lease is not None for each in given)
    return render(request, "rules/applied.html", {"rule": found, "given": given, "done": done})


@admins_only
def _change(request: Asked, found: EstateRule) -> HttpResponse:
    return _answered(request, found)


def _answered(request: Asked, found: EstateRule | None) -> HttpResponse:
    """An empty form; what a rule would fit; or the rule, saved."""
    if request.method != "POST":
        return _page(request, None, RuleForm(initial={"effect": EstateRule.Effect.HINT}))
    form, draft = RuleForm(request.POST), None
    if form.is_valid():
        fields = form.fields_of_rule()
        try:
            if request.POST.get("do") == "save":
                return _saved(request, found, fields)
            draft = actions.drafted(found, **fields)
        except Invalid as error:
            take_problems(form, error, CALLED)
    return _page(request, found, form, tried=draft, status=200 if draft else 422)


def _saved(request: Asked, found: EstateRule | None, fields: dict[str, Any]) -> HttpResponse:
    if found is None:
        made = actions.add_rule(by=request.user, **fields)
        messages.success(request, _("%(rule)s is in force.") % {"rule": made})
    else:
        made = actions.change_rule(found, by=request.user, **fields)
        messages.success(request, _("%(rule)s is changed.") % {"rule": made})
    return redirect("rule", made.pk)


def _page(
    request: Asked, found: EstateRule | None, form: RuleForm, *, tried: EstateRule | None = None, status: int = 200
) -> HttpResponse:
    """`tried` is the rule whose machines are shown: as it is, or as it would be."""
    context = {
        "rule": found,
        "form": form,
        "tried": tried,
        "is_draft": form.is_bound,
        "matches": matches(tried) if tried else None,
        "most_at_once": actions.MOST_AT_ONCE,
        "holders": offered_holders(),
    }
    return render(request, "rules/rule.html", context, status=status)
