"""vSphere's words into ours: faults into errors, states into power, names as they are written. Opens no connection."""

from __future__ import annotations

import re
from typing import Any

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
from hypervisors.words import line

POWER = {"poweredOn": Power.ON, "poweredOff": Power.OFF, "suspended": Power.SUSPENDED}

MANAGERS = {
    "com.vmware.vim.eam": "vSphere ESX Agent Manager",
    "com.vmware.vcDr": "Site Recovery Manager",
    "com.vmware.vcHms": "vSphere Replication",
    "com.vmware.vcloud": "VMware Cloud Director",
    "com.vmware.vdi": "Horizon",
    "com.vmware.vcIntegrity": "vSphere Lifecycle Manager",
}
"""Start of the key of an extension that manages a machine -> what people call it."""
VCLS = re.compile(r"vCLS[- ]")
"""Cluster services that a vCenter makes for itself, when it does not mark them as managed."""

Rule = tuple[type[HypervisorError], str]

FAULTS: dict[str, Rule] = {
    # Who may.
    "InvalidLogin": (AccessDenied, "The account or its password is wrong."),
    "PasswordExpired": (AccessDenied, "The account's password has expired."),
    "InvalidLocale": (Unsupported, "The server does not speak English."),
    "NoPermission": (AccessDenied, "The account lacks a right that this needs."),
    "NotAuthenticated": (Unreachable, "The session ended."),
    "NoClientCertificate": (AccessDenied, "The server asks for a client certificate."),
    "SecurityError": (AccessDenied, "The server refuses this for reasons of security."),
    "RestrictedVersion": (Unsupported, "The licence of the host does not allow changes over the network."),
    "NotEnoughLicenses": (NoCapacity, "There are not enough licences for this."),
    "LicenseExpired": (Unsupported, "The licence has expired."),
    # What is not there.
    "ManagedObjectNotFound": (NotFound, "It does not exist any more."),
    "NotFound": (NotFound, "It does not exist."),
    "FileNotFound": (NotFound, "A file of this machine does not exist any more."),
    "DatastoreNotWritableOnHost": (NoCapacity, "The host cannot write to that datastore."),
    # Names, sizes, combinations.
    "DuplicateName": (NameTaken, "Another machine has this name."),
    "AlreadyExists": (NameTaken, "Something of this name exists already."),
    "FileAlreadyExists": (Busy, "A file of this name exists already; another worker may be making it."),
    "InvalidName": (InvalidRequest, "A machine cannot have this name."),
    "InvalidArgument": (InvalidRequest, "The server does not take one of the values."),
    "InvalidProperty": (InvalidRequest, "The server does not know one of the fields that were asked for."),
    "InvalidRequest": (InvalidRequest, "The server does not understand the request."),
    "InvalidType": (InvalidRequest, "The server does not understand the request."),
    "InvalidFolder": (InvalidRequest, "Machines cannot be kept in that folder."),
    "InvalidDatastore": (InvalidRequest, "That datastore cannot hold the machine's files."),
    "InvalidDatastorePath": (InvalidRequest, "That is not a path on a datastore."),
    "InvalidDeviceSpec": (InvalidRequest, "The machine cannot have such a device."),
    "InvalidDeviceOperation": (InvalidRequest, "The machine's device cannot be changed so."),
    "VmConfigFault": (InvalidRequest, "The machine cannot have this configuration."),
    "TooManyDevices": (InvalidRequest, "The machine has no place for another device of this kind."),
    "CannotAccessVmComponent": (WrongState, "A part of the machine cannot be reached from its host."),
    "CannotAccessFile": (WrongState, "A file of the machine cannot be reached from its host."),
    "CannotAccessNetwork": (InvalidRequest, "The network cannot be reached from the host."),
    "NumVirtualCpusExceedsLimit": (NoCapacity, "No host has so many processors."),
    "MemorySizeNotSupported": (InvalidRequest, "The machine cannot have so much memory."),
    "MissingController": (InvalidRequest, "The machine has no controller for such a device."),
    "CustomizationFault": (InvalidRequest, "The guest cannot be customised so."),
    "MigrationFault": (WrongState, "The machine cannot be moved as this would need."),
    # Room.
    "NoDiskSpace": (NoCapacity, "The datastore has no room for this."),
    "InsufficientResourcesFault": (NoCapacity, "No host has room for this."),
    "InsufficientHostCapacityFault": (NoCapacity, "The host has no room for this."),
    "InsufficientHostMemoryCapacityFault": (NoCapacity, "The host has not so much memory left."),
    "InsufficientHostCpuCapacityFault": (NoCapacity, "The host has not so much processor left."),
    "InsufficientMemoryResourcesFault": (NoCapacity, "The pool has not so much memory left."),
    "InsufficientCpuResourcesFault": (NoCapacity, "The pool has not so much processor left."),
    "InsufficientFailoverResourcesFault": (NoCapacity, "The cluster keeps its last room for failing hosts."),
    "InsufficientStorageSpace": (NoCapacity, "No datastore has room for this."),
    "NoCompatibleHost": (NoCapacity, "No host can run this machine."),
    "NoActiveHostInCluster": (NoCapacity, "The cluster has no host that works."),
    "NoCompatibleDatastore": (NoCapacity, "No datastore fits this machine."),
    "VmLimitLicense": (NoCapacity, "The licence allows no more machines."),
    "VmValidateMaxDevice": (InvalidRequest, "The machine has too many devices."),
    "OutOfBounds": (InvalidRequest, "One of the numbers is out of bounds."),
    # The state it is in.
    "InvalidPowerState": (WrongState, "The machine's power is not as this needs it."),
    "InvalidState": (WrongState, "Not possible in the machine's present state."),
    "InvalidHostState": (Busy, "The host is not in a state to do this."),
    "InvalidHostConnectionState": (Busy, "The host is not connected."),
    "InvalidDatastoreState": (Busy, "The datastore is not in a state to do this."),
    "InvalidVmState": (WrongState, "Not possible in the machine's present state."),
    "ToolsUnavailable": (WrongState, "The guest cannot be asked: VMware Tools do not run in it."),
    "QuestionPending": (WrongState, "The machine waits for somebody to answer a question in the vSphere Client."),
    "SnapshotFault": (WrongState, "The snapshots of the machine do not allow this."),
    "SnapshotIncompatibleDeviceInVm": (WrongState, "The machine has a device that snapshots cannot hold."),
    "TooManySnapshotLevels": (WrongState, "The machine has as many snapshots as it can have."),
    "FileLocked": (Busy, "A file of the machine is in use."),
    "FileFault": (HypervisorError, "Something is wrong with a file of the machine."),
    "DiskHasPartitions": (WrongState, "The disk is in use."),
    # Later perhaps.
    "TaskInProgress": (Busy, "The machine is busy with something else."),
    "ConcurrentAccess": (Busy, "Somebody changed the machine at the same moment."),
    "ResourceInUse": (Busy, "It is in use."),
    "ResourceNotAvailable": (Busy, "Something that this needs is not available now."),
    "Timedout": (Busy, "The server did not get done in time."),
    "RequestCanceled": (Busy, "Somebody cancelled it."),
    "VAppTaskInProgress": (Busy, "The machine's group is busy with something else."),
    "HostNotConnected": (Busy, "The host of the machine is not connected."),
    "HostNotReachable": (Busy, "The host of the machine cannot be reached."),
    "HostCommunication": (Busy, "The server cannot talk to the host of the machine."),
    "HostConnectFault": (Busy, "The server cannot talk to the host of the machine."),
    "NotEnoughCpus": (NoCapacity, "The host has not so many processors."),
    "UnrecognizedHost": (Busy, "The server does not know the host of the machine at this moment."),
    "SystemError": (HypervisorError, "The server reports a fault of its own."),
    "MethodDisabled": (WrongState, "Something else has switched this off for the machine."),
    "MethodNotFound": (Unsupported, "The server does not offer this."),
    "NotImplemented": (Unsupported, "The server does not offer this."),
    "NotSupported": (Unsupported, "The server does not support this for this machine."),
    "NotSupportedHost": (Unsupported, "The host does not support this."),
    "UnsupportedVimApiVersion": (Unsupported, "The server is too old."),
}
"""Name of a fault -> our error and a sentence. A fault that is not here goes by the nearest ancestor that is."""

