"""From an operation's row to the contract's order: plain data, so that a retry asks exactly the same again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    RemoveDiskFile,
    RemoveMachine,
    Rename,
    Resize,
    Restart,
    RestoreDiskFile,
    RetireDiskFile,
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
    machine = operation.on_machine
    return Stamp(operation=f"{creation or operation.pk}-{machine.uuid.hex[:12]}", uuid=machine.uuid)


@sensitive_variables()
def seed_of(operation: Operation) -> Seed | None:
    """What the guest is told at its first start; what is secret of it stands in a row of its own."""
    told = operation.arguments.get("seed")
    if told is None:
        return None
    kept = getattr(operation.on_machine, "seed", None)
    try:
        user_data = kept.reveal_user_data() if kept else ""
    except Unreadable as error:
        lost = _("What the machine was to be told at its first start cannot be read any more. Ask for it anew.")
        raise InvalidRequest(lost, native=str(error)) from None
    return Seed(hostname=told["hostname"], ssh_keys=tuple(told["ssh_keys"]), user_data=user_data)


def order_of(operation: Operation) -> Order:
    """The same order whenever it is asked. Raises Invalid for a kind without one."""
    if (of_file := FILE_ORDERS.get(operation.kind)) is not None:
        return of_file(operation.arguments)
    made = ORDERS.get(operation.kind)
    if made is None:
        raise Invalid(f"There is no order for {operation.kind!r}.")
    return made(operation, operation.on_machine.native_ref, operation.arguments)


def _creation(operation: Operation, _ref: str, arguments: dict[str, Any]) -> Order:
    names = ("name", "image_ref", "pool_ref", "vcpus", "memory_mib", "disk_mib")
    fields = {name: arguments[name] for name in names}
    holding = Holding(**arguments["holding"])
    return CreateMachine(stamp=stamp_of(operation), holding=holding, seed=seed_of(operation), **fields)


ORDERS: Mapping[str, Callable[[Operation, str, dict[str, Any]], Order]] = {
    Kind.CREATE: _creation,
    Kind.DETACH_SEED: lambda operation, ref, told: DetachSeed(ref, stamp_of(operation, creation=told["creation"])),
    Kind.POWER_ON: lambda _operation, ref, _told: PowerOn(ref),
    Kind.POWER_OFF: lambda _operation, ref, _told: PowerOff(ref),
    Kind.SHUTDOWN: lambda _operation, ref, told: Shutdown(ref, told.get("patience", settings.SHUTDOWN_PATIENCE)),
    Kind.RESTART: lambda _operation, ref, _told: Restart(ref),
    Kind.RENAME: lambda _operation, ref, told: Rename(ref, told["name"]),
    Kind.RESIZE: lambda _operation, ref, told: Resize(ref, told["vcpus"], told["memory_mib"]),
    Kind.ANNOTATE: lambda _operation, ref, told: Annotate(ref, Holding(**told["holding"])),
    Kind.REMOVE: lambda operation, ref, _told: RemoveMachine(ref, operation.on_machine.uuid),
}
"""What each kind asks of the hypervisor, from the machine's reference and what the operation was told."""

FILE_ORDERS: Mapping[str, Callable[[dict[str, Any]], Order]] = {
    Kind.RETIRE_FILE: lambda told: RetireDiskFile(told["ref"], told["key"]),
    Kind.RESTORE_FILE: lambda told: RestoreDiskFile(told["ref"], told["key"], told["name"]),
    Kind.REMOVE_FILE: lambda told: RemoveDiskFile(told["ref"], told["key"]),
}
"""Of disk files. Their references change with their names: the operation keeps the one that it was written for."""
