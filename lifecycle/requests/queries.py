"""Reading requests: one's own, the inbox of whoever decides, and all that was done from the request on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.roles import Right, has
from lifecycle.requests.models import Request, Step

RELATED = ("requester", "holder", "team", "cost_centre", "blueprint", "size", "machine")


def requests_of(user: User) -> QuerySet[Request]:
    """What this person may see, newest first."""
    return Request.objects.visible_to(user).select_related(*RELATED).order_by("-created_at", "-pk")


def inbox(user: User) -> QuerySet[Request]:
    """What waits for this person, oldest first. Admins also decide where nobody else is left to ask."""
    mine = Q(steps__state=Step.State.WAITING, steps__approver=user)
    if has(user, Right.RUN):
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


def told_operations(machine: Machine) -> QuerySet[Operation]:
    """What a history tells of: the portal's own bookkeeping is left out, it would drown what people did."""
    return Operation.objects.filter(machine=machine).exclude(kind__in=Operation.QUIET).order_by()


def record_of(machine: Machine, *, operations: Iterable[int] | None = None) -> QuerySet[Entry]:
    """What was done to a machine, its lease and its request, and by its operations; newest first.

    The ids of `told_operations` save a query to whoever has them already.
    """
    if operations is None:
        operations = told_operations(machine).values_list("pk", flat=True)
    found = Q(object_type="machine", object_id=machine.pk)
    found |= Q(object_type="operation", object_id__in=list(operations))
    for name in ("lease", "request"):
        if (other := getattr(machine, name, None)) is not None:
            found |= Q(object_type=name, object_id=other.pk)
    return Entry.objects.filter(found).order_by("-at", "-pk")
