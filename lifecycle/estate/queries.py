"""Which machines somebody may see, and the lists of them."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count

from lifecycle.estate.models import Endpoint, Machine, Stage
from lifecycle.estate.models.machines import LIVE, MachineQuerySet
from lifecycle.estate.permissions import holds
from lifecycle.estate.search import with_words
from lifecycle.people.models import User
from lifecycle.people.permissions import sees_all

CAP = 1001
"""Counts stop here: "more than 1,000" is all that a person needs."""

BESIDE = ("endpoint", "pool", "host", "image", "holder", "team", "cost_centre")


def visible_machine(user: User, pk: int, *, beside: Collection[str] = BESIDE) -> Machine:
    """One machine this person may see. Raises Machine.DoesNotExist, also when it is there but not for them.

    Looked up by its key first: joined to the union of all that a person sees, it took PostgreSQL longer to plan than
    to find. Who sees all, or holds it, needs no second look.
    """
    machine = Machine.objects.select_related(*beside).get(pk=pk)
    if sees_all(user) or holds(user, machine) or Machine.objects.visible_to(user).filter(pk=pk).exists():
        return machine
    raise Machine.DoesNotExist


def machine_list(
    user: User,
    *,
    q: str = "",
    stage: Stage | Collection[Stage] | None = None,
    mine: bool = False,
    endpoint: Endpoint | None = None,
) -> MachineQuerySet:
    """The machines a person may see, as lists show them; those that ended only when their stage is asked for."""
    machines = Machine.objects.visible_to(user).filter(stage__in=_stages(stage))
    if mine:
        machines = machines.filter(holder=user)
    if endpoint is not None:
        machines = machines.filter(endpoint=endpoint)
    return with_words(machines, q)


def counts_by_stage(user: User) -> dict[Stage, int]:
    """How many machines a person may see in each stage, none left out; more than 1,000 count as 1,001."""
    rows = Machine.objects.visible_to(user).order_by().values_list("stage").annotate(count=Count("pk"))
    found = dict(rows)
    return {stage: min(found.get(stage, 0), CAP) for stage in Stage}


def _stages(stage: Stage | Collection[Stage] | None) -> Collection[str]:
    if stage is None:
        return LIVE
    return [stage] if isinstance(stage, str) else stage
