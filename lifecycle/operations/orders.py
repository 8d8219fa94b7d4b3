"""From an operation's row to the contract's order: plain data, so that a retry asks exactly the same again."""

from __future__ import annotations

from typing import Any

from hypervisors.contract import (
    Annotate,
    CreateMachine,
    Holding,
    Order,
    PowerOff,
    PowerOn,
    RemoveMachine,
    Restart,
    Shutdown,
    Stamp,
)
from lifecycle.errors import Invalid
from lifecycle.operations.models import Operation

Kind = Operation.Kind


def stamp_of(operation: Operation) -> Stamp:
    """Unique beyond this installation: another portal on the same hypervisor has operations of equal numbers."""
    return Stamp(operation=f"{operation.pk}-{operation.machine.uuid.hex[:12]}", uuid=operation.machine.uuid)


def order_of(operation: Operation) -> Order:
    arguments: dict[str, Any] = operation.arguments
    ref = operation.machine.native_ref
    match operation.kind:
        case Kind.CREATE:
            fields = {
                key: arguments[key] for key in ("name", "image_ref", "pool_ref", "vcpus", "memory_mib", "disk_mib")
            }
            return CreateMachine(stamp=stamp_of(operation), holding=Holding(**arguments["holding"]), **fields)
        case Kind.POWER_ON:
            return PowerOn(ref)
        case Kind.POWER_OFF:
            return PowerOff(ref)
        case Kind.SHUTDOWN:
            return Shutdown(ref, patience=arguments.get("patience", 60))
        case Kind.RESTART:
            return Restart(ref)
        case Kind.ANNOTATE:
            return Annotate(ref, holding=Holding(**arguments["holding"]))
        case Kind.REMOVE:
            return RemoveMachine(ref, uuid=operation.machine.uuid)
    raise Invalid(f"There is no order for {operation.kind!r}.")
