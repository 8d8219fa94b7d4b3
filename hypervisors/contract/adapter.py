"""The class that an adapter derives from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from hypervisors.contract.capabilities import MEANINGS, NEEDS, Capabilities
from hypervisors.contract.facts import Changes, DiskFiles, Event, Inventory, MachineFacts, UsageSample
from hypervisors.contract.orders import CreateMachine, Handle, Order, Progress, Stamp
from hypervisors.contract.target import Target
from hypervisors.errors import ObserveOnly, Unsupported


class Hypervisor(ABC):
    """A connection to one endpoint. Not shared between threads; cheap to keep, closed by `close`.

    A connection that broke, or a session that ended, is opened anew by the next call, of itself.
    """

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

    @classmethod
    def tls_port(cls, target: Target) -> int | None:
        """Where such an endpoint is reached over TLS unless the target names a port; None where it is not."""
        return None

    # Looking. Nothing here changes anything, and a read-only target may ask all of it.

    @abstractmethod
    def check(self) -> str:
        """Product and version of what answers. Raises Unreachable or AccessDenied."""

    def missing_rights(self) -> Sequence[str]:
        """Rights, as the hypervisor names them, that the account lacks for what the portal does. `rights`."""
        self.require("rights")
        raise NotImplementedError

    @abstractmethod
    def inventory(self) -> Inventory:
        """Everything on the endpoint in one scan; templates and snapshots are not machines. What vanishes while it is
        read is left out; what cannot be read is a gap. The number of calls does not grow with that of machines, beyond
        chunks of a thousand."""

    def changes(self, token: str) -> Changes:
        """Machines that changed since the token was given out; all of them for an empty token. `changes`.

        Facts are as `inventory` tells them; mere use (`cpu_percent`) is no change. Asked again with the same token it
        tells at least the same machines again: whoever loses an answer loses nothing.
        """
        self.require("changes")
        raise NotImplementedError

    @abstractmethod
    def machine(self, ref: str) -> MachineFacts:
        """One machine as it is now. Raises NotFound when it is gone."""

    @abstractmethod
    def find(self, stamp: Stamp) -> Sequence[MachineFacts]:
        """Machines that carry this stamp, operation and UUID both; more than one means doubles. Half-made ones too."""

    def usage(self, refs: Sequence[str]) -> Sequence[UsageSample]:
        """The latest sample of each of these machines that has one; those that are off or gone have none. `usage`.

        Calls do not grow with the number of machines, beyond chunks.
        """
        self.require("usage")
        raise NotImplementedError

    def events(self, since: datetime) -> Sequence[Event]:
        """What happened to machines after `since`, oldest first, 10,000 at the most: asked again from the time of the
        last one, it goes on. `events`."""
        self.require("events")
        raise NotImplementedError

    def disk_files(self) -> DiskFiles:
        """Every disk on every datastore, with what mounts it. `disk_files`."""
        self.require("disk_files")
        raise NotImplementedError

    # Changing.

    def submit(self, order: Order) -> Handle:
        """Starts the work and returns within the time-out; the work itself goes on at the hypervisor.

        A second submit of the same order never does it twice: a CreateMachine first looks for what an earlier submit
        with the same stamp left (machine, running task, disks) and goes on from there; what is already as the order
        wants it succeeds at once. Power orders and RemoveMachine on an image or on what something else manages are
        InvalidRequest. NotFound only ever means gone. Raises Busy when the caller should ask again; before any call
        goes out, Unsupported for what the adapter cannot do, and ObserveOnly on a read-only target.
        """
        needed = "seed" if isinstance(order, CreateMachine) and order.seed is not None else NEEDS.get(type(order), "")
        if needed:
            self.require(needed)
        self.guard_writes()
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
        """Removes whatever a failed CreateMachine left: machine, disks, seed, tasks under way; matched by operation
        *and* UUID, nothing else is touched. Succeeds when nothing is left; raises Busy while a removal is under way,
        and is called again then. Raises WrongState, touching nothing, when more than one machine carries the stamp and
        one of them is finished: doubles are for people to look at. Read-only targets: as `submit`."""

    def close(self) -> None:  # noqa: B027 - most adapters hold nothing that must be given back
        """Gives the connection back. Safe to call twice."""

    def guard_writes(self) -> None:
        """For `poll` and `discard`, which change things too."""
        if self.target.read_only:
            raise ObserveOnly("This endpoint is only watched; nothing is changed on it.")

    def require(self, capability: str) -> None:
        if not getattr(self.capabilities, capability):
            raise Unsupported(f"Endpoints of the kind {self.kind} cannot do this: {MEANINGS[capability]}.")
