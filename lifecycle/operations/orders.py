"""From an operation's row to the contract's order: plain data, so that a retry asks exactly the same again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from hypervisors.contract import (
    Annotate,
    CreateMachine,
    DetachSeed,
    Holding,
    Order,
    PowerOff,
    PowerOn,
    RemoveMachine,
    Restart,
    Seed,
    Shutdown,
    Stamp,
)
from hypervisors.errors import InvalidRequest
from lifecycle.errors import Invalid
from lifecycle.estate.secrets import Unreadable
from lifecycle.operations.models import Operation

Kind = Operation.Kind


def stamp_of(operation: Operation, *, creation: int | None = None) -> Stamp:
    """Unique beyond this installation: another portal on the same hypervisor has operations of equal numbers.

    `creation`: the operation that made the machine, where this is another.
    """
    machine = operation.machine
    return Stamp(operation=f"{creation or operation.pk}-{machine.uuid.hex[:12]}", uuid=machine.uuid)


@sensitive_variables()
def seed_of(operation: Operation) -> Seed | None:
    """What the guest is told at its first start; what is secret of it stands in a row of its own."""
    told = operation.arguments.get("seed")
    if told is None:
        return None
    kept = getattr(operation.machine, "seed", None)
    try:
        user_data = kept.reveal_user_data() if kept else ""
    except Unreadable as error:
        lost = _("What the machine was to be told at its first start cannot be read any more. Ask for it anew.")
        raise InvalidRequest(lost, native=str(error)) from None
    return Seed(hostname=told["hostname"], ssh_keys=tuple(told["ssh_keys"]), user_data=user_data)


def order_of(operation: Operation) -> Order:
    arguments: dict[str, Any] = operation.arguments
    ref = operation.machine.native_ref
    match operation.kind:
        case Kind.CREATE:
            fields = {
                key: arguments[key] for key in ("name", "image_ref", "pool_ref", "vcpus", "memory_mib", "disk_mib")
            }
            holding, seed = Holding(**arguments["holding"]), seed_of(operation)
            return CreateMachine(stamp=stamp_of(operation), holding=holding, seed=seed, **fields)
        case Kind.DETACH_SEED:
            return DetachSeed(ref, stamp=stamp_of(operation, creation=arguments["creation"]))
        case Kind.POWER_ON:
            return PowerOn(ref)
        case Kind.POWER_OFF:
            return PowerOff(ref)
        case Kind.SHUTDOWN:
            return Shutdown(ref, patience=arguments.get("patience", settings.SHUTDOWN_PATIENCE))
        case Kind.RESTART:
            return Restart(ref)
        case Kind.ANNOTATE:
            return Annotate(ref, holding=Holding(**arguments["holding"]))
        case Kind.REMOVE:
            return RemoveMachine(ref, uuid=operation.machine.uuid)
    raise Invalid(f"There is no order for {operation.kind!r}.")
