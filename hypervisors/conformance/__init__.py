"""What every adapter promises, as checks that run against any of them. A number that is used once is never used again.

An adapter's test runs each of `PROMISES` on a `Bench` of its own; what a bench cannot show is in its `gaps`, by number.
"""

from hypervisors.conformance import changing, making, reading
from hypervisors.conformance.bench import PROMISES, Bench, Broken, Native, Promise

__all__ = ["PROMISES", "Bench", "Broken", "Native", "Promise", "changing", "making", "reading"]
