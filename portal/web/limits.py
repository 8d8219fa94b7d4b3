"""From when on something is a finding: for all machines, and for the pools that differ."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lifecycle.estate.models import Pool
from lifecycle.people.permissions import may, require
from lifecycle.sprawl.limiting import set_thresholds
from lifecycle.sprawl.models import Threshold
from lifecycle.sprawl.permissions import SET_THRESHOLDS
from lifecycle.sprawl.thresholds import Limits, limits_of
from portal.web.access import Asked, readers_only
from portal.web.formproblems import shown_on
from portal.web.forms_house.limits import LimitsForm


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
def limits(request: Asked) -> HttpResponse:
    pool = _pool(request.GET.get("pool", ""))
    own = dict(Threshold.objects.filter(pool=pool).order_by().values_list("name", "value"))
    form = LimitsForm(
        request.POST or None, initial=own, otherwise=limits_of(None) if pool else Limits(), pool=pool is not None,
        locked=not may(request.user, SET_THRESHOLDS),
    )  # fmt: skip
    if request.method == "POST":
        require(request.user, SET_THRESHOLDS)
        if form.is_valid():
            with shown_on(form):
                changed = set_thresholds(pool, form.values(), by=request.user, reason=form.cleaned_data["reason"])
                _say(request, len(changed))
                return redirect(reverse("limits", query={"pool": pool.pk}) if pool else reverse("limits"))
    pools = Pool.objects.filter(gone=False).select_related("endpoint").order_by("endpoint__name", "name")
    special = pools.annotate(limits=Count("thresholds")).filter(limits__gt=0)
    context = {"form": form, "pool": pool, "pools": pools, "special": special}
    return render(request, "sprawl/limits.html", context, status=422 if form.errors else 200)


def _pool(asked: str) -> Pool | None:
    """Raises Pool.DoesNotExist for a number that is none's."""
    return Pool.objects.select_related("endpoint").get(pk=int(asked)) if asked.isdecimal() and len(asked) < 19 else None


def _say(request: Asked, changed: int) -> None:
    if changed:
        messages.success(request, _("Set. The next scan goes by it."))
    else:
        messages.info(request, _("Nothing was changed: it is so already."))
