"""What every adapter promises, as checks that run against any of them. A number that is used once is never used again.

An adapter's test runs each of `PROMISES` on a `Bench` of its own, but for its `gaps`, which follow from capabilities
that it does not declare, and for what its bench calls `unproven`: what the server that it runs on cannot show.
"""

from hypervisors.conformance import (
    changing,
    disks,
    files,
    making,
    networks,
    powering,
    racing,
    reading,
    resizing,
    retiring,
    seeding,
    snapshots,
    telling,
    watching,
)
from hypervisors.conformance.bench import Bench, Hardware, Native
from hypervisors.conformance.promises import PROMISES, Broken, Promise, gaps

__all__ = [
    "PROMISES", "Bench", "Broken", "Hardware", "Native", "Promise", "changing", "disks", "files", "gaps", "making",
    "networks", "powering", "racing", "reading", "resizing", "retiring", "seeding", "snapshots", "telling",
    "watching",
]  # fmt: skip
