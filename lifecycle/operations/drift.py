"""Deciding about what somebody changed on the hypervisor: it is so from now on, or it is put back."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict
from lifecycle.estate.facts import observe
from lifecycle.estate.models import Drift, Endpoint, Machine, Power
from lifecycle.estate.permissions import SETTLE_DRIFT
from lifecycle.operations.actions import order
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import require

Column, End = Drift.Column, Drift.End


@transaction.atomic
def accept(drift: Drift, *, by: User) -> Drift:
    """What the hypervisor says is agreed from now on. Raises Conflict when it was decided already."""
    require(by, SETTLE_DRIFT)
    _end(drift, End.ACCEPTED, by=by)
    record(
        "machine.drift_accepted", drift.machine, by=by, column=drift.column, before=drift.ours, after=drift.theirs
    )  # fmt: skip
    return drift


@transaction.atomic
def put_back(drift: Drift, *, by: User) -> Operation:
    """Has the hypervisor make it as it was; the drift ends when that is done. Raises Conflict with the reason why not.

    A second call while it is under way returns the same operation.
    """
    require(by, SETTLE_DRIFT)
    machine = Machine.objects.select_for_update().get(pk=drift.machine_id)
    under_way = _under_way(machine, drift)
    if under_way is not None:
        return under_way
    if hindrance := hindrance_of(drift, machine):
        raise Conflict(hindrance)
    kind = Operation.Kind.RENAME if drift.column == Column.NAME else Operation.Kind.RESIZE
    operation = order(
        machine, kind, purpose=Operation.Purpose.DRIFT, by=by, key=f"drift:{drift.pk}:{clock.now().isoformat()}",
        arguments=_wanted(machine, drift),
    )  # fmt: skip
    record("machine.drift_put_back", machine, by=by, column=drift.column, before=drift.theirs, after=drift.ours)
    return operation


def hindrance_of(drift: Drift, machine: Machine, *, asked: bool = True) -> str:
    """Why it cannot be put back at this moment; empty when it can. Lists do not ask for each what is under way."""
    if drift.ended_at is not None:
        return _("This was decided already.")
    if drift.column == Column.DISK:
        return _("Disks are never made smaller. Accept it, or ask the holder.")
    if machine.endpoint.mode != Endpoint.Mode.MANAGE:
        return _("%(endpoint)s is only observed: nothing is changed there.") % {"endpoint": machine.endpoint}
    if drift.column != Column.NAME and machine.power != Power.OFF:
        return _("%(machine)s has to be off for that.") % {"machine": machine}
    under_way = Operation.objects.filter(machine=machine, state__in=Operation.OPEN).exclude(kind__in=Operation.QUIET)
    if asked and under_way.exists():
        return _("Something else is under way on %(machine)s. Wait until it is done.") % {"machine": machine}
    return ""


def was_put_back(operation: Operation, facts: MachineFacts | None) -> None:
    """The hypervisor has done it: the register follows what it says now."""
    machine, now = operation.on_machine, clock.now()
    if facts is not None:
        observe(machine, facts, at=now, cause="put_back")
        Machine.objects.filter(pk=machine.pk).update(name=facts.name[:255])
    columns = [Column.NAME] if operation.kind == Operation.Kind.RENAME else [Column.VCPUS, Column.MEMORY]
    Drift.objects.filter(machine=machine, column__in=columns, ended_at=None).update(
        ended_at=now, end=End.PUT_BACK, decided_by=operation.asked_by
    )


def _wanted(machine: Machine, drift: Drift) -> dict[str, Any]:
    """A resize sets both numbers: whatever else of it drifted goes back too."""
    if drift.column == Column.NAME:
        return {"name": drift.ours}
    size = {"vcpus": machine.vcpus, "memory_mib": machine.memory_mib}
    open_ones = Drift.objects.filter(machine=machine, column__in=list(size), ended_at=None)
    return size | {each.column: int(each.ours) for each in open_ones}


def _under_way(machine: Machine, drift: Drift) -> Operation | None:
    kind = Operation.Kind.RENAME if drift.column == Column.NAME else Operation.Kind.RESIZE
    return Operation.objects.filter(
        machine=machine, kind=kind, purpose=Operation.Purpose.DRIFT, state__in=Operation.OPEN
    ).first()


def _end(drift: Drift, end: Drift.End, *, by: User) -> None:
    now = clock.now()
    if not Drift.objects.filter(pk=drift.pk, ended_at=None).update(ended_at=now, end=end, decided_by=by):
        raise Conflict(_("This was decided already."))
    drift.ended_at, drift.end, drift.decided_by = now, end, by
