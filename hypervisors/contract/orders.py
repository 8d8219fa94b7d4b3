"""What can be ordered. Each docstring says what holds once it is done; a second one changes nothing.

An order that is not possible in the present state of machine or file is WrongState, one that makes no sense
InvalidRequest, one for something that does not exist NotFound. Whatever is removed and is gone already counts as done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Stamp:
    """What ties a machine to its order: written at creation, looked for in recovery. Both parts must match."""

    operation: str
    """Identifier of the creating operation, `[a-z0-9-]{1,64}`; names of half-made parts derive from it."""
    uuid: UUID
    """The machine's stable UUID, chosen by us before anything is made.

    Where a hypervisor chooses UUIDs itself (XAPI), the adapter ties ours to the one that it chose, on the machine, and
    `MachineFacts.uuid` is ours as long as that tie holds: a copy of the machine does not keep it.
    """


@dataclass(frozen=True, slots=True)
class Holding:
    """What is shown on the VM itself, where the hypervisor's own tools show it. Values are plain text."""

    holder: str
    purpose: str
    ends_on: str
    portal_ref: str = ""


@dataclass(frozen=True, slots=True)
class Seed:
    """What cloud-init in a new machine is told at its first start. May hold secrets: never logged, and kept by nobody
    longer than the first start needs (`DetachSeed`)."""

    hostname: str
    """One label of a host name: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`."""
    ssh_keys: Sequence[str] = ()
    """Public keys, one line each, for the image's own user."""
    user_data: str = field(default="", repr=False)
    """As cloud-init takes it: `#cloud-config`, a script, or several parts in MIME."""


@dataclass(frozen=True, slots=True)
class CreateMachine:
    """The machine runs, carries stamp and holding, has its own disks, and its guest finds the seed."""

    stamp: Stamp
    name: str
    image_ref: str
    pool_ref: str
    vcpus: int
    memory_mib: int
    disk_mib: int
    """Size of its first disk; at least the image's."""
    holding: Holding
    network_ref: str = ""
    """Of its first NIC. Empty: as the image has it, else the pool's first network; none where there is none."""
    datastore_ref: str = ""
    """Empty: the adapter chooses one with room."""
    seed: Seed | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DetachSeed:
    """The guest does not see its seed any more, and nothing of it is left on the hypervisor; but the identity of the
    instance, where images need it. No seed: done at once.

    The machine goes on running. `stamp` is the machine's own, as it was created with.
    """

    ref: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class PowerOn:
    """It runs, whether it was off or suspended."""

    ref: str


@dataclass(frozen=True, slots=True)
class PowerOff:
    """Pulls the plug: it is off, also when it was suspended."""

    ref: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Asks the guest to stop; pulls the plug when it has not after `patience` seconds. It is off."""

    ref: str
    patience: int = 60


@dataclass(frozen=True, slots=True)
class Restart:
    """Asks the guest to restart, or resets it where the guest cannot be asked. WrongState unless it runs."""

    ref: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Presses the reset button: it runs, from its start, without having been asked. WrongState unless it runs."""

    ref: str


@dataclass(frozen=True, slots=True)
class Suspend:
    """It is suspended, memory and all, and uses no processor. WrongState when it is off."""

    ref: str


@dataclass(frozen=True, slots=True)
class Resume:
    """It runs on from where it was suspended. A running machine: done at once; one that is off: WrongState."""

    ref: str


@dataclass(frozen=True, slots=True)
class Resize:
    """It has so many vCPUs and so much memory. A machine that is not off is WrongState, unless it has them already."""

    ref: str
    vcpus: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class AddDisk:
    """It has one more disk, empty, running or not. `key` (`[a-z0-9-]{1,64}`) tells this disk from any other order's:
    a second order with it adds none. `Progress.ref` is the disk's reference."""

    ref: str
    key: str
    size_mib: int
    datastore_ref: str = ""
    """Empty: where its first disk lies."""


@dataclass(frozen=True, slots=True)
class GrowDisk:
    """The disk is at least so large. Smaller than it is: InvalidRequest, nothing is cut off. A disk that other disks
    lie on, or that has snapshots: WrongState where the hypervisor cannot."""

    ref: str
    disk_ref: str
    size_mib: int


@dataclass(frozen=True, slots=True)
class RemoveDisk:
    """The disk and what was on it are gone. The first disk is InvalidRequest: that is the machine itself. WrongState
    where a running guest does not let go of it."""

    ref: str
    disk_ref: str


@dataclass(frozen=True, slots=True)
class AddNic:
    """It has one more NIC in this network. `key` as in AddDisk; its MAC address is `mac_of(key)`. `Progress.ref` is its
    reference."""

    ref: str
    key: str
    network_ref: str


