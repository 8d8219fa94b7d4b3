"""What machines cost: one's own months, statements of cost centres, and every line down to its seconds."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from lifecycle import clock
from lifecycle.money import calendar
from lifecycle.money.permissions import sees_all_money
from lifecycle.money.queries import cost_centres_visible_to, daily_cents, line_visible_to, lines_of, months_of, why
from lifecycle.money.queries import statement as statement_of
from lifecycle.people.models import CostCentre, User
from portal.web import statementrows
from portal.web.access import Asked


@require_safe
def costs(request: Asked) -> HttpResponse:
    month = _asked_month(request.GET.get("month", "")) or calendar.month_of(clock.now())
    return render(request, "costs/costs.html", _month(request.user, month, viewer=request.user))


@require_safe
def statements(request: Asked) -> HttpResponse:
    return render(request, "statements/statements.html", {
        "centres": statementrows.centres(request.user), "sees_all": sees_all_money(request.user)
    })  # fmt: skip


@require_safe
def statement(request: Asked, pk: int, year: int, month: int) -> HttpResponse:
    centre = cost_centres_visible_to(request.user).get(pk=pk)
    if (first := _asked_month(f"{year}-{month}")) is None:
        raise Http404
    return render(request, "statements/statement.html", _month(centre, first, viewer=request.user) | {"centre": centre})


@require_safe
@vary_on_headers("HX-Request")
def line(request: Asked, pk: int) -> HttpResponse:
    """A page of its own; for the table that it stands in, its rows opened or closed again."""
    found = line_visible_to(request.user, pk)
    (row,) = statementrows.in_words([found])
    context: dict[str, Any] = {"row": row, "line": found, "opened": request.GET.get("row") != "closed"}
    if not request.htmx or context["opened"]:
        opened = why(found)
        words = {"parts": statementrows.parts(opened), "hours": statementrows.hour_words(opened)}
        context |= {"why": opened, "card": found.rate.card, **words}
    return render(request, "costs/_line.html" if request.htmx else "costs/line.html", context)


MONTHS = 13
"""As many as the switch offers."""


def _month(payer: User | CostCentre, month: date, *, viewer: User) -> dict[str, Any]:
    lines = lines_of(payer, viewer=viewer)
    shown = statement_of(payer, month, viewer=viewer)
    months = dict(months_of(lines))
    return {
        "statement": shown,
        "groups": statementrows.groups(shown),
        "line_count": sum(len(each.lines) for each in shown.machines),
        "month": month,
        "open_month": month == calendar.month_of(clock.now()),
        "bounds": calendar.month_bounds(month),
        "before": (calendar.previous_month(month), months.get(calendar.previous_month(month))),
        "months": sorted({*months, month, calendar.month_of(clock.now())}, reverse=True)[:MONTHS],
        "chart": statementrows.daily_chart(daily_cents(lines, month)) if shown.machines else None,
    }


def _asked_month(text: str) -> date | None:
    year, _dash, month = text.partition("-")
    try:
        return date(int(year), int(month), 1)
    except ValueError:
        return None
