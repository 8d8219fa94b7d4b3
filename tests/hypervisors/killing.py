"""Workers that are killed between two calls: a child process carries out an order and dies at a chosen moment.

`killed` forks; the child asks through a wire that lies in the parent, and the parent kills it when the chosen call
arrives there. The server carries that call out; its answer finds nobody. Where there is no wire, a file, the child
counts for itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hypervisors.contract import Hypervisor, Order
from hypervisors.errors import Busy
from tests.hypervisors.stages import Stage
from tests.rigs.relay import LOSE_ANSWER, Call, Fate

PATIENCE = 60.0


def carry_out(hypervisor: Hypervisor, order: Order) -> None:
    """As a worker does: submits, and polls to the end; Busy is asked again."""
    handle = None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if handle is None:
                handle = hypervisor.submit(order)
            else:
                progress = hypervisor.poll(order, handle)
                if progress.done:
                    return
                handle = handle if progress.handle is None else progress.handle
        except Busy:
            handle = None
        time.sleep(0.01)


@contextmanager
def worker(work: Callable[[], None]) -> Iterator[int]:
    """A child process that does the work once the block has begun. Gives its number; it is gone in the end."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.read(reading, 1)
            work()
            status = 0
        finally:
            os._exit(status)
    try:
        yield pid
    finally:
        os.write(writing, b"!")
        os.close(reading)
        os.close(writing)


def killed(stage: Stage, order: Order, number: int) -> bool:
    """Whether the worker died with that call; it may come to its end before, if it asked less often this time."""
    victim: list[int] = []

    def treat(call: Call) -> Fate:
        if call.number != number:
            return Fate()
        os.kill(victim[0] if victim else os.getpid(), signal.SIGKILL)
        return Fate(LOSE_ANSWER)

    stage.wire.forget()
    stage.wire.treat = treat
    with worker(lambda: carry_out(stage.connect(), order)) as pid:
        victim.append(pid)
    _, status = os.waitpid(pid, 0)
    stage.wire.forget()
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "The worker ended with an error."
    return os.WIFSIGNALED(status)


def calls_of(stage: Stage, order: Order) -> list[str]:
    """What a worker asks for when nobody disturbs it."""
    stage.wire.forget()
    with worker(lambda: carry_out(stage.connect(), order)) as pid:
        pass
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "The worker ended with an error."
    calls = list(stage.wire.calls)
    stage.wire.forget()
    return calls


def telling(calls: list[str]) -> list[int]:
    """The first and the last call of each name: those in between were asked of the same state."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, name in enumerate(calls, 1):
        first.setdefault(name.split("?")[0], number)
        last[name.split("?")[0]] = number
    return sorted({*first.values(), *last.values()})