@dataclass(frozen=True, slots=True)
class RemoveNic:
    """The NIC is gone."""

    ref: str
    nic_ref: str


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """There is a snapshot of this name, of all disks as they were, or as they were when a snapshot of that name was
    taken. Whether memory belongs to it, the adapter decides and tells. `Progress.ref` is the snapshot's reference."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class RevertSnapshot:
    """Its disks are as they were when it was taken. It is off; with memory in the snapshot, it runs on from there."""

    ref: str
    snapshot_ref: str


@dataclass(frozen=True, slots=True)
class RemoveSnapshot:
    """The snapshot is gone; the machine's disks and its other snapshots are as they were."""

    ref: str
    snapshot_ref: str


@dataclass(frozen=True, slots=True)
class Rename:
    """It has this name. NameTaken where the hypervisor allows a name once only; the rules of CreateMachine's name."""

    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class Annotate:
    """Writes the holding onto the VM; keeps what others wrote there. With a stamp: it is found by that stamp."""

    ref: str
    holding: Holding
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class RemoveMachine:
    """The machine, its own disks, snapshots and seed are gone. `uuid` must match what stands behind `ref`, else
    nothing is touched."""

    ref: str
    uuid: UUID


@dataclass(frozen=True, slots=True)
class RetireDiskFile:
    """The disk file is called `hypervisors.retired.retired_path(name, key)`, in the folder where it lies, so that
    whoever still counts on it finds out, and nothing of it is lost; where people know it by a label, that begins so.
    `key`: `[a-z0-9-]{1,64}`. `Progress.ref` is its reference from now on.

    WrongState, touching nothing, when a machine, image, snapshot or other disk of the endpoint uses it, when it is kept
    for something (`DiskFile.kept_for`), when another order has retired it, or when its storage cannot rename it; looked
    at again right before it is touched, on all hosts. NotFound when it is gone.

    Wherever the work is cut off, the file is there under one of the two names, and the same order again finishes it;
    where a hypervisor has to copy the file to rename it, both are there until the copy is whole, and then the first
    goes.
    """

    file_ref: str
    """`DiskFile.ref`, as it was told before."""
    key: str


@dataclass(frozen=True, slots=True)
class RestoreDiskFile:
    """A retired disk file has the name again that it had; otherwise as `RetireDiskFile`. NameTaken when something else
    has it by now; InvalidRequest when the file was not retired from this name with this key. One that a machine uses
    under its new name is WrongState."""

    file_ref: str
    """The reference that the file has been retired to."""
    key: str
    name: str
    """`DiskFile.name`, as it was told before."""


@dataclass(frozen=True, slots=True)
class RemoveDiskFile:
    """The retired disk file is gone. One whose name is not that of `RetireDiskFile` with this key is InvalidRequest,
    one that is used or kept WrongState; nothing is touched then. Looked at right before, as there."""

    file_ref: str
    """The reference that the file has been retired to."""
    key: str


FileOrder = RetireDiskFile | RestoreDiskFile | RemoveDiskFile
"""Orders on a disk file that belongs to no machine."""

MachineOrder = (
    DetachSeed | PowerOn | PowerOff | Shutdown | Restart | Reset | Suspend | Resume | Resize | AddDisk | GrowDisk
    | RemoveDisk | AddNic | RemoveNic | TakeSnapshot | RevertSnapshot | RemoveSnapshot | Rename | Annotate
    | RemoveMachine
)  # fmt: skip
"""Orders for a machine that is there: it is behind `ref`."""

Order = CreateMachine | MachineOrder | FileOrder

STEPS = (
    "placing", "copying", "defining", "seeding", "starting", "stopping", "suspending", "resizing", "disk", "network",
    "snapshot", "reverting", "renaming", "annotating", "removing",
)  # fmt: skip

Handle = Mapping[str, str]
"""What `poll` needs to find the work again; stored as JSON by the caller, opaque to it, free of secrets."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submitted order is."""

    done: bool
    percent: int = 0
    step: str = ""
    """Key of the current step, from `STEPS`."""
    ref: str = ""
    """Set when `done`, for the orders that make something: the reference of what was made."""
    handle: Handle | None = None
    """A new handle for the next poll, where the work went on to another task; None keeps the one there is."""


def mac_of(key: str) -> str:
    """A MAC address, locally administered, that follows from the key: asked twice, there is one NIC."""
    return ":".join(f"{byte:02x}" for byte in (2, *hashlib.sha256(key.encode()).digest()[:5]))
