"""libvirt's words into ours: targets into URIs, error codes into faults, states into power. Imports no libvirt."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypervisors.contract import Power, Target
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
from hypervisors.fields import PEM_BLOCK, check_common, host

TLS_PORT = 16514
SOCKET_PATH = re.compile(r"/[A-Za-z0-9._/-]{1,106}")  # the kernel takes 107 bytes
OPERATION = re.compile(r"[a-z0-9-]{1,64}")

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
    8: InvalidRequest,  # INVALID_ARG
    16: InvalidRequest,  # OS_TYPE
    21: InvalidRequest,  # NO_NAME
    27: InvalidRequest,  # XML_ERROR
    28: NameTaken,  # DOM_EXIST
    29: AccessDenied,  # OPERATION_DENIED: also what a read-only connection gets
    32: InvalidRequest,  # PARSE_FAILED
    35: InvalidRequest,  # XML_DETAIL
    37: NameTaken,  # NETWORK_EXIST
    39: Unreachable,  # RPC
    42: NotFound,  # NO_DOMAIN
    43: NotFound,  # NO_NETWORK
    45: AccessDenied,  # AUTH_FAILED
    49: NotFound,  # NO_STORAGE_POOL
    50: NotFound,  # NO_STORAGE_VOL
    55: WrongState,  # OPERATION_INVALID
    67: InvalidRequest,  # CONFIG_UNSUPPORTED
    68: Busy,  # OPERATION_TIMEOUT: the domain's lock is held
    74: Unsupported,  # ARGUMENT_UNSUPPORTED
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
    97: Busy,  # AGENT_UNSYNCED
}

UNSPECIFIC = {1, 9, 38, 40, 55}  # INTERNAL_ERROR, OPERATION_FAILED, SYSTEM_ERROR, GNUTLS_ERROR, OPERATION_INVALID
TEXTS: tuple[tuple[re.Pattern[str], type[HypervisorError]], ...] = (
    (re.compile(r"already exists with uuid|volume target path .* already exists"), NameTaken),
    (re.compile(r"No space left|[Qq]uota exceeded"), NoCapacity),
    (re.compile(r"[Cc]annot set up guest memory|Cannot allocate memory"), NoCapacity),
    (re.compile(r"still being allocated|asynchronous jobs running|state change lock"), Busy),
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


def uri(target: Target) -> str:
    """The connection URI, built from fields of the allow-list only. Raises InvalidRequest naming the field."""
    check_common(target)
    if target.transport == "unix":
        return _unix_uri(target)
    if target.transport == "tls":
        return _tls_uri(target)
    raise InvalidRequest("transport: choose unix (a local socket) or tls.")


def _unix_uri(target: Target) -> str:
    if target.address or target.port is not None:
        raise InvalidRequest("address: a local socket has neither address nor port.")
    if not SOCKET_PATH.fullmatch(target.path) or ".." in target.path.split("/"):
        raise InvalidRequest("path: give the absolute path of libvirt's socket, in letters, digits and ._/- only.")
    return f"qemu+unix:///system?socket={target.path}"


def _tls_uri(target: Target) -> str:
    if target.path:
        raise InvalidRequest("path: only a local socket has a path.")
    port = TLS_PORT if target.port is None else target.port
    return f"qemu+tls://{host(target.address)}:{port}/system"


def pki_query(folder: str) -> str:
    return f"?pkipath={quote(folder, safe='/')}"


def client_identity(secret: str) -> tuple[str, str]:
    """Client certificate and key, when the secret holds both in PEM form; otherwise two empty texts."""
    blocks = [(found[1], found[0]) for found in PEM_BLOCK.finditer(secret)]
    certificate = "".join(text.rstrip("\n") + "\n" for label, text in blocks if label == "CERTIFICATE")
    key = "".join(text.rstrip("\n") + "\n" for label, text in blocks if label.endswith("PRIVATE KEY"))
    return (certificate, key) if certificate and key else ("", "")
