"""libvirt's words into ours: error codes into faults, states into power, namespaces into systems. Imports no libvirt.

Codes and their meaning: libvirt/virterror.h of libvirt 9; the texts are those of its QEMU and storage drivers.
"""

from __future__ import annotations

import re

from hypervisors.contract import Power
from hypervisors.errors import (
    AccessDenied,
    Busy,
    HypervisorError,
    InvalidRequest,
    NameTaken,
    NoCapacity,
    NotFound,
    Unreachable,
    Unsupported,
    WrongState,
)

"""Also what a key of an order may hold."""

POWER = {
    0: Power.UNKNOWN,  # no state
    1: Power.ON,  # running
    2: Power.ON,  # blocked on a resource
    3: Power.SUSPENDED,  # paused
    4: Power.ON,  # being shut down
    5: Power.OFF,  # shut off
    6: Power.OFF,  # crashed
    7: Power.SUSPENDED,  # suspended by the guest's power management
}

ASLEEP = 7
"""A guest that put itself to sleep: woken, not resumed."""

MANAGED_BY = {
    "http://openstack.org/xmlns/libvirt/nova/": "OpenStack",
    "http://ovirt.org/vm/": "oVirt",
    "http://kubevirt.io": "KubeVirt",
    "http://cloudstack.apache.org": "CloudStack",
    "http://opennebula.org/xmlns/libvirt/": "OpenNebula",
}
"""Start of a namespace in a domain's metadata -> the system that manages the domain."""

FROM_RPC = {7, 13}  # VIR_FROM_RPC, VIR_FROM_REMOTE: the connection itself, not what was asked over it

FAULTS: dict[int, type[HypervisorError]] = {
    0: Busy,  # OK: the call failed, and freeing another object overwrote why before anybody could read it
    2: Busy,  # NO_MEMORY
    3: Unsupported,  # NO_SUPPORT
    4: Unreachable,  # UNKNOWN_HOST
    5: Unreachable,  # NO_CONNECT
    6: Unreachable,  # INVALID_CONN
    7: InvalidRequest,  # INVALID_DOMAIN
    8: InvalidRequest,  # INVALID_ARG
    16: InvalidRequest,  # OS_TYPE
    17: InvalidRequest,  # NO_KERNEL
    18: InvalidRequest,  # NO_ROOT
    19: InvalidRequest,  # NO_SOURCE
    20: InvalidRequest,  # NO_TARGET
    21: InvalidRequest,  # NO_NAME
    22: InvalidRequest,  # NO_OS
    23: InvalidRequest,  # NO_DEVICE
    27: InvalidRequest,  # XML_ERROR
    28: NameTaken,  # DOM_EXIST
    29: AccessDenied,  # OPERATION_DENIED: also what a read-only connection gets
    32: InvalidRequest,  # PARSE_FAILED
    35: InvalidRequest,  # XML_DETAIL
    36: InvalidRequest,  # INVALID_NETWORK
    37: NameTaken,  # NETWORK_EXIST
    39: Unreachable,  # RPC
    42: NotFound,  # NO_DOMAIN
    43: NotFound,  # NO_NETWORK
    44: InvalidRequest,  # INVALID_MAC
    45: AccessDenied,  # AUTH_FAILED
    46: InvalidRequest,  # INVALID_STORAGE_POOL
    47: InvalidRequest,  # INVALID_STORAGE_VOL
    49: NotFound,  # NO_STORAGE_POOL
    50: NotFound,  # NO_STORAGE_VOL
    54: Unsupported,  # NO_SECURITY_MODEL
    55: WrongState,  # OPERATION_INVALID
    57: NotFound,  # NO_INTERFACE
    58: InvalidRequest,  # INVALID_INTERFACE
    62: NotFound,  # NO_NWFILTER
    66: NotFound,  # NO_SECRET
    67: InvalidRequest,  # CONFIG_UNSUPPORTED
    68: Busy,  # OPERATION_TIMEOUT: the domain's lock is held
    71: InvalidRequest,  # INVALID_DOMAIN_SNAPSHOT
    72: NotFound,  # NO_DOMAIN_SNAPSHOT
    73: Busy,  # INVALID_STREAM: the transfer broke off
    74: Unsupported,  # ARGUMENT_UNSUPPORTED
    77: WrongState,  # SNAPSHOT_REVERT_RISKY
    78: Busy,  # OPERATION_ABORTED
    79: AccessDenied,  # AUTH_CANCELLED
    80: NotFound,  # NO_DOMAIN_METADATA
    82: InvalidRequest,  # OVERFLOW
    83: Busy,  # BLOCK_COPY_ACTIVE
    84: Unsupported,  # OPERATION_UNSUPPORTED
    86: Busy,  # AGENT_UNRESPONSIVE
    87: Busy,  # RESOURCE_BUSY
    88: AccessDenied,  # ACCESS_DENIED
    90: NameTaken,  # STORAGE_VOL_EXIST
    91: InvalidRequest,  # CPU_INCOMPATIBLE
    92: InvalidRequest,  # XML_INVALID_SCHEMA
    94: AccessDenied,  # AUTH_UNAVAILABLE
    95: Unreachable,  # NO_SERVER
    97: Busy,  # AGENT_UNSYNCED
    99: NotFound,  # DEVICE_MISSING
    103: NotFound,  # NO_DOMAIN_CHECKPOINT
    104: NotFound,  # NO_DOMAIN_BACKUP
    105: InvalidRequest,  # INVALID_NETWORK_PORT
    106: NameTaken,  # NETWORK_PORT_EXIST
    107: NotFound,  # NO_NETWORK_PORT
    108: Unreachable,  # NO_HOSTNAME
    109: WrongState,  # CHECKPOINT_INCONSISTENT
}

