"""What a person is told for an error of XAPI's."""

from __future__ import annotations

from collections.abc import Sequence

from hypervisors.errors import (
    AccessDenied,
    Busy,
    HypervisorError,
    InvalidRequest,
    NoCapacity,
    NotFound,
    Unreachable,
    Unsupported,
    WrongState,
)
from hypervisors.words import line

KINDS: dict[type[HypervisorError], str] = {
    AccessDenied: "The pool refuses access.",
    Busy: "The pool cannot do this right now.",
    InvalidRequest: "The pool refuses what was asked.",
    NoCapacity: "The pool has no room for this.",
    NotFound: "The pool does not have this any more.",
    Unreachable: "The pool does not answer.",
    Unsupported: "The pool cannot do this.",
    WrongState: "This is not possible in the machine's present state.",
}

CODES: dict[str, str] = {
    "BOOTLOADER_FAILED": "The machine's boot loader failed.",
    "CANNOT_CONTACT_HOST": "The pool cannot reach one of its hosts.",
    "DEFAULT_SR_NOT_FOUND": "The pool has no default storage.",
    "DEVICE_ATTACH_TIMEOUT": "The guest has not taken the device in time.",
    "DEVICE_DETACH_REJECTED": "The guest does not let go of the device.",
    "DEVICE_DETACH_TIMEOUT": "The guest has not let go of the device in time.",
    "DISK_VBD_MUST_BE_READWRITE_FOR_HVM": "Disks of this machine must not be for reading only.",
    "FAILED_TO_START_EMULATOR": "The host could not start the machine's devices.",
    "HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN": "The pool could not survive the loss of a host any more.",
    "HOST_BROKEN": "The host is out of order.",
    "HOST_CANNOT_ATTACH_NETWORK": "The host cannot reach the machine's network.",
    "HOST_DISABLED": "The host is in maintenance.",
    "HOST_IS_SLAVE": "The address is not the pool's coordinator, and the coordinator is not reached.",
    "HOST_NOT_LIVE": "The host is not there.",
    "HOST_OFFLINE": "The host is not there.",
    "HOST_STILL_BOOTING": "The host is still starting.",
    "INTERNAL_ERROR": "The pool reports an internal fault.",
    "LICENCE_RESTRICTION": "The pool's licence does not cover this.",
    "LICENSE_EXPIRED": "The pool's licence has expired.",
    "MAC_INVALID": "The MAC address is not one.",
    "MEMORY_CONSTRAINT_VIOLATION": "The pool refuses this amount of memory.",
    "MEMORY_CONSTRAINT_VIOLATION_MAXPIN": "The pool refuses this amount of memory.",
    "MEMORY_CONSTRAINT_VIOLATION_ORDER": "The pool refuses this amount of memory.",
    "NOT_SUPPORTED_DURING_UPGRADE": "The pool is being upgraded.",
    "NO_HOSTS_AVAILABLE": "No host of the pool can run the machine.",
    "OPERATION_BLOCKED": "Somebody has blocked this for the machine.",
    "OTHER_OPERATION_IN_PROGRESS": "Something else is being done with the machine.",
    "RBAC_PERMISSION_DENIED": "The account may not do this.",
    "SESSION_AUTHENTICATION_FAILED": "The account or its password is wrong.",
    "SESSION_AUTHORIZATION_FAILED": "The account has no role on this pool.",
    "SESSION_INVALID": "The session ended.",
    "SR_BACKEND_FAILURE_44": "The storage has no room for this.",
    "SR_BACKEND_FAILURE_46": "The disk is not available right now.",
    "SR_BACKEND_FAILURE_79": "The storage refuses this size.",
    "SR_BACKEND_FAILURE_109": "The disk has too many snapshots behind it; some must be removed, or merged, first.",
    "SR_FULL": "The storage has no room for this.",
    "SR_NOT_ATTACHED": "The storage is not attached to a host.",
    "SR_OPERATION_NOT_SUPPORTED": "The storage cannot do this while the machine runs.",
    "TASK_CANCELLED": "Somebody cancelled the work at the pool.",
    "VBD_NOT_UNPLUGGABLE": "The disk cannot be taken away while the machine runs.",
    "VDI_IN_USE": "The disk is in use.",
    "VDI_IO_ERROR": "The storage could not read or write.",
    "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT": "The guest does not listen.",
    "VM_HAS_PCI_ATTACHED": "A device of the host is passed through to the machine.",
    "VM_HAS_VGPU": "The machine has a virtual graphics processor.",
    "VM_HAS_VUSBS": "A USB device of the host is passed through to the machine.",
    "VM_HVM_REQUIRED": "The host's processor cannot run such machines.",
    "VM_IS_IMMOBILE": "The machine cannot be suspended or moved.",
    "VM_IS_TEMPLATE": "This is an image, and not a machine.",
    "VM_LACKS_FEATURE": "The guest cannot be asked: it has no agent that listens.",
    "VM_MISSING_PV_DRIVERS": "The guest has no drivers for this.",
    "VM_NO_SUSPEND_SR": "The pool has no storage for suspended machines.",
    "VM_OLD_PV_DRIVERS": "The guest's drivers are too old for this.",
    "VM_REQUIRES_GPU": "The host has no graphics processor for the machine.",
    "VM_REQUIRES_IOMMU": "The host cannot pass devices through.",
    "VM_REQUIRES_NETWORK": "The host cannot reach the machine's network.",
    "VM_REQUIRES_SR": "The host cannot reach the machine's storage.",
    "VM_REQUIRES_VGPU": "The host has no virtual graphics processor for the machine.",
    "VM_REVERT_FAILED": "The pool could not take the machine back to its snapshot.",
    "VM_SHUTDOWN_TIMEOUT": "The guest has not stopped in time.",
}


def of(said: Sequence[str], kind: type[HypervisorError]) -> str:
    """`said` is the code and its parameters, all text."""
    code, given = said[0], list(said[1:])
    if code == "HOST_NOT_ENOUGH_FREE_MEMORY" and len(given) == 2 and all(text.isdigit() for text in given):
        needed, free = (int(text) >> 20 for text in given)
        return f"The host has {free} MiB of memory left, and the machine needs {needed} MiB."
    if code == "HOST_NOT_ENOUGH_PCPUS" and len(given) == 2:
        return f"The host has {line(given[1], 20)} processors, and the machine has {line(given[0], 20)} vCPUs."
    if code == "VM_BAD_POWER_STATE" and len(given) == 3:
        return f"The machine is {line(given[2], 20)}; this needs one that is {line(given[1], 60)}."
    return CODES.get(code) or KINDS.get(kind, "The pool reports a fault.")
