"""What the figures of the engine are read from. All in a few questions, whose cost does not grow with its history."""

from __future__ import annotations

import threading
from collections import Counter

from django.db.models import Case, Count, Max, Q, QuerySet, When
from django.db.models.functions import Now

from lifecycle.audit.models import Entry
from lifecycle.operations import claims
from lifecycle.operations.models import Heartbeat, Operation

INCIDENTS = ("taken_over", "doubles", "left_over", "contradicted")
"""Verbs of the record about operations, for what should be rare."""

KEY = ("endpoint_id", "kind", "state")
Ended = Counter[tuple[int, str, str]]
"""(endpoint, kind, outcome) -> how many."""


def open_work() -> Counter[tuple[int, str, str, str, bool]]:
    """(endpoint, kind, state, reason to wait, whether its claim ran out unrenewed) -> how many.

    Counted here: asked to group by endpoint, SQLite would walk all that ever was in that order.
    """
    lost = Case(When(claimed_until__lt=Now(), then=True), default=False)
    rows = Operation.objects.filter(state__in=claims.OPEN).order_by().annotate(lost=lost)
    return Counter(rows.values_list("endpoint_id", "kind", "state", "waits_for", "lost"))


def oldest_due() -> float:
    """Seconds for which work could have been stepped that nothing holds; 0 when all of it is being seen to."""
    due = claims.due().filter(waits_for="")
    found = due.annotate(here=Now()).values_list("next_try_at", "here").first()
    return (found[1] - found[0]).total_seconds() if found else 0.0


def incidents() -> dict[str, int]:
    verbs = {f"operation.{name}": name for name in INCIDENTS}
    rows = Entry.objects.filter(verb__in=verbs).order_by().values_list("verb").annotate(Count("pk"))
    return dict.fromkeys(INCIDENTS, 0) | {verbs[verb]: count for verb, count in rows}


def heartbeats() -> list[tuple[str, float, float]]:
    """(name, seconds since, seconds that its clock was ahead), by the database's clock."""
    rows = Heartbeat.objects.annotate(here=Now()).order_by("name").values_list("name", "at", "here", "ahead")
    return [(name, (here - at).total_seconds(), ahead) for name, at, here, ahead in rows]


class Totals:
    """How much ended so far. What has ended never changes: a process counts it once, and later only what is new.

    Rows up to a border are counted but for those that were open when it was drawn; these, and all rows after it, are
    counted each time. So all processes tell the same, and none tells less than before.
    """

    STEP = 5000
    """Rows after which the border is drawn anew."""
    MARGIN = 1000
    """The newest rows stay beyond it: a row with a lower number may be committed after one with a higher."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._border = 0
        self._open: list[int] = []
        self._counted: Ended = Counter()

    def read(self) -> Ended:
        with self._lock:
            newest = Operation.objects.aggregate(newest=Max("pk"))["newest"] or 0
            if newest < self._border:  # another database than before
                self._border, self._open, self._counted = 0, [], Counter()
            if newest - self.MARGIN - self._border > self.STEP:
                self._draw(newest - self.MARGIN)
            moving = Counter(self._moving().values_list(*KEY))  # few, and counted here as open work is
            return self._counted + _ended(moving)

    def _draw(self, border: int) -> None:
        still_open = Operation.objects.filter(state__in=claims.OPEN, pk__lte=border).order_by()
        here = list(still_open.values_list("pk", flat=True))
        rows = self._moving().filter(pk__lte=border).exclude(pk__in=here)
        self._counted += _ended(Counter({tuple(key): n for *key, n in rows.values_list(*KEY).annotate(Count("pk"))}))
        self._border, self._open = border, here

    def _moving(self) -> QuerySet[Operation]:
        return Operation.objects.filter(Q(pk__gt=self._border) | Q(pk__in=self._open)).order_by()


def _ended(counts: Ended) -> Ended:
    return Counter({key: count for key, count in counts.items() if key[2] not in Operation.OPEN})
