"""`python -m tests.hypervisors.conformance`: every promise that an adapter does not give or cannot show, and why."""

from __future__ import annotations

from hypervisors.conformance import PROMISES
from tests.hypervisors.conformance import table

for kind in table.TABLE:
    print(kind, *(f"{name} {count}" for name, count in table.counts(kind)._asdict().items()))
    for word, found in (("gap", table.gaps_of(kind)), ("unproven", table.unproven_of(kind))):
        for number, reason in sorted(found.items()):
            print(f"  {word} {number}: {PROMISES[number].sentence}\n    {reason}")
