"""XAPI's words into ours: error codes into faults, power states, times and sizes. Knows nothing of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypervisors.contract import Power
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
from hypervisors.xen import sentences

NULL = "OpaqueRef:NULL"
MIB = 1 << 20

POWER = {"Running": Power.ON, "Halted": Power.OFF, "Suspended": Power.SUSPENDED, "Paused": Power.SUSPENDED}
"""A paused machine keeps its memory and uses no processor, too."""

FAULTS: dict[str, type[HypervisorError]] = {
    "BALLOONING_TIMEOUT_BEFORE_MIGRATION": Busy,
    "BOOTLOADER_FAILED": InvalidRequest,
    "CANNOT_CONTACT_HOST": Busy,
    "CANNOT_RESET_CONTROL_DOMAIN": InvalidRequest,
    "CHANGE_PASSWORD_REJECTED": AccessDenied,
    "DEFAULT_SR_NOT_FOUND": NotFound,
    "DEVICE_ALREADY_ATTACHED": WrongState,
    "DEVICE_ALREADY_DETACHED": WrongState,
    "DEVICE_ALREADY_EXISTS": Busy,
    "DEVICE_ATTACH_TIMEOUT": Busy,
    "DEVICE_DETACH_REJECTED": WrongState,
    "DEVICE_DETACH_TIMEOUT": WrongState,
    "DEVICE_NOT_ATTACHED": WrongState,
    "DISK_VBD_MUST_BE_READWRITE_FOR_HVM": InvalidRequest,
    "DOMAIN_EXISTS": Busy,
    "EVENTS_LOST": Busy,
    "EVENT_FROM_TOKEN_PARSE_FAILURE": InvalidRequest,
    "EVENT_SUBSCRIPTION_PARSE_FAILURE": InvalidRequest,
    "FAILED_TO_START_EMULATOR": Busy,
    "FIELD_TYPE_ERROR": InvalidRequest,
    "HANDLE_INVALID": NotFound,
    "HA_OPERATION_WOULD_BREAK_FAILOVER_PLAN": NoCapacity,
    "HOST_BROKEN": Busy,
    "HOST_CANNOT_ATTACH_NETWORK": NoCapacity,
    "HOST_DISABLED": NoCapacity,
    "HOST_IS_LIVE": WrongState,
    "HOST_IS_SLAVE": Unreachable,
    "HOST_NOT_ENOUGH_FREE_MEMORY": NoCapacity,
    "HOST_NOT_ENOUGH_PCPUS": NoCapacity,
    "HOST_NOT_LIVE": NoCapacity,
    "HOST_OFFLINE": NoCapacity,
    "HOST_STILL_BOOTING": Busy,
    "IMPORT_ERROR": InvalidRequest,
    "IMPORT_ERROR_PREMATURE_EOF": Unreachable,
    "IMPORT_ERROR_UNEXPECTED_FILE": InvalidRequest,
    "INVALID_DEVICE": InvalidRequest,
    "INVALID_VALUE": InvalidRequest,
    "LICENCE_RESTRICTION": Unsupported,
    "LICENSE_EXPIRED": Unsupported,
    "LOCATION_NOT_UNIQUE": InvalidRequest,
    "MAC_DOES_NOT_EXIST": InvalidRequest,
    "MAC_INVALID": InvalidRequest,
    "MAC_STILL_EXISTS": InvalidRequest,
    "MAP_DUPLICATE_KEY": Busy,
    "MEMORY_CONSTRAINT_VIOLATION": InvalidRequest,
    "MEMORY_CONSTRAINT_VIOLATION_MAXPIN": InvalidRequest,
    "MEMORY_CONSTRAINT_VIOLATION_ORDER": InvalidRequest,
    "MESSAGE_DEPRECATED": Unsupported,
    "MESSAGE_METHOD_UNKNOWN": Unsupported,
    "MESSAGE_PARAMETER_COUNT_MISMATCH": Unsupported,
    "MESSAGE_REMOVED": Unsupported,
    "NETWORK_CONTAINS_PIF": WrongState,
    "NETWORK_CONTAINS_VIF": WrongState,
    "NETWORK_INCOMPATIBLE_PURPOSES": InvalidRequest,
    "NETWORK_SRIOV_INSUFFICIENT_CAPACITY": NoCapacity,
    "NOT_IMPLEMENTED": Unsupported,
    "NOT_SUPPORTED_DURING_UPGRADE": Busy,
    "NOT_SYSTEM_DOMAIN": InvalidRequest,
    "NO_HOSTS_AVAILABLE": NoCapacity,
    "OPERATION_BLOCKED": WrongState,
    "OPERATION_NOT_ALLOWED": WrongState,
    "OTHER_OPERATION_IN_PROGRESS": Busy,
    "PERMISSION_DENIED": AccessDenied,
    "PROVISION_FAILED_OUT_OF_SPACE": NoCapacity,
    "PROVISION_ONLY_ALLOWED_ON_TEMPLATE": WrongState,
    "RBAC_PERMISSION_DENIED": AccessDenied,
    "REVERT_ONLY_ALLOWED_ON_SNAPSHOT": InvalidRequest,
    "SESSION_AUTHENTICATION_FAILED": AccessDenied,
    "SESSION_AUTHORIZATION_FAILED": AccessDenied,
    "SESSION_INVALID": Unreachable,
    "SESSION_NOT_REGISTERED": InvalidRequest,
    "SR_ATTACH_FAILED": Busy,
    "SR_BACKEND_FAILURE_44": NoCapacity,
    "SR_BACKEND_FAILURE_46": Busy,
    "SR_BACKEND_FAILURE_79": InvalidRequest,
    "SR_BACKEND_FAILURE_109": WrongState,
    "SR_DEVICE_IN_USE": Busy,
    "SR_FULL": NoCapacity,
    "SR_HAS_NO_PBDS": WrongState,
    "SR_HAS_PBD": WrongState,
    "SR_INDESTRUCTIBLE": InvalidRequest,
    "SR_NOT_ATTACHED": WrongState,
    "SR_NOT_EMPTY": WrongState,
    "SR_NOT_SHARABLE": InvalidRequest,
    "SR_OPERATION_NOT_SUPPORTED": WrongState,
    "SR_UNKNOWN_DRIVER": Unsupported,
    "SR_UUID_EXISTS": InvalidRequest,
    "SR_VDI_LOCKING_FAILED": Busy,
    "TASK_CANCELLED": WrongState,
    "TOO_BUSY": Busy,
    "TOO_MANY_PENDING_TASKS": Busy,
    "UNIMPLEMENTED_IN_SM_BACKEND": Unsupported,
    "UNKNOWN_BOOTLOADER": InvalidRequest,
    "USER_IS_NOT_LOCAL_SUPERUSER": AccessDenied,
    "UUID_INVALID": NotFound,
    "VALUE_NOT_SUPPORTED": InvalidRequest,
    "VBD_CDS_MUST_BE_READONLY": InvalidRequest,
    "VBD_IS_EMPTY": WrongState,
    "VBD_NOT_EMPTY": WrongState,
    "VBD_NOT_REMOVABLE_MEDIA": InvalidRequest,
    "VBD_NOT_UNPLUGGABLE": WrongState,
    "VBD_TRAY_LOCKED": WrongState,
    "VDI_HAS_RRDS": WrongState,
    "VDI_INCOMPATIBLE_TYPE": InvalidRequest,
    "VDI_IN_USE": WrongState,
    "VDI_IO_ERROR": Busy,
    "VDI_IS_A_PHYSICAL_DEVICE": InvalidRequest,
    "VDI_IS_SHARABLE": InvalidRequest,
    "VDI_LOCATION_MISSING": NotFound,
    "VDI_MISSING": NotFound,
    "VDI_NOT_AVAILABLE": Busy,
    "VDI_NOT_IN_MAP": InvalidRequest,
    "VDI_NOT_MANAGED": InvalidRequest,
    "VDI_NOT_SPARSE": InvalidRequest,
    "VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION": WrongState,
    "VDI_READONLY": InvalidRequest,
    "VDI_TOO_SMALL": InvalidRequest,
    "VM_BAD_POWER_STATE": WrongState,
    "VM_BIOS_STRINGS_ALREADY_SET": WrongState,
    "VM_CANNOT_DELETE_DEFAULT_TEMPLATE": InvalidRequest,
    "VM_CHECKPOINT_RESUME_FAILED": Busy,
    "VM_CHECKPOINT_SUSPEND_FAILED": Busy,
    "VM_CRASHED": WrongState,
    "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT": WrongState,
    "VM_HALTED": WrongState,
    "VM_HAS_CHECKPOINT": WrongState,
    "VM_HAS_PCI_ATTACHED": WrongState,
    "VM_HAS_VGPU": WrongState,
    "VM_HAS_VUSBS": WrongState,
    "VM_HOST_INCOMPATIBLE_VERSION": NoCapacity,
    "VM_HOST_INCOMPATIBLE_VIRTUAL_HARDWARE_PLATFORM_VERSION": NoCapacity,
    "VM_HVM_REQUIRED": NoCapacity,
    "VM_INCOMPATIBLE_WITH_THIS_HOST": NoCapacity,
    "VM_IS_IMMOBILE": WrongState,
    "VM_IS_PROTECTED": WrongState,
    "VM_IS_SNAPSHOT": InvalidRequest,
    "VM_IS_TEMPLATE": InvalidRequest,
    "VM_LACKS_FEATURE": WrongState,
    "VM_MISSING_PV_DRIVERS": WrongState,
    "VM_NON_SUSPENDABLE": WrongState,
    "VM_NO_SUSPEND_SR": Unsupported,
    "VM_NO_VCPUS": InvalidRequest,
    "VM_OLD_PV_DRIVERS": WrongState,
    "VM_REBOOTED": WrongState,
    "VM_REQUIRES_GPU": NoCapacity,
    "VM_REQUIRES_IOMMU": NoCapacity,
    "VM_REQUIRES_NETWORK": NoCapacity,
    "VM_REQUIRES_SR": NoCapacity,
    "VM_REQUIRES_VGPU": NoCapacity,
    "VM_REVERT_FAILED": WrongState,
    "VM_SHUTDOWN_TIMEOUT": WrongState,
    "VM_SNAPSHOT_WITH_QUIESCE_FAILED": WrongState,
    "VM_SNAPSHOT_WITH_QUIESCE_NOT_SUPPORTED": Unsupported,
    "VM_SNAPSHOT_WITH_QUIESCE_PLUGIN_DEOS_NOT_RESPOND": Busy,
    "VM_SNAPSHOT_WITH_QUIESCE_TIMEOUT": Busy,
    "VM_TO_IMPORT_IS_NOT_NEWER_VERSION": InvalidRequest,
    "VM_UNSAFE_BOOT": WrongState,
    "XENAPI_MISSING_PLUGIN": Unsupported,
    "XENAPI_PLUGIN_FAILURE": HypervisorError,
    "XEN_VSS_REQ_ERROR_NO_VOLUMES_SUPPORTED": Unsupported,
}
"""Every code of the contract paper. Of SR_BACKEND_FAILURE_NN those that its calls can end with."""


def fault(details: Sequence[object]) -> HypervisorError:
    """Our error for an ErrorDescription: the code, then its parameters. The native text goes along for operators."""
    said = [str(detail) for detail in details] or ["(no code)"]
    kind = FAULTS.get(said[0], HypervisorError)
    return kind(sentences.of(said, kind), native=line(" ".join(said), 500))


def code(error: HypervisorError) -> str:
    """XAPI's own code behind one of our errors; empty when it is not XAPI that refused."""
    return error.native.partition(" ")[0]


def when(text: object) -> datetime | None:
    """`20261120T05:09:27Z`, as XAPI writes times; its epoch means never."""
    try:
        found = datetime.strptime(str(text).rstrip("Z"), "%Y%m%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.year > 1970 else None


def number(text: object, default: int = 0) -> int:
    """XAPI's integers are strings of digits; -1 means unknown."""
    try:
        return max(0, int(str(text)))
    except ValueError:
        return default


def mib(text: object) -> int:
    """Bytes in MiB, rounded up: what begins a MiB takes it."""
    return -(-number(text) // MIB)


def uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def cells(value: object) -> dict[str, str]:
    """A map of strings; anything else is an empty one."""
    return {str(key): str(cell) for key, cell in value.items()} if isinstance(value, dict) else {}


def refs(value: object) -> list[str]:
    """A set of references, without the null one."""
    return [str(ref) for ref in value if ref != NULL] if isinstance(value, list) else []
