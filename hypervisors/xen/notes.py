"""Notes that workers leave each other at the pool: tasks of our own making, which do nothing.

Two workers may have the same order at the same moment, and a task of XAPI's bears no name of ours. A note says what is
about to be begun; one that names the task of it says what was. Notes begin with `lh-`, and go when the work is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from hypervisors.errors import Busy, HypervisorError, Unreachable
from hypervisors.xen import mapping
from hypervisors.xen.client import Client
from hypervisors.xen.work import Look, begin, clear, look

PREFIX = "lh-"
YOUNG = 5.0
"""Seconds that a worker may need from its note to what it is about to begin; after that it was killed."""
OTHERS = "Another worker is about to do the same."


class Note(NamedTuple):
    ref: str
    task: str
    """What was begun; empty while it is only about to be."""
    created: str


def of(client: Client, name: str) -> tuple[list[Note], set[str]]:
    """The notes of this name, and the tasks that notes of any name tell of."""
    own, named = [], set()
    for ref, task in client.records("task").items():
        label, text = str(task["name_label"]), str(task["name_description"])
        if label.startswith(PREFIX):
            named.add(text)
            if label == name:
                own.append(Note(ref, text, str(task["created"])))
    return own, named


def drop(client: Client, name: str) -> None:
    for note in of(client, name)[0]:
        clear(client, note.ref)


def once(
    client: Client,
    name: str,
    call: Callable[[], Sequence[object]],
    made: Callable[[], bool],
    under_way: Callable[[set[str]], bool] = lambda _named: False,
) -> tuple[str, Look | None]:
    """Begins what `call` returns (method and arguments), once for all workers. The task that carries it out, and how
    far it was seen, when it is another worker's or has ended; no task when `made` is true by now.

    `call` may refuse by an error. `under_way` looks for what a worker may have begun that was killed before it could
    write it down; it gets the tasks that notes tell of. Raises Busy while that may be, or another worker is about it.
    """
    notes, named = of(client, name)
    for note in notes:
        if note.task:
            seen = look(client, note.task)
            if seen.failed is not None and not seen.failed.retryable:
                raise seen.failed
            if not seen.gone and seen.failed is None:
                return note.task, seen
            clear(client, note.task)
            clear(client, note.ref)
    pending = [note for note in notes if not note.task]
    if pending and under_way(named):
        raise Busy("Whether what is under way was begun for this order, is seen when it is done.")
    with _alone(client, name, pending):
        if made():
            return "", None
        method, *args = call()
        task = begin(client, str(method), *args)
        client.call("task.create", name, task)
    return task, None


@contextmanager
def alone(client: Client, name: str) -> Iterator[None]:
    """One worker at a time. Raises Busy for all others; what a killed one left counts for a moment only."""
    with _alone(client, name, [note for note in of(client, name)[0] if not note.task]):
        yield


@contextmanager
def _alone(client: Client, name: str, pending: Sequence[Note]) -> Iterator[None]:
    _outlive(client, pending)
    own = _announce(client, name)
    try:
        yield
    except Unreachable:
        raise  # what was begun is not known: the note stays
    except HypervisorError:
        clear(client, own)
        raise
    clear(client, own)


def _outlive(client: Client, pending: Sequence[Note]) -> None:
    """Clears away what killed workers left."""
    if not pending:
        return
    pool = next(iter(client.records("pool").values()))
    now = mapping.when(client.call("host.get_servertime", pool["master"]))
    times = [mapping.when(note.created) for note in pending]
    if now is not None and any(made is not None and abs((now - made).total_seconds()) < YOUNG for made in times):
        raise Busy(OTHERS)
    for note in pending:
        clear(client, note.ref)


def _announce(client: Client, name: str) -> str:
    """Of workers that do so at once one goes on: who sees another's note takes back its own, the smallest last."""
    own = str(client.call("task.create", name, ""))
    for _ in range(5):
        others = [note for note in of(client, name)[0] if note.ref != own]
        if not others:
            return own
        if any(note.task or note.ref < own for note in others):
            break
        time.sleep(0.05)
    clear(client, own)
    raise Busy(OTHERS)
