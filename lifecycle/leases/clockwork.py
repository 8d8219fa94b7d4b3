"""What the clock does to leases: warn, stop, remove. Every rule says "at or after", so a missed run loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.errors import Conflict
from lifecycle.estate import history, stages
from lifecycle.estate.facts import observe
from lifecycle.estate.models import FAR, Machine, Stage
from lifecycle.leases.actions import LEAST_NOTICE, stop
from lifecycle.leases.models import Lease
from lifecycle.leases.warnings import recipients, warn, warned_in_time
from lifecycle.notices.actions import post
from lifecycle.operations import seeds
from lifecycle.operations.actions import order
from lifecycle.operations.models import Operation
from lifecycle.operations.power import ended_by_asker, why

log = logging.getLogger(__name__)
BATCH = 500


def advance(*, now: datetime | None = None) -> int:
    """One run over everything that is due. Returns how many leases were moved on; one broken lease stops no other."""
    now = now or clock.now()
    running = Lease.objects.filter(ended_at=None).select_related(
        "machine__endpoint", "machine__holder", "machine__team"
    )
    free = running.filter(held_at=None)
    done = _each(running.filter(next_warning_at__lte=now), lambda lease: _warn(lease, now))
    done += _each(free.filter(ends_at__lte=now, machine__stage=Stage.ACTIVE), lambda lease: _stop(lease, now))
    due = free.filter(remove_at__lte=now, machine__stage=Stage.QUARANTINED)
    return done + _each(due, _remove)


def _each(leases: QuerySet[Lease], act: Callable[[Lease], bool]) -> int:
    done = 0
    for lease in leases.order_by("pk")[:BATCH]:
        try:
            with transaction.atomic():
                done += act(lease)
        except Conflict:
            log.info("Lease %s was changed while its turn came.", lease.pk)
        except Exception:
            log.exception("Lease %s could not be moved on.", lease.pk)
    return done


def _warn(lease: Lease, now: datetime) -> bool:
    if lease.machine.stage == Stage.QUARANTINED and lease.remove_at:
        _tell(
            lease, "removal_near", _("%(machine)s will be removed on %(day)s"), lease.remove_at,
            key=f"removal_near:{lease.pk}:{lease.remove_at.isoformat()}",
        )  # fmt: skip
        Lease.objects.filter(pk=lease.pk).update(next_warning_at=FAR)
    else:
        warn(lease, now=now)
    return True


def _stop(lease: Lease, now: datetime) -> bool:
    if not warned_in_time(lease, now=now):
        # A mail system that was down must not take a machine by surprise: warn first, stop a day later.
        warn(lease, now=now)
        return False
    stop(lease, by=HOUSE, reason=_("the lease ended"))
    return True


def _remove(lease: Lease) -> bool:
    stages.move(lease.machine, Stage.REMOVING, by=HOUSE, reason=_("the grace after the end is over"))
    order(
        lease.machine,
        Operation.Kind.REMOVE,
        purpose=Operation.Purpose.EXPIRY,
        by=HOUSE,
        key=f"remove:{lease.pk}:{lease.remove_at.isoformat() if lease.remove_at else ''}",
        destructive=True,
    )
    return True


def stopped(operation: Operation, facts: MachineFacts | None) -> None:
    """The machine of an ended lease is off: its grace begins. Runs in the transaction that ends the operation."""
    machine, now = operation.on_machine, clock.now()
    _seen(machine, facts, at=now, cause="stopped")
    if machine.stage != Stage.EXPIRED:
        return
    lease = machine.lease
    remove_at = now + timedelta(days=lease.grace_days)
    stages.move(machine, Stage.QUARANTINED, by=HOUSE, reason=_("stopped"), next_at=remove_at)
    lease.stopped_at, lease.remove_at = now, remove_at
    lease.next_warning_at = max(now, remove_at - LEAST_NOTICE)
    lease.save(update_fields=["stopped_at", "remove_at", "next_warning_at"])
    _tell(
        lease, "stopped", _("%(machine)s is stopped. You can restore it until %(day)s"), remove_at,
        key=f"stopped:{lease.pk}:{now.isoformat()}",
    )  # fmt: skip


def stop_failed(operation: Operation, facts: MachineFacts | None) -> None:
    """It could not be stopped: the lease goes on for a day, and is tried again then."""
    machine = operation.on_machine
    if machine.stage != Stage.EXPIRED:
        return
    later = clock.now() + LEAST_NOTICE
    stages.move(machine, Stage.ACTIVE, by=HOUSE, reason=operation.error, next_at=later)
    Lease.objects.filter(machine=machine).update(
        ends_at=later, end_set_at=clock.now(), latest_end=max(machine.lease.latest_end, later)
    )
    _tell_of_no_stop(operation, later)


def _tell_of_no_stop(operation: Operation, later: datetime) -> None:
    """Whoever gave it back hears it, or whoever holds what the clock should have stopped: it runs on, and costs."""
    if operation.asked_by is not None and ended_by_asker(operation):
        return
    machine, asked_by = operation.on_machine, operation.asked_by
    for person in [asked_by] if asked_by else recipients(machine):
        day = later.astimezone(person.tz).strftime("%d %b %Y")
        post(
            person,
            "stop_failed",
            key=f"stop_failed:{operation.pk}:{person.pk}",
            subject=_("%(machine)s was not stopped. It runs on, and is stopped on %(day)s")
            % {"machine": machine, "day": day},
            context={"machine": machine.name, "words": why(operation)},
            path=f"/machines/{machine.pk}/",
        )


def restored(operation: Operation, facts: MachineFacts | None) -> None:
    _seen(operation.on_machine, facts, at=clock.now(), cause="restored")


def removed(operation: Operation, facts: MachineFacts | None) -> None:
    """The machine and its disks are gone: charging ends in this second."""
    machine, now = operation.on_machine, clock.now()
    history.close_spans(machine, at=now)
    history.end_tenure(machine, at=now)
    seeds.forget(machine)
    lease = machine.lease
    lease.ended_at, lease.next_warning_at = now, FAR
    lease.save(update_fields=["ended_at", "next_warning_at"])
    stages.move(machine, Stage.REMOVED, by=HOUSE, reason=_("removed with its disks"), next_at=FAR)
    _tell(lease, "removed", _("%(machine)s was removed with its disks"), now, key=f"removed:{lease.pk}")


def removal_failed(operation: Operation, facts: MachineFacts | None) -> None:
    """It could not be removed: it stays quarantined for another day, and is tried again then."""
    machine = operation.on_machine
    if machine.stage != Stage.REMOVING:
        return
    later = clock.now() + LEAST_NOTICE
    stages.move(machine, Stage.QUARANTINED, by=HOUSE, reason=operation.error, next_at=later)
    Lease.objects.filter(machine=machine).update(remove_at=later)
    record("lease.removal_failed", machine, by=HOUSE, error=operation.error_code)


def _seen(machine: Machine, facts: MachineFacts | None, *, at: datetime, cause: str) -> None:
    if facts is not None:
        observe(machine, facts, at=at, cause=cause)


def _tell(lease: Lease, kind: str, subject: str, day: datetime, *, key: str) -> None:
    for person in recipients(lease.machine):
        post(
            person,
            kind,
            key=f"{key}:{person.pk}",
            subject=subject % {"machine": lease.machine.name, "day": day.astimezone(person.tz).strftime("%d %b %Y")},
            context={"machine": lease.machine.name, "at": day.isoformat(), "zone": person.zone},
            path=f"/machines/{lease.machine_id}/",
        )
