"""The row of a look: one at a time for each endpoint, written while it goes on, for people to watch and stop."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Endpoint, Scan
from lifecycle.estate.sync.machines import Counts

DEAD_AFTER = timedelta(minutes=10)
"""A look that wrote nothing for so long has died; reading a large estate takes less."""
KEPT = 200
"""Looks per endpoint."""
BEAT = 1.0
"""Seconds between two signs of life, at the least."""
TEXT = 4000

State = Scan.State


@transaction.atomic
def begin(endpoint: Endpoint, mode: Scan.Mode, *, asked_by: int | None) -> Scan | None:
    """None when another look at this endpoint is under way. One that died is marked, and nobody waits for it."""
    Endpoint.objects.select_for_update().only("pk").get(pk=endpoint.pk)
    running = Scan.objects.filter(endpoint=endpoint, state=State.RUNNING).order_by()
    running.filter(beat_at__lt=Now() - DEAD_AFTER).update(
        state=State.FAILED, ended_at=Now(), error=_("It broke off without a word.")
    )
    if running.exists():
        return None
    return Scan.objects.create(endpoint=endpoint, mode=mode, began_at=Now(), beat_at=Now(), asked_by_id=asked_by)


class Watched:
    """A look that is going on."""

    def __init__(self, scan: Scan) -> None:
        self.pk = scan.pk
        self.written = 0
        self.counts = Counts()
        self._next_beat = 0.0

    def expect(self, total: int) -> None:
        self._write(total=total)

    def wrote(self, machines: int, counts: Counts) -> None:
        self.written += machines
        self.counts.found += counts.found
        self.counts.changed += counts.changed
        self.counts.returned += counts.returned
        if time.monotonic() >= self._next_beat:
            self._write()

    def is_to_stop(self) -> bool:
        return Scan.objects.filter(pk=self.pk).exclude(stop_asked_at=None).exists()

    def end(self, state: State, *, missed: int = 0, notes: str = "", error: str = "") -> None:
        self._write(state=state, ended_at=Now(), missed=missed, notes=cut(notes, TEXT), error=cut(error, TEXT))

    def _write(self, **columns: Any) -> None:
        counts = {name: getattr(self.counts, name) for name in ("found", "changed", "returned")}
        Scan.objects.filter(pk=self.pk, state=State.RUNNING).update(
            beat_at=Now(), written=self.written, **counts, **columns
        )  # fmt: skip
        self._next_beat = time.monotonic() + BEAT


def sweep(endpoint: Endpoint) -> None:
    """Forgets all but the latest looks."""
    rows = Scan.objects.filter(endpoint=endpoint)
    oldest = rows.order_by("-pk").values_list("pk", flat=True)[KEPT - 1 : KEPT]
    for pk in oldest:
        rows.filter(~Q(state=State.RUNNING), pk__lt=pk).delete()
