"""Taking a wrong holder away again: the machine is found, and nobody's, as if it had never been given."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import record
from lifecycle.errors import Conflict, Invalid
from lifecycle.estate import history, stages
from lifecycle.estate.models import FAR, Endpoint, Machine, MachineGroupPermission, MachineUserPermission, Stage
from lifecycle.leases.actions import holding
from lifecycle.leases.models import Lease
from lifecycle.leases.permissions import ASSIGN_HOLDER
from lifecycle.leases.warnings import recipients
from lifecycle.money.actions import withdraw_lines
from lifecycle.notices.actions import post
from lifecycle.operations.actions import cancel_waiting, order
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import require


@transaction.atomic
def release_adoption(machine: Machine, *, by: User, reason: str) -> Machine:
    """Lease, tenure and what the open month charged for them go; the record keeps who did what, and why.

    Raises Conflict where that would rewrite more than a mistake: the machine was ordered here, has changed hands, is
    held or being stopped, or was charged for a month that has ended. Then it is given back, as any other.
    """
    require(by, ASSIGN_HOLDER)
    if not reason.strip():
        raise Invalid(_("Say why: the record keeps it."), field="reason")
    machine = Machine.objects.select_for_update(of=("self",)).get(pk=machine.pk)
    if problem := why_not(machine):
        raise Conflict(problem)
    lease = Lease.objects.select_for_update(of=("self",)).get(machine=machine)
    tenure = machine.tenures.get()
    former, people = machine.holder_name, list(recipients(machine))
    withdraw_lines(tenure)
    history.forget(tenure)
    cancel_waiting(machine, by=by, reason=reason)
    lease.delete()
    for grants in (MachineUserPermission, MachineGroupPermission):
        grants.objects.filter(content_object=machine).delete()
    machine = stages.move(
        machine, Stage.DISCOVERED, by=by, reason=reason,
        holder=None, team=None, cost_centre=None, purpose="", next_at=FAR,
    )  # fmt: skip
    record("machine.adoption_undone", machine, by=by, reason=reason, holder=former)
    _unstamp(machine, lease, by=by)
    _tell(machine, people, reason, by=by)
    return machine


def why_not(machine: Machine) -> str:
    """Why its holder cannot be taken away as if they had never been, in a sentence; empty where they can."""
    if machine.stage != Stage.ACTIVE:
        return _("It is %(stage)s.") % {"stage": machine.get_stage_display()}
    if Operation.objects.filter(machine=machine, kind=Operation.Kind.CREATE).exists():
        return _("It was ordered here. Its holder gives it back.")
    if machine.tenures.count() != 1:
        return _("It has changed hands since.")
    if machine.lease.held_at:
        return _("It is on hold.")
    return ""


def _unstamp(machine: Machine, lease: Lease, *, by: User) -> None:
    if machine.endpoint.mode != Endpoint.Mode.MANAGE:
        return
    at = clock.now()
    told = holding(machine, at) | {"holder": _("nobody"), "purpose": _("taken back from its holder")}
    order(
        machine,
        Operation.Kind.ANNOTATE,
        purpose=Operation.Purpose.STAMP,
        by=by,
        key=f"unstamp:{machine.pk}:{lease.started_at.isoformat()}",
        arguments={"holding": told},
    )


def _tell(machine: Machine, people: list[User], reason: str, *, by: User) -> None:
    for person in people:
        if person.pk != by.pk:
            post(
                person,
                "adoption_undone",
                key=f"adoption_undone:{machine.pk}:{clock.now().isoformat()}:{person.pk}",
                subject=_("%(machine)s is not yours any more") % {"machine": machine.name},
                context={"machine": machine.name, "words": reason},
                path="/machines/",
            )
