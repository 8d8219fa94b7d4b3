"""The one `now()` of all rules. In demo and tests a shift stored in the database moves every process at once.

Claims, heartbeats, back-off and outage detection do not use it: they use the database's own clock, unshifted.
"""

from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, models

log = logging.getLogger(__name__)

NOW = {
    "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f+00:00', 'now')",
    "postgresql": "SELECT STATEMENT_TIMESTAMP()",
}
MOST_SKEW = 5.0
"""Seconds a process's clock may be off the database's: spans are written by it, and billed to the second."""


class Clock(models.Model):
    """At most one row: how far this installation's time is ahead, and where it is going."""

    shift = models.DurationField(default=timedelta)
    target = models.DateTimeField(null=True, blank=True)
    """Where a skip is going (`lifecycle/travel.py`)."""
    started_from = models.DateTimeField(null=True, blank=True)
    busy_until = models.DateTimeField(null=True, blank=True)
    """Real time: one process moves the clock at a time."""

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="clock_is_one_row"),
            models.CheckConstraint(condition=models.Q(shift__gte=timedelta(0)), name="clock_never_goes_back"),
        ]


def now() -> datetime:
    """The present, aware and in UTC; shifted where the installation allows it."""
    real = datetime.now(UTC)
    if not settings.CLOCK_SHIFTABLE:
        return real
    shift = Clock.objects.filter(pk=1).values_list("shift", flat=True).first()
    return real + shift if shift else real


def move_to(instant: datetime) -> None:
    """Shifts the present forward to `instant`; earlier instants leave it as it is."""
    if not settings.CLOCK_SHIFTABLE:
        raise RuntimeError("This installation's clock cannot be moved.")
    ahead = instant - now()
    if ahead > timedelta(0):
        Clock.objects.get_or_create(pk=1)
        Clock.objects.filter(pk=1).update(shift=models.F("shift") + ahead)


def skew() -> float:
    """Seconds by which this process's clock is ahead of the database's."""
    begun = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(NOW[connection.vendor])
        found = cursor.fetchone()[0]
    there: datetime = datetime.fromisoformat(found) if isinstance(found, str) else found
    return (begun + (datetime.now(UTC) - begun) / 2 - there).total_seconds()


def agrees(ahead: float | None = None) -> bool:
    """Whether what is done by the hour may be done by this process. When not, the log says so.

    Whoever has asked for the skew hands it in.
    """
    ahead = skew() if ahead is None else ahead
    if abs(ahead) <= MOST_SKEW:
        return True
    log.error("The clock of %s is %+.1f s off the database's: it takes no work.", socket.gethostname(), ahead)
    return False


def billing_zone() -> ZoneInfo:
    """The zone whose days and months charges follow."""
    return ZoneInfo(settings.BILLING_ZONE)
