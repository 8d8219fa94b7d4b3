"""What follows when an operation ends: (kind, purpose) -> on success, on failure. No room imports this."""

from __future__ import annotations

from lifecycle.leases import clockwork
from lifecycle.operations import drift, power, seeds
from lifecycle.operations.endings import Outcome, Outcomes
from lifecycle.operations.models import Operation
from lifecycle.requests import provisioning
from lifecycle.sprawl.files import endings

Kind, Purpose = Operation.Kind, Operation.Purpose

OUTCOMES: Outcomes = {
    (Kind.CREATE, Purpose.ORDER): Outcome(provisioning.fulfilled, provisioning.failed),
    (Kind.POWER_ON, Purpose.HOLDER): Outcome(power.done, power.failed),
    (Kind.SHUTDOWN, Purpose.HOLDER): Outcome(power.done, power.failed),
    (Kind.RESTART, Purpose.HOLDER): Outcome(power.done, power.failed),
    (Kind.SHUTDOWN, Purpose.EXPIRY): Outcome(clockwork.stopped, clockwork.stop_failed),
    (Kind.POWER_ON, Purpose.RESTORE): Outcome(clockwork.restored, power.failed),
    (Kind.REMOVE, Purpose.EXPIRY): Outcome(clockwork.removed, clockwork.removal_failed),
    (Kind.DETACH_SEED, Purpose.SEED): Outcome(seeds.detached, seeds.stays),
    (Kind.RENAME, Purpose.DRIFT): Outcome(drift.was_put_back, power.failed),
    (Kind.RESIZE, Purpose.DRIFT): Outcome(drift.was_put_back, power.failed),
    (Kind.RETIRE_FILE, Purpose.RECLAIM): Outcome(endings.retired, endings.retire_failed, endings.still_proven),
    (Kind.RESTORE_FILE, Purpose.RECLAIM): Outcome(endings.restored, endings.restore_failed),
    (Kind.REMOVE_FILE, Purpose.RECLAIM): Outcome(endings.removed, endings.removal_failed, endings.proven_to_the_end),
    (Kind.ANNOTATE, Purpose.STAMP): Outcome(power.nothing, power.nothing),
}
