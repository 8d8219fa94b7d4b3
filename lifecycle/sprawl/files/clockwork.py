"""The last step: disk files whose wait is over are removed, if it is still proven that nothing uses them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from lifecycle import clock
from lifecycle.audit.actions import HOUSE
from lifecycle.estate.models import DiskFile, Endpoint
from lifecycle.sprawl.files import proof
from lifecycle.sprawl.files.actions import hindrance_of, order_removal

State = DiskFile.State

SOON = timedelta(hours=2)
"""Before a removal, the endpoints that mount its storage are looked at again."""


def advance() -> int:
    """Orders the removal of what is due and proven; the rest waits. Safe to run twice at once. Returns how many."""
    now = clock.now()
    due = waiting().filter(remove_at__lte=now).order_by("remove_at", "pk").values_list("pk", flat=True)
    return sum(_remove(pk, now) for pk in list(due))


def waiting() -> QuerySet[DiskFile]:
    """Files that were renamed and have a day of removal."""
    return DiskFile.objects.filter(state=State.RETIRED, gone_at=None, remove_at__isnull=False)


@transaction.atomic
def _remove(pk: int, now: datetime) -> bool:
    rows = DiskFile.objects.select_for_update(of=("self",)).select_related("datastore__endpoint")
    file = rows.filter(pk=pk, state=State.RETIRED, gone_at=None, remove_at__lte=now).first()
    if file is None or hindrance_of(file) or proof.before_removal(file, now):
        return False
    order_removal(file, by=HOUSE)
    return True


def next_due(*, after: datetime) -> datetime | None:
    """The next instant at which a wait ends; for the travelling clock of the demo."""
    return waiting().filter(remove_at__gt=after).order_by("remove_at").values_list("remove_at", flat=True).first()


def endpoints_to_look_at() -> list[int]:
    """Those whose disk files nobody has looked through for a while, or whose storage has something due on it."""
    soon = waiting().filter(remove_at__lte=clock.now() + SOON).select_related("datastore")
    identities = {file.datastore.identity for file in soon} - {""}
    long_ago = Q(files_at=None) | Q(files_at__lte=Now() - timedelta(seconds=settings.FILE_LOOKS_EVERY))
    concerned = Q(pk__in={file.datastore.endpoint_id for file in soon}) | Q(datastores__identity__in=identities)
    return list(Endpoint.objects.filter(long_ago | concerned).distinct().order_by("pk").values_list("pk", flat=True))
