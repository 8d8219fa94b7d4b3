"""Orders seen through to their end, as the engine does it."""

from __future__ import annotations

import time
from secrets import token_hex
from typing import Any
from uuid import uuid4

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.promises import claim
from hypervisors.contract import STEPS, CreateMachine, Handle, Holding, Hypervisor, Order, Progress, Stamp
from hypervisors.errors import Busy

HOLDING = Holding(holder="Lena Brandt", purpose="Conformance of the adapter", ends_on="2031-03-14", portal_ref="M-4711")


def new_name() -> str:
    """For a machine that is made by hand."""
    return f"hand-{token_hex(4)}"


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
        handle = handle if said[-1].handle is None else said[-1].handle
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


def twice(bench: Bench, hv: Hypervisor, order: Order) -> Progress:
    """Drives an order to its end, and once more, over a connection of its own, as after a crash."""
    first = drive(bench, hv, order)
    second = drive(bench, bench.connect(), order)
    claim(first.ref == second.ref, f"The second time it was another one: {first.ref!r}, then {second.ref!r}.")
    return second


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
