"""The looks at one endpoint, as its page shows them: the one under way with its progress, and those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.estate.models import Endpoint, Scan
from portal.web import realtime

SHOWN = 10
SILENT = timedelta(minutes=3)
"""After so long without a word from whoever runs it, the page says so."""

State = Scan.State
LOOKS: dict[str, tuple[str | Promise, str, str]] = {
    State.RUNNING: (lazy("Under way"), "info", "hammer"),
    State.COMPLETE: (lazy("Complete"), "ok", "circle-check"),
    State.PARTIAL: (lazy("Had gaps"), "warn", "triangle-alert"),
    State.FAILED: (lazy("Failed"), "bad", "circle-x"),
    State.STOPPED: (lazy("Stopped"), "gone", "circle-stop"),
}


@dataclass(frozen=True)
class LookRow:
    """One look in words. Its moments are real time, shown on the portal's clock."""

    scan: Scan

    @property
    def began_at(self) -> datetime | None:
        return realtime.shown(self.scan.began_at)

    @property
    def badge(self) -> tuple[str | Promise, str, str]:
        return LOOKS[self.scan.state]

    @property
    def seconds(self) -> float:
        return ((self.scan.ended_at or datetime.now(UTC)) - self.scan.began_at).total_seconds()

    @property
    def took(self) -> str:
        seconds = self.seconds
        if seconds < 120:
            return _("%(n).1f s") % {"n": seconds} if seconds < 10 else _("%(n)d s") % {"n": seconds}
        return _("%(n)d min") % {"n": seconds // 60}

    @property
    def percent(self) -> int | None:
        """None while the hypervisor is asked: how much it will tell is not known yet."""
        if self.scan.total is None:
            return None
        return 100 if not self.scan.total else min(100, 100 * self.scan.written // self.scan.total)

    @property
    def silent(self) -> bool:
        return self.scan.state == State.RUNNING and datetime.now(UTC) - self.scan.beat_at > SILENT


def looks_of(endpoint: Endpoint) -> Sequence[LookRow]:
    """The latest, newest first."""
    return [LookRow(scan) for scan in Scan.objects.filter(endpoint=endpoint).order_by("-pk")[:SHOWN]]
