"""Instants of the unshifted clock, shown at the same distance from the portal's now."""

from __future__ import annotations

from datetime import UTC, datetime

from lifecycle import clock


def shown(instant: datetime | None) -> datetime | None:
    """Scans, back-off and outages go by real time; in a demo that has moved on, "40 seconds ago" must stay true."""
    return None if instant is None else clock.now() - (datetime.now(UTC) - instant)
