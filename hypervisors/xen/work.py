"""How orders are carried out: what is asked for is looked at first, then the next task is begun, and followed by poll.

XAPI tells at once whether a call is well-formed; whether it is possible, its task tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypervisors.errors import HypervisorError, NotFound
from hypervisors.xen import mapping
from hypervisors.xen.client import Client
from hypervisors.xen.estate import Places

RESULT = re.compile(r"<value>(.*)</value>", re.DOTALL)
PENDING = ("pending", "cancelling")


@dataclass(frozen=True, slots=True)
class Step:
    """What an order's function came to. Not done: a task is under way, or the next look takes it further."""

    done: bool = False
    task: str = ""
    percent: int = 0
    step: str = ""
    ref: str = ""
    kept: Mapping[str, str] | None = None
    """What the handle carries besides the task; None keeps what it carries."""


DONE = Step(done=True, percent=100)


@dataclass(slots=True)
class Work:
    """One look at an order. `ended`, `pending` and `failed` tell of the handle's task; none, when it is not known."""

    client: Client
    places: Places
    handle: Mapping[str, str]
    ended: bool = False
    pending: bool = False
    failed: HypervisorError | None = None

    def check_failed(self) -> None:
        """For whoever has seen that the order's end is not reached."""
        if self.failed is not None:
            raise self.failed


def begin(client: Client, method: str, *args: Any) -> str:
    """The reference of the task that carries it out."""
    return str(client.call(f"Async.{method}", *args))


def under_way(vm: Mapping[str, Any], *operations: str) -> str:
    """The task of one of these operations on a VM, begun by anybody."""
    current = mapping.cells(vm["current_operations"])
    return next((ref for ref, operation in sorted(current.items()) if operation in operations), "")


@dataclass(frozen=True, slots=True)
class Look:
    """At a task. Gone: XAPI throws away what ended an hour ago, and all of them when it starts anew."""

    gone: bool = False
    pending: bool = False
    percent: int = 0
    result: str = ""
    failed: HypervisorError | None = None


def look(client: Client, task: str) -> Look:
    """A task that ended well is cleared away. One that failed stays: whoever asks again gets the same answer."""
    try:
        record = client.record("task", task)
    except NotFound:
        return Look(gone=True)
    if record["status"] in PENDING:
        progress = record["progress"]
        return Look(pending=True, percent=min(99, int(progress * 100)) if isinstance(progress, float) else 0)
    if record["status"] == "success":
        clear(client, task)
        found = RESULT.search(str(record["result"]))
        return Look(result=found[1].strip() if found else "")
    return Look(failed=mapping.fault(record["error_info"] or ["TASK_CANCELLED", task]))


def clear(client: Client, task: str) -> None:
    with suppress(NotFound):
        client.call("task.destroy", task)
