"""What each kind of endpoint can do, as the table of docs/hypervisors.md: `python -m hypervisors.table` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

from hypervisors import registry
from hypervisors.contract import MEANINGS, Capabilities

ALL_OF_THEM = (
    "tell pools, hosts, datastores, networks, images, and machines with disks, NICs and snapshots",
    "find a machine by its stamp, also a half-made one",
    "make from an image, power on and off, restart, reset, annotate, remove with disks",
)
"""What the contract leaves nobody the choice of."""


def markdown(adapters: Mapping[str, Capabilities]) -> str:
    rows = [("", adapters), *((meaning, ["yes"] * len(adapters)) for meaning in ALL_OF_THEM)]
    rows += [
        (meaning, ["yes" if getattr(found, name) else "no" for found in adapters.values()])
        for name, meaning in MEANINGS.items()
    ]
    lines = [_row(first, rest) for first, rest in rows]
    return "\n".join([lines[0], _row("---", ["---"] * len(adapters)), *lines[1:]]) + "\n"


def _row(first: str, rest: Iterable[str]) -> str:
    return f"| {' | '.join([first, *rest])} |"


def ours() -> Mapping[str, Capabilities]:
    """Of the adapters that come with Leasehold. Raises Unsupported when the library of one is not installed."""
    return {kind: registry.adapter_class(kind).capabilities for kind in registry.ADAPTERS}


if __name__ == "__main__":
    sys.stdout.write(markdown(ours()))
