"""What the suite needs besides the adapter: a hypervisor to break things on, and eyes that do not look through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from hypervisors.contract import Hypervisor, Seed


class Native(NamedTuple):
    """A machine as the hypervisor's own tools show it."""

    uuid: UUID
    name: str
    on: bool


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a machine is made of, as the hypervisor's own tools show it."""

    power: str
    """`on`, `off` or `suspended`."""
    vcpus: int
    memory_mib: int
    disks_mib: tuple[int, ...]
    """Its first disk first; images for reading only, such as a seed, are not disks."""
    macs: frozenset[str]
    """Lower case, with colons."""
    snapshots: frozenset[str]
    """By name."""


class Bench(Protocol):
    """One hypervisor under test. Everything but `connect` and `close` goes past the adapter.

    A bench of a server that the tests start themselves is made by its fixture. `of(target)`, a class method, makes one
    of any other server: with the smallest image, the first pool and the first network that it shows, a relay before it
    for going dark, and no `unproven`. There it makes nothing whose name does not begin with `conf-`, `hand-` or `<b>`,
    and takes away nothing else.
    """

    image_ref: str
    image_mib: int
    """Size of the image's disk."""
    pool_ref: str
    network_ref: str
    """One that machines of the pool can have a NIC in."""
    memory_mib: int
    """As little as a test machine can live with; it can live with twice as much."""
    patience: float
    """Seconds after which any work counts as stuck."""
    gaps: Mapping[int, str]
    """Promises that the adapter does not give, besides those that need a capability it lacks: number -> why not."""
    unproven: Mapping[int, str]
    """Promises that the adapter gives, but this server cannot show: number -> why not, in a sentence."""

    def connect(self, *, read_only: bool = False) -> Hypervisor: ...

    def close(self) -> None:
        """Ends all connections and takes away every machine, disk and snapshot that a promise left."""

    # What people do at the hypervisor's own console

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        """A machine with `memory_mib`, one vCPU and one disk of its own, whose guest ignores every request to stop.
        Returns its reference."""

    def copy_by_hand(self, ref: str, name: str) -> str:
        """A person's clone: all that is written on the machine is copied, the UUID is new."""

    def rename_by_hand(self, ref: str, name: str) -> None:
        """Called on stopped machines only."""

    def file_by_hand(self, ref: str, folder: str) -> bool:
        """Puts a machine into a folder of this name, at the top; False where there are no folders."""

    def label_by_hand(self, ref: str, name: str, value: str) -> bool:
        """Writes a custom field, or what comes next to it; False where there are none."""

    def loose_disk_by_hand(self, name: str) -> str:
        """A disk of 1 MiB at least that belongs to no machine. Returns its reference as `disk_files` tells it."""

    def scribble(self, ref: str, text: str) -> None:
        """Writes a short ASCII text into a machine's first disk, past any guest. Called on stopped machines only."""

    def attach_by_hand(self, ref: str, file_ref: str) -> None:
        """Gives a stopped machine this file as one more disk."""

    def scribble_file(self, file_ref: str, text: str) -> None:
        """As `scribble`, into a disk file that belongs to no machine."""

    # What the hypervisor's own tools show

    def machines(self) -> Mapping[str, Native]:
        """By reference; half-made ones too, images and snapshots not."""

    def hardware(self, ref: str) -> Hardware: ...

    def disks(self) -> set[str]:
        """Disks of machines and of their snapshots, seeds, and what belongs to none; not those of images."""

    def scribbled(self, ref: str) -> str:
        """What `scribble` left in the first disk of a stopped machine; empty when there is nothing of it."""

    def scribbled_file(self, file_ref: str) -> str:
        """What `scribble_file` left in a disk file of no machine."""

    def seed_in(self, ref: str) -> Seed | None:
        """What cloud-init in this machine would read if it looked now (`hypervisors.conformance.guest` helps)."""

    def note_of(self, ref: str) -> str:
        """Free text that people see and edit on the machine."""

    def shown_on(self, ref: str) -> str:
        """All the text that the hypervisor's own tools show on the machine."""

    def calls(self) -> int | None:
        """Requests that reached the server so far; None where they cannot be counted."""

    # What befalls the endpoint

    def go_dark(self) -> None:
        """The endpoint does not answer any more."""

    def come_back(self) -> None: ...
