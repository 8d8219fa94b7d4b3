"""Looking for what should not be so. What people do about a finding ends its cause; the next scan ends the finding."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from lifecycle import clock
from lifecycle.sprawl import counting, waste
from lifecycle.sprawl.detectors import (
    Candidate,
    disk_file,
    duplicate,
    ghost,
    holder_gone,
    idle,
    image,
    no_end,
    orphan,
    oversized,
    ownerless,
    past_end,
    powered_off,
    runs_quarantined,
    snapshots,
)
from lifecycle.sprawl.exemptions import InForce, settle
from lifecycle.sprawl.models import Kind
from lifecycle.sprawl.pricing import Prices
from lifecycle.sprawl.renewing import Look, end_of_the_unflagged

log = logging.getLogger(__name__)

Detector = Callable[[datetime], Iterable[Candidate]]

DETECTORS: dict[Kind, Detector] = {
    Kind.ORPHAN: orphan.detect,
    Kind.GHOST: ghost.detect,
    Kind.HOLDER_GONE: holder_gone.detect,
    Kind.OWNERLESS: ownerless.detect,
    Kind.RUNS_QUARANTINED: runs_quarantined.detect,
    Kind.PAST_END: past_end.detect,
    Kind.NO_END: no_end.detect,
    Kind.POWERED_OFF: powered_off.detect,
    Kind.IDLE: idle.detect,
    Kind.OVERSIZED: oversized.detect,
    Kind.SNAPSHOTS: snapshots.detect,
    Kind.DISK_FILE: disk_file.detect,
    Kind.IMAGE: image.detect,
    Kind.DUPLICATE: duplicate.detect,
}


@dataclass(frozen=True, slots=True)
class ScanResult:
    opened: int = 0
    changed: int = 0
    ended: int = 0
    failed: tuple[Kind, ...] = ()
    """Kinds that could not be looked for: their findings stay as they are."""


def scan(*, now: datetime | None = None) -> ScanResult:
    """Opens findings, brings price and evidence of open ones up to date, and ends those whose cause ended."""
    now = now or clock.now()
    ended = end_of_the_unflagged(now)
    prices, exempt = Prices(now), InForce(now)
    opened, changed, failed = 0, 0, []
    for kind, detect in DETECTORS.items():
        try:
            look = Look(kind, detect(now), now=now, prices=prices, exempt=exempt)
        except Exception:
            # A detector that breaks costs its own kind, not the others.
            log.exception("Findings of kind %s could not be looked for.", kind)
            failed.append(kind)
            continue
        opened, changed, ended = opened + look.opened, changed + look.changed, ended + look.ended
    settle(exempt)
    counting.settle()
    waste.write_day(now)
    return ScanResult(opened, changed, ended, tuple(failed))
