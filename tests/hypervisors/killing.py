"""Workers that are killed between two calls: a child process carries out an order and dies at a chosen moment.

The child asks through a wire that lies in the parent, and the parent kills it when the chosen call arrives there. The
server carries that call out; its answer finds nobody. Where there is no wire, a file, the child counts for itself.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable

from hypervisors.contract import Hypervisor, Order
from hypervisors.errors import Busy
from tests.hypervisors.stages import Stage
from tests.rigs.relay import LOSE_ANSWER, Call, Fate

PATIENCE = 60.0
KILLED = -signal.SIGKILL

_clean = multiprocessing.get_context("forkserver")
"""Children of a process without threads: libvirt's library does not stand a fork once it was used."""
_clean.set_forkserver_preload(["hypervisors.kvm.adapter", "hypervisors.vmware.adapter", "hypervisors.xen.adapter"])


def carry_out(connect: Callable[[], Hypervisor], order: Order) -> None:
    """As a worker does: submits, and polls to the end; Busy is asked again."""
    hypervisor, handle = connect(), None
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


def _run(stage: Stage, order: Order, victim: list[int], known: threading.Event) -> int:
    """How the worker ended: 0, or less when it was killed."""
    context = multiprocessing.get_context("fork") if stage.target.kind == "simulated" else _clean
    worker = context.Process(target=carry_out, args=(stage.connect, order))
    worker.start()
    victim.append(worker.pid or 0)
    known.set()
    worker.join()
    ended = worker.exitcode
    worker.close()
    assert ended in (0, KILLED), "The worker ended with an error."
    return ended


def killed(stage: Stage, order: Order, number: int) -> bool:
    """Whether the worker died with that call; it may come to its end before, if it asked less often this time."""
    victim: list[int] = []
    known, parent = threading.Event(), os.getpid()

    def treat(call: Call) -> Fate:
        if call.number != number:
            return Fate()
        if os.getpid() == parent:
            known.wait()
        os.kill(victim[0] if os.getpid() == parent else os.getpid(), signal.SIGKILL)
        return Fate(LOSE_ANSWER)

    stage.wire.forget()
    stage.wire.treat = treat
    ended = _run(stage, order, victim, known)
    stage.wire.forget()
    return ended == KILLED


def calls_of(stage: Stage, order: Order) -> list[str]:
    """What a worker asks for when nobody disturbs it."""
    stage.wire.forget()
    assert _run(stage, order, [], threading.Event()) == 0
    calls = list(stage.wire.calls)
    stage.wire.forget()
    return calls


READING = re.compile(
    r"(get|list|find|check|free)_\w+"  # the simulated data centre
    r"|(Retrieve|Continue|Find|Search|WaitFor|Query)\w+|Login|(Create|Destroy)(ContainerView|View|Filter|PropertyFilter)"
    r"|session\.\w+|\w+\.(get|assert)_\w+|event\.from"  # XAPI
    r"|20008086/(1|2|4|6|7|14|23|24|59|60|66|84|86|87|88|91|92|95|97|98|99|100|150|151|152|157|183|209|212|228|229|238"
    r"|273|274|281|282|283|341|342|344)"  # libvirt, by the numbers of its protocol
)
"""Calls that leave a server as it was. Any other may change something."""


def telling(calls: list[str]) -> list[int]:
    """The first call of each name that may change something, and the last of all: a worker that dies while it reads
    leaves what it left before."""
    first: dict[str, int] = {}
    for number, name in enumerate(calls, 1):
        if not READING.fullmatch(name):
            first.setdefault(name.split("?")[0], number)
    return sorted({*first.values(), len(calls)})
