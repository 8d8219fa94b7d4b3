"""The renderer of mails, handed in from above at start: this package knows when to write, not how it looks."""

from __future__ import annotations

from lifecycle.notices.actions import Render

_handed_in: list[Render] = []


def use(render: Render) -> None:
    _handed_in[:] = [render]


def current() -> Render:
    if not _handed_in:
        raise RuntimeError("No renderer of notices was handed in.")
    return _handed_in[0]
