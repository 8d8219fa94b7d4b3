"""What the shell around every page shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Func, QuerySet, Subquery
from django.http import HttpRequest

from lifecycle import clock
from lifecycle.clock import Clock
from lifecycle.logcontext import REQUEST, ids
from lifecycle.notices.queries import unread_count
from lifecycle.operations.queries import brake
from lifecycle.people.models import User
from lifecycle.people.permissions import RUN_HOUSE, may
from lifecycle.requests.permissions import ASK
from lifecycle.requests.queries import inbox
from lifecycle.sprawl import claims
from lifecycle.travel import MOVE_TIME
from portal import navigation

MOST = 99
# Address of a page that is no entry of the navigation -> the entry it belongs to.
UNDER = {
    "machine": "machines", "order": "requests", "request": "requests", "approval": "approvals", "approve": "approvals",
    "refuse": "approvals", "line": "costs", "statement": "statements", "endpoint": "endpoints",
    "orphan": "findings", "orphans": "findings", "finding": "findings", "saved": "findings",
    "pause": "operations", "operation": "operations", "blueprint": "catalogue", "size": "catalogue",
    "adoption": "findings", "adoptions": "findings", "claim": "claims",
    "rate": "catalogue", "person": "people", "people": "people", "team": "people", "teams": "people", "cost": "people",
}  # fmt: skip


def shell(request: HttpRequest) -> dict[str, Any]:
    """Navigation, unread notices, the present, and in a demo its clock. Nothing for those who are not signed in."""
    now = clock.now()
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"now": now}
    counts = _waiting(user) if user.decides or may(user, RUN_HOUSE) else {}
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    return {
        "now": now,
        "nav": navigation.build(user, current=UNDER.get(name.partition("-")[0], name), counts=counts),
        "unread_notices": unread_count(user),
        "brake": brake(),
        "runs_house": may(user, RUN_HOUSE),
        "may_order": may(user, ASK),
        "demo": _demo(user, now) if settings.DEMO else None,
    }


def _waiting(user: User) -> dict[str, tuple[int, bool]]:
    """What waits for this person: one query for all of it."""
    waiting: dict[str, QuerySet[Any]] = {"approvals": inbox(user)}
    if may(user, RUN_HOUSE):
        waiting["claims"] = claims.waiting(user)
    # A plain function instead of an aggregate: nothing is to be grouped by.
    asked = [Subquery(rows.order_by().values(n=Func("pk", function="COUNT"))) for rows in waiting.values()]
    counted = User.objects.filter(pk=user.pk).values_list(*asked).get()
    return {name: (min(int(count), MOST + 1), True) for name, count in zip(waiting, counted, strict=True)}


def reference(request: HttpRequest) -> dict[str, Any]:
    """What a person tells whoever looks into the log. Pages of errors show it."""
    return {"reference": ids().get(REQUEST, "")}


def _demo(user: User, now: datetime) -> dict[str, Any]:
    travel = Clock.objects.filter(pk=1).exclude(target=None).first()
    return {"now": now, "may_move": may(user, MOVE_TIME), "travel": travel}
