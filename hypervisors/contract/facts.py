"""What an adapter tells. Whatever it cannot tell is empty or None, never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Power(StrEnum):
    """What the hypervisor says of a machine's power; whatever it says that we do not know is UNKNOWN."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DiskFacts:
    ref: str
    """Stable while the machine has the disk, through growth, restarts and snapshots; not through a revert."""
    name: str
    size_mib: int
    datastore_ref: str = ""
    key: str = ""
    """Of the AddDisk that made it; empty for any other disk."""


@dataclass(frozen=True, slots=True)
class NicFacts:
    ref: str
    mac: str
    """Lower case, with colons."""
    network_ref: str = ""
    connected: bool = True


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    ref: str
    name: str
    created_at: datetime | None = None
    parent_ref: str = ""
    """The snapshot before it, where there is one."""
    with_memory: bool = False


@dataclass(frozen=True, slots=True)
class MachineFacts:
    ref: str
    uuid: UUID | None
    name: str
    power: Power
    vcpus: int
    memory_mib: int
    disks: Sequence[DiskFacts] = ()
    pool_ref: str = ""
    host_ref: str = ""
    addresses: Sequence[str] = ()
    guest_name: str = ""
    note: str = ""
    """Free text that people left on the VM."""
    created_at: datetime | None = None
    created_by: str = ""
    managed_by: str = ""
    """Non-empty when something else manages this machine (vCLS, a VDI pool): never flag, stop or remove it."""
    is_template: bool = False
    stamp_operation: str = ""
    """The operation in the stamp found on the VM: a claim to be checked, never an authority."""
    cpu_percent: int | None = None
    """Mean CPU use over the last hour, of all its vCPUs; None where the hypervisor does not tell."""
    nics: Sequence[NicFacts] = ()
    snapshots: Sequence[SnapshotFacts] = ()
    """Oldest first."""
    folder: str = ""
    """Where people filed it, as a path with slashes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Custom fields and tags that others wrote; a tag has an empty value."""

    @property
    def disk_mib(self) -> int:
        return sum(disk.size_mib for disk in self.disks)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What machines are made in: a cluster of vSphere, a pool of Xen, a group of KVM hosts."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    ref: str
    name: str
    pool_ref: str
    cpus: int
    memory_mib: int
    connected: bool = True
    """False: out of order or in maintenance; nothing new is placed there."""


@dataclass(frozen=True, slots=True)
class DatastoreFacts:
    ref: str
    name: str
    capacity_mib: int
    free_mib: int
    identity: str = ""
    """The storage itself, the same text from every endpoint that mounts it; empty where that cannot be told."""
    shared: bool = False
    """Hosts beyond this endpoint may mount it."""


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    ref: str
    name: str
    disk_mib: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """One scan. `complete` is False when any part could not be read: such a scan never removes anything."""

    complete: bool
    pools: Sequence[PoolFacts]
    hosts: Sequence[HostFacts]
    datastores: Sequence[DatastoreFacts]
    networks: Sequence[NetworkFacts]
    images: Sequence[ImageFacts]
    machines: Sequence[MachineFacts]
    gaps: Sequence[str] = ()
    """What could not be read, a sentence each."""
    token: str = ""
    """For `changes`: it goes on from this scan. Empty where the adapter cannot."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Machines that are not as they were when the token was given out."""

    token: str
    """For the next call. Opaque text of any length, valid for any connection to the same endpoint, free of secrets."""
    whole: bool
    """The token was empty, or is not understood any more: these are all machines, and any other is gone."""
    machines: Sequence[MachineFacts]
    gone: Sequence[str] = ()
    """References of machines that are not there any more."""
    complete: bool = True
    gaps: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class UsageSample:
    """What one machine used. None: the hypervisor does not tell."""

    ref: str
    at: datetime
    """When the window ended."""
    seconds: float | None
    """Length of the window. None: amounts are counted since the machine was last started, and the caller takes the
    difference of two samples; a smaller amount than before means that it was started anew."""
    cpu_seconds: float | None = None
    """Of one processor: a machine with two busy vCPUs uses two a second."""
    memory_mib: int | None = None
    """In use by the guest, as well as the hypervisor knows."""
    read_bytes: int | None = None
    written_bytes: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None


class What(StrEnum):
    """What happened to a machine."""

    CREATED = "created"
    STARTED = "started"
    STOPPED = "stopped"
    CHANGED = "changed"
    MOVED = "moved"
    REMOVED = "removed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    what: What
    machine_ref: str
    machine_name: str = ""
    who: str = ""
    """The account as the hypervisor names it; empty where it does not tell."""
    text: str = ""


@dataclass(frozen=True, slots=True)
class DiskFile:
    """A disk as storage sees it: a file or a volume, whether a machine mounts it or not."""

    ref: str
    """Where the hypervisor names files by nothing else, it holds the name, and a renamed file has another."""
    name: str
    """Where it lies inside its storage, the same text from every endpoint that mounts storage of this
    `DatastoreFacts.identity`: a path with slashes and without one at its beginning, or the storage's own name of a
    volume. Whole, at most 400 characters: one that cannot be told so is kept for that reason."""
    datastore_ref: str
    size_mib: int
    """As the guest would see it; of a file whose inside is not read, its own size."""
    used_by: Sequence[str] = ()
    """References of machines that have it as a disk, or behind one; images too."""
    kept_for: str = ""
    """Why it is no orphan though no machine mounts it: image, backing of another disk, first-class disk, replica, …"""
    changed_at: datetime | None = None
    label: str = ""
    """What people call it, where that is not its name; it is changed with that."""


@dataclass(frozen=True, slots=True)
class DiskFiles:
    complete: bool
    """False when any datastore could not be read: then nothing is proven to be unused."""
    files: Sequence[DiskFile]
    gaps: Sequence[str] = ()