UNKNOWN: Rule = (HypervisorError, "The server reports a fault.")


def fault(error: Any, *, hide: str = "") -> HypervisorError:
    """Our error for one of vSphere's; its name and text go along for operators."""
    names = [cls.__name__.rpartition(".")[2] for cls in type(error).__mro__]
    kind, sentence = next((FAULTS[name] for name in names if name in FAULTS), UNKNOWN)
    privilege = getattr(error, "privilegeId", None)
    if kind is AccessDenied and privilege:
        sentence = f"The account lacks the right {privilege}."
    said = f"{names[0]}: {getattr(error, 'msg', None) or _reason(error)}"
    return kind(sentence, native=(said.replace(hide, "***") if hide else said)[:500])


def _reason(error: Any) -> str:
    """Faults carry their cause in one of a few fields."""
    for field in ("reason", "name", "invalidProperty", "file", "property", "path"):
        if found := getattr(error, field, None):
            return str(found)
    return ""


def too_late(seconds: float) -> Unreachable:
    return Unreachable(f"No answer within {seconds:g} seconds.")


ESCAPES = {"%": "%25", "/": "%2f", "\\": "%5c"}
ESCAPED = re.compile(r"%(25|2f|5c)", re.IGNORECASE)


def escaped(name: str) -> str:
    """vSphere stores three characters of a name in another form."""
    return "".join(ESCAPES.get(letter, letter) for letter in name)


def unescaped(name: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)


def managed_by(name: str, extension: str, kind: str) -> str:
    """Who else manages a machine, by the extension it is marked with; empty for nobody."""
    if extension:
        known = next((label for key, label in MANAGERS.items() if extension.startswith(key)), extension)
        return line(f"{known} ({kind})" if kind else known)
    return "vSphere Cluster Services" if VCLS.match(name) else ""
