"""Start, stop and restart, as the holder asks for them; and what follows when the hypervisor has done it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors.contract import MachineFacts
from lifecycle import clock
from lifecycle.errors import Conflict
from lifecycle.estate.facts import observe
from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.estate.permissions import OPERATE
from lifecycle.notices.actions import post
from lifecycle.operations.actions import order
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import require

Kind = Operation.Kind

USELESS = {Kind.POWER_ON: Power.ON, Kind.SHUTDOWN: Power.OFF}
WORDS_OF_PEOPLE = ("cancelled", "given_up")
"""Error codes of what ended because a person said so."""
CAUSES = {Kind.POWER_ON: "started", Kind.SHUTDOWN: "stopped", Kind.POWER_OFF: "stopped", Kind.RESTART: "restarted"}


def start(machine: Machine, *, by: User) -> Operation:
    return _ask(machine, Kind.POWER_ON, by=by)


def shut_down(machine: Machine, *, by: User) -> Operation:
    return _ask(machine, Kind.SHUTDOWN, by=by)


def restart(machine: Machine, *, by: User) -> Operation:
    return _ask(machine, Kind.RESTART, by=by)


@transaction.atomic
def _ask(machine: Machine, kind: Operation.Kind, *, by: User) -> Operation:
    """One operation however often it is pressed: while one of the kind is open, that one is returned."""
    require(by, OPERATE, machine)
    machine = Machine.objects.select_for_update().get(pk=machine.pk)
    if machine.stage != Stage.ACTIVE:
        raise Conflict(
            _("%(machine)s is %(stage)s; its power cannot be changed now.")
            % {"machine": machine, "stage": machine.get_stage_display()}
        )
    under_way = Operation.objects.filter(machine=machine, state__in=Operation.OPEN).exclude(kind__in=Operation.QUIET)
    if (same := under_way.filter(kind=kind).first()) is not None:
        return same
    if under_way.exists():
        raise Conflict(_("Something else is under way on %(machine)s. Wait until it is done.") % {"machine": machine})
    if kind == Kind.RESTART and machine.power != Power.ON:
        raise Conflict(_("%(machine)s is not running. Start it instead.") % {"machine": machine})
    if machine.power == USELESS.get(kind):
        raise Conflict(
            _("%(machine)s is %(power)s already.") % {"machine": machine, "power": machine.get_power_display()}
        )
    return order(machine, kind, purpose=Operation.Purpose.HOLDER, by=by, key=f"power:{machine.pk}:{uuid.uuid4().hex}")


def done(operation: Operation, facts: MachineFacts | None) -> None:
    if facts is not None:
        observe(operation.on_machine, facts, at=clock.now(), cause=CAUSES[Kind(operation.kind)])


def failed(operation: Operation, facts: MachineFacts | None) -> None:
    """Whoever pressed the button hears that it did not work, or that it was cancelled."""
    if operation.asked_by is None or ended_by_asker(operation):
        return
    cancelled = operation.state == Operation.State.CANCELLED
    subject = _("%(what)s was cancelled on %(machine)s") if cancelled else _("%(what)s did not work on %(machine)s")
    post(
        operation.asked_by,
        "power_failed",
        key=f"power_failed:{operation.pk}",
        subject=subject % {"what": operation.get_kind_display(), "machine": operation.on_machine},
        context={"machine": operation.on_machine.name, "error": why(operation)},
        path=f"/machines/{operation.machine_id}/",
    )


def ended_by_asker(operation: Operation) -> bool:
    """It ended by the word of the very person who asked for it: they know."""
    return operation.error_code in WORDS_OF_PEOPLE and operation.verdict_by_id == operation.asked_by_id


def why(operation: Operation) -> str:
    """What went wrong; of a person's word also whose it was."""
    if operation.error_code in WORDS_OF_PEOPLE and operation.verdict_by is not None:
        return _("%(who)s: “%(reason)s”") % {"who": operation.verdict_by, "reason": operation.error}
    return operation.error


def nothing(operation: Operation, facts: MachineFacts | None) -> None:
    """Nothing follows."""
