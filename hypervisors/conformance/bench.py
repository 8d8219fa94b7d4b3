"""What the suite needs besides the adapter: a hypervisor to break things on, and eyes that do not look through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid4

from hypervisors.contract import (
    STEPS,
    CreateMachine,
    Handle,
    Holding,
    Hypervisor,
    Order,
    Progress,
    Stamp,
)
from hypervisors.errors import Busy, HypervisorError


class Native(NamedTuple):
    """A machine as the hypervisor's own tools show it."""

    uuid: UUID
    name: str
    on: bool


class Bench(Protocol):
    """One hypervisor under test. Everything but `connect` goes past the adapter."""

    image_ref: str
    image_mib: int
    """Size of the image's disk."""
    pool_ref: str
    memory_mib: int
    """As little as a test machine can live with."""
    patience: float
    """Seconds after which any work counts as stuck."""
    gaps: Mapping[int, str]
    """Number of a promise that cannot be shown here -> why not, in a sentence."""

    def connect(self, *, read_only: bool = False) -> Hypervisor: ...

    def make_by_hand(self, name: str, *, on: bool = False, note: str = "", managed_by: str = "") -> str:
        """A machine with a disk of its own, whose guest ignores every request to stop. Returns its reference."""

    def copy_by_hand(self, ref: str, name: str) -> str:
        """A person's clone: all that is written on the machine is copied, the UUID is new."""

    def rename_by_hand(self, ref: str, name: str) -> None:
        """Called on stopped machines only."""

    def machines(self) -> Mapping[str, Native]:
        """By reference; half-made ones too, images not."""

    def disks(self) -> set[str]:
        """Disks of machines, and those that belong to none; not those of images."""

    def note_of(self, ref: str) -> str:
        """Free text that people see and edit on the machine."""

    def shown_on(self, ref: str) -> str:
        """All the text that the hypervisor's own tools show on the machine."""

    def go_dark(self) -> None:
        """The endpoint does not answer any more."""

    def come_back(self) -> None: ...


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True)
class Promise:
    number: int
    check: Callable[[Any], None]

    @property
    def sentence(self) -> str:
        return (self.check.__doc__ or "").strip()

    def __str__(self) -> str:
        return f"{self.number:02}-{self.check.__name__}"


PROMISES: dict[int, Promise] = {}


def promise(number: int) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Files a check under a number that stays its own for good: gaps name it."""

    def file(check: Callable[[Bench], None]) -> Callable[[Bench], None]:
        if number in PROMISES or not check.__doc__:
            raise ValueError(f"Promise {number} is taken, or does not say what it promises.")
        PROMISES[number] = Promise(number, check)
        return check

    return file


def claim(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def refused(call: Callable[[], object], *kinds: type[HypervisorError]) -> HypervisorError:
    """The error that a call must end with."""
    try:
        answer = call()
    except kinds as error:
        claim(bool(error.message.strip()), "A refusal comes with a sentence for a person.")
        return error
    raise Broken(f"{' or '.join(kind.__name__ for kind in kinds)} was due, but there was an answer: {answer!r}")


HOLDING = Holding(holder="Lena Brandt", purpose="Conformance of the adapter", ends_on="2031-03-14", portal_ref="M-4711")


def new_order(bench: Bench, **changes: Any) -> CreateMachine:
    """A small machine that nobody ordered before."""
    token = token_hex(4)
    facts: dict[str, Any] = {
        "stamp": Stamp(f"conf-{token}", uuid4()),
        "name": f"conf-{token}",
        "image_ref": bench.image_ref,
        "pool_ref": bench.pool_ref,
        "vcpus": 1,
        "memory_mib": bench.memory_mib,
        "disk_mib": bench.image_mib + 16,
        "holding": HOLDING,
    }
    return CreateMachine(**facts | changes)


def follow(bench: Bench, hv: Hypervisor, order: Order, handle: Handle) -> Progress:
    """Polls until the work is done."""
    return watch(bench, hv, order, handle)[-1]


def watch(bench: Bench, hv: Hypervisor, order: Order, handle: Handle) -> list[Progress]:
    """All that poll said, up to the end; Busy means to ask again, as the engine does."""
    deadline = time.monotonic() + bench.patience
    said: list[Progress] = []
    while not said or not said[-1].done:
        claim(time.monotonic() < deadline, f"{type(order).__name__} is stuck: {said[-1:]}")
        try:
            said.append(hv.poll(order, handle))
        except Busy:
            time.sleep(0.05)
            continue
        claim(said[-1].step in STEPS, f"There is no step {said[-1].step!r}.")
        time.sleep(0 if said[-1].done else 0.01)
    return said


def drive(bench: Bench, hv: Hypervisor, order: Order) -> Progress:
    """Submits and polls until the work is done."""
    deadline = time.monotonic() + bench.patience
    while True:
        try:
            handle = hv.submit(order)
        except Busy:
            claim(time.monotonic() < deadline, f"{type(order).__name__} is not taken.")
            time.sleep(0.05)
        else:
            return follow(bench, hv, order, handle)


def created(bench: Bench, hv: Hypervisor, order: CreateMachine) -> str:
    """Makes a machine to the end. Returns its reference."""
    return drive(bench, hv, order).ref


def discard(bench: Bench, hv: Hypervisor, stamp: Stamp) -> None:
    """Asks again for as long as the clearing is under way."""
    deadline = time.monotonic() + bench.patience
    while True:
        try:
            return hv.discard(stamp)
        except Busy:
            claim(time.monotonic() < deadline, "discard is stuck.")
            time.sleep(0.01)
