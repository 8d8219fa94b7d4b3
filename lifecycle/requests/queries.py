"""Reading requests: one's own, and the inbox of whoever decides."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from lifecycle.people.models import User
from lifecycle.requests.models import Request, Step

RELATED = ("requester", "holder", "team", "cost_centre", "blueprint", "size", "machine")


def requests_of(user: User) -> QuerySet[Request]:
    """What this person may see, newest first."""
    return Request.objects.visible_to(user).select_related(*RELATED).order_by("-created_at", "-pk")


def inbox(user: User) -> QuerySet[Request]:
    """What waits for this person, oldest first. Admins also decide where nobody else is left to ask."""
    mine = Q(steps__state=Step.State.WAITING, steps__approver=user)
    if user.is_admin:
        mine |= Q(steps__state=Step.State.WAITING, steps__approver=None)
    return (
        Request.objects.filter(mine, state=Request.State.WAITING)
        .exclude(requester=user)
        .exclude(holder=user)
        .select_related(*RELATED)
        .order_by("created_at", "pk")
    )


def decided_by(user: User) -> QuerySet[Request]:
    return (
        Request.objects.filter(steps__decided_by=user)
        .select_related(*RELATED)
        .order_by("-decided_at", "-pk")
        .distinct()
    )