UNSPECIFIC = {1, 9, 38, 40, 55}  # INTERNAL_ERROR, OPERATION_FAILED, SYSTEM_ERROR, GNUTLS_ERROR, OPERATION_INVALID
TEXTS: tuple[tuple[re.Pattern[str], type[HypervisorError]], ...] = (
    (
        re.compile(r"already exists with uuid|(volume target path|with name|domain moment) .* already exists"),
        NameTaken,
    ),
    (re.compile(r"volume name .* already in use"), NameTaken),
    (re.compile(r"No space left|[Qq]uota exceeded"), NoCapacity),
    (re.compile(r"[Cc]annot set up guest memory|Cannot allocate memory"), NoCapacity),
    (re.compile(r"still being allocated|asynchronous jobs running|state change lock|process of unplug"), Busy),
    (re.compile(r"Failed to get .* lock"), WrongState),  # a program beside libvirt has the file open
    (re.compile(r"has snapshots|in use by|is not running|is already (running|active)"), WrongState),
)
"""For codes that say nothing by themselves, the text decides."""

TRUST = re.compile(r"certificate|Permission denied", re.IGNORECASE)

SENTENCES: dict[type[HypervisorError], str] = {
    AccessDenied: "The host refuses access, or cannot prove who it is.",
    Busy: "The host cannot do this right now.",
    InvalidRequest: "The host refuses what was asked.",
    NameTaken: "Something else on the host has this name.",
    NoCapacity: "The host has no room for this.",
    NotFound: "The host does not have this any more.",
    Unreachable: "The host does not answer.",
    Unsupported: "The host cannot do this.",
    WrongState: "This is not possible in the machine's present state.",
}


def fault(code: int, domain: int, text: str) -> HypervisorError:
    """Our error for one of libvirt's; the native text goes along for operators."""
    kind = FAULTS.get(code, HypervisorError)
    if code in UNSPECIFIC:
        kind = next((found for pattern, found in TEXTS if pattern.search(text)), kind)
        if kind is HypervisorError and domain in FROM_RPC:
            kind = AccessDenied if TRUST.search(text) else Unreachable
    return kind(SENTENCES.get(kind, "The host reports a fault."), native=f"libvirt {code}/{domain}: {text[:500]}")
