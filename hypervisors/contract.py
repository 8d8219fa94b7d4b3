"""What Leasehold asks of a hypervisor: plain data in, plain data out, no waiting inside.

References (`ref`) are opaque strings of the hypervisor's own; names never identify. Memory and disks are in MiB,
times are aware UTC datetimes. All text that comes back is hostile: adapters cut it to length, pages escape it.
Every call is bounded by `Target.timeout` seconds and raises only `hypervisors.errors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from hypervisors.errors import ObserveOnly, Unsupported


class Power(StrEnum):
    """What the hypervisor says of a machine's power; whatever it says that we do not know is UNKNOWN."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to connect. Adapters build their URIs from these fields only; nothing is passed through."""

    kind: str
    address: str = ""
    port: int | None = None
    transport: str = ""
    path: str = ""
    username: str = ""
    secret: str = field(default="", repr=False)
    ca_pem: str = field(default="", repr=False)
    read_only: bool = True
    timeout: float = 20.0
    clock: Callable[[], datetime] | None = field(default=None, repr=False, compare=False)
    """Only for `simulated`: its idea of now, so that a shifted demo clock moves the data centre too."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What ties a machine to its order: written at creation, looked for in recovery. Both parts must match."""

    operation: str
    """Identifier of the creating operation, `[a-z0-9-]{1,64}`; names of half-made parts derive from it."""
    uuid: UUID
    """The machine's stable UUID, chosen by us before anything is made."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is shown on the VM itself, where the hypervisor's own tools show it. Values are plain text."""

    holder: str
    purpose: str
    ends_on: str
    portal_ref: str = ""


@dataclass(frozen=True, slots=True)
class CreateMachine:
    stamp: Stamp
    name: str
    image_ref: str
    pool_ref: str
    vcpus: int
    memory_mib: int
    disk_mib: int
    holding: Holding


@dataclass(frozen=True, slots=True)
class PowerOn:
    ref: str


@dataclass(frozen=True, slots=True)
class PowerOff:
    """Pulls the plug."""

    ref: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Asks the guest to stop; pulls the plug when it has not after `patience` seconds."""

    ref: str
    patience: int = 60


@dataclass(frozen=True, slots=True)
class Restart:
    """Asks the guest to restart, or resets it where the guest cannot be asked."""

    ref: str


@dataclass(frozen=True, slots=True)
class Annotate:
    """Writes the holding onto the VM; keeps what others wrote there."""

    ref: str
    holding: Holding
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class RemoveMachine:
    """Removes the machine and its own disks. `uuid` must match what stands behind `ref`, else nothing is touched."""

    ref: str
    uuid: UUID


Order = CreateMachine | PowerOn | PowerOff | Shutdown | Restart | Annotate | RemoveMachine


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submitted order is. `ref` is set when `done` for a CreateMachine."""

    done: bool
    percent: int = 0
    step: str = ""
    """Key of the current step, from `STEPS`."""
    ref: str = ""


STEPS = ("placing", "copying", "defining", "starting", "stopping", "removing", "annotating")

Handle = Mapping[str, str]
"""What `poll` needs to find the work again; stored as JSON by the caller, opaque to it, free of secrets."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    ref: str
    name: str
    size_mib: int
    datastore_ref: str = ""


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

    @property
    def disk_mib(self) -> int:
        return sum(disk.size_mib for disk in self.disks)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    ref: str
    name: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    ref: str
    name: str
    pool_ref: str
    cpus: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class DatastoreFacts:
    ref: str
    name: str
    capacity_mib: int
    free_mib: int


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


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can do, as data; asking for what is False raises `Unsupported`."""

    guest_shutdown: bool = False
    progress: bool = False
    cpu_usage: bool = False
    creation_events: bool = False


class Hypervisor(ABC):
    """A connection to one endpoint. Not shared between threads; cheap to keep, closed by `close`."""

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def __init__(self, target: Target) -> None:
        self.target = target

    @classmethod
    @abstractmethod
    def validate(cls, target: Target) -> None:
        """Checks the fields of a target against the allow-list, without any connection.

        Raises InvalidRequest with a sentence naming the field. Called before a target is stored and before it is used.
        """

    @abstractmethod
    def check(self) -> str:
        """Product and version of what answers. Raises Unreachable or AccessDenied."""

    @abstractmethod
    def inventory(self) -> Inventory:
        """Everything on the endpoint in one scan; templates are images, not machines. Changes nothing."""

    @abstractmethod
    def machine(self, ref: str) -> MachineFacts:
        """One machine as it is now. Raises NotFound when it is gone."""

    @abstractmethod
    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        """Machines that carry this stamp, operation and UUID both; more than one means doubles. Half-made ones too."""

    def submit(self, order: Order) -> Handle:
        """Starts the work and returns within the time-out; the work itself goes on at the hypervisor.

        A second submit of the same order never makes a second machine: a CreateMachine first looks for what an
        earlier submit with the same stamp left (machine, running task, disks) and goes on from there. PowerOn of a
        running machine, Shutdown of a stopped one and RemoveMachine of one that is gone succeed at once.
        Restart of a stopped machine is WrongState. RemoveMachine of another UUID, of an image or of what something
        else manages is InvalidRequest; NotFound only ever means gone. Raises Busy when the caller should ask again,
        and ObserveOnly on a read-only target, before any call goes out.
        """
        if self.target.read_only:
            raise ObserveOnly("This endpoint is only watched; nothing is changed on it.")
        return self._submit(order)

    @abstractmethod
    def _submit(self, order: Order) -> Handle:
        """What `submit` promises, behind its guard."""

    @abstractmethod
    def poll(self, order: Order, handle: Handle) -> Progress:
        """How far the work is. May take the next small step of it (start a cloned machine, pull the plug of a guest
        that will not stop); each such step is safe to repeat. Raises what ended the work, when it failed; the same
        call later gives the same answer. When the hypervisor no longer knows the handle, poll looks at the
        machine itself. A CreateMachine is done when the machine is powered on, stamped, and has its own disks.
        Read-only targets: as `submit`.
        """

    @abstractmethod
    def discard(self, stamp: Stamp) -> None:
        """Removes whatever a failed CreateMachine left: machine, disks, tasks under way; matched by operation *and*
        UUID, nothing else is touched. Succeeds when nothing is left; raises Busy while a removal is under way, and is
        called again then. Raises WrongState, touching nothing, when more than one machine carries the stamp and one
        of them is finished: doubles are for people to look at. Read-only targets: as `submit`."""

    def close(self) -> None:  # noqa: B027 - most adapters hold nothing that must be given back
        """Gives the connection back. Safe to call twice."""

    def guard_writes(self) -> None:
        """For `poll` and `discard`, which change things too."""
        if self.target.read_only:
            raise ObserveOnly("This endpoint is only watched; nothing is changed on it.")

    def require(self, capability: str) -> None:
        if not getattr(self.capabilities, capability):
            raise Unsupported(f"{self.kind} cannot do this: {capability}.")
