"""What the lines of the log are about: ids that whoever begins something names once, for all lines until it ends.

Below all rooms, and without Django: the web names the request, workers the task, the engine operation and machine.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Ids = dict[str, str | int]

REQUEST = "request"
"""What began with a person's click or a tick of the clock, wherever it is carried on."""

_ids: ContextVar[Ids | None] = ContextVar("ids", default=None)


def ids(*names: str) -> Ids:
    """What the present line is about; with names, only these."""
    found = _ids.get() or {}
    return {name: found[name] for name in names if name in found} if names else dict(found)


def begin(**named: str | int) -> None:
    """From here on the lines of this thread are about these and nothing else."""
    _ids.set(named)


@contextmanager
def about(**named: str | int) -> Iterator[None]:
    """Within the block the lines are about these too."""
    token = _ids.set(ids() | named)
    try:
        yield
    finally:
        _ids.reset(token)


def made() -> str:
    """A new id of a request: short enough to be told on the telephone."""
    return uuid.uuid4().hex[:12]
