"""Which lines are whose, and who may see them."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet, Sum

from lifecycle.estate.models import Tenure
from lifecycle.money.models import Line
from lifecycle.money.permissions import SEE_COSTS, sees_all_money
from lifecycle.people.models import CostCentre, User
from lifecycle.people.permissions import require

NAMED = ("machine", "tenure__holder", "tenure__team", "tenure__cost_centre", "rate__card")
"""What a line is shown with."""


def lines_visible_to(user: User) -> QuerySet[Line]:
    """Lines of what the person or their team held, and of what their own cost centres pay; finance sees all."""
    if sees_all_money(user):
        return Line.objects.all()
    owned = user.cost_centres_owned.order_by().values("pk")
    return _of_tenures(*_held_by(user), _tenures().filter(cost_centre__in=owned))


def line_visible_to(user: User, pk: int) -> Line:
    """One line with all that its page names; raises Line.DoesNotExist to whom it does not show."""
    return lines_visible_to(user).select_related(*NAMED).get(pk=pk)


def lines_of(payer: User | CostCentre, *, viewer: User) -> QuerySet[Line]:
    """A person's and their team's lines, or all that a cost centre pays; refused as a whole, never shown in part."""
    require(viewer, SEE_COSTS, payer)
    if isinstance(payer, CostCentre):
        return _of_tenures(_tenures().filter(cost_centre=payer))
    return _of_tenures(*_held_by(payer))


def cost_centres_visible_to(user: User) -> QuerySet[CostCentre]:
    """Those whose statements the person may open: their own, and all for whoever sees all money."""
    return CostCentre.objects.all() if sees_all_money(user) else CostCentre.objects.filter(owner=user)


def months_of(lines: QuerySet[Line]) -> list[tuple[date, int]]:
    """Each month that has lines with its sum in cents, the latest first."""
    rows = lines.order_by("-month").values("month").annotate(total=Sum("cents"))
    return [(row["month"], row["total"]) for row in rows]


def _tenures() -> QuerySet[Tenure]:
    return Tenure.objects.order_by()


def _held_by(user: User) -> list[QuerySet[Tenure]]:
    return [_tenures().filter(holder=user), *([_tenures().filter(team=user.team_id)] if user.team_id else [])]


def _of_tenures(first: QuerySet[Tenure], *others: QuerySet[Tenure]) -> QuerySet[Line]:
    """One `IN (… UNION ALL …)` of index look-ups: it grows with what is asked for, not with the table."""
    return Line.objects.filter(tenure__in=first.values("pk").union(*(other.values("pk") for other in others), all=True))
