"""`python -m tests.benchmarks.adapters [vmware|xen|kvm …]`: a look at 10,000 machines, against the bare library.

Each look is a process of its own, so that its processor time and its memory are its own; those that are compared
take turns. What is printed is in docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hypervisors import registry
from hypervisors.contract import Target
from tests.benchmarks import bare_adapters

RESULTS = Path(__file__).parents[2] / "var" / "bench"
ROOT = Path(__file__).parents[2]
PAIRS = int(os.environ.get("PAIRS", "3"))
MACHINES = int(os.environ.get("MACHINES", "10000"))
CHANGED = 100


@dataclass(frozen=True)
class Cost:
    cpu: float
    """Seconds of processor time in the look itself; what the library takes to be loaded is not in it."""
    wall: float
    peak_mib: int
    found: int


@dataclass(frozen=True)
class Limit:
    """`what` may take so many times what `against` does."""

    what: str
    against: str
    times: float


LIMITS = {
    "vmware": [
        Limit("first", "bare", 1.25),
        Limit("unchanged", "bare-cheap", 1.4),
        Limit("changed", "unchanged", 1.5),
    ],
    "xen": [Limit("inventory", "bare", 1.4)],
    "kvm": [Limit("inventory", "bare-parsed", 1.4), Limit("unchanged", "bare", 1.4)],
}
MOST_MIB = {"vmware": 150}
"""Memory at the peak of a first inventory."""


def look(kind: str, what: str, target: Target, token: Path) -> Cost:
    """One look, in this process."""
    if what.startswith("bare"):
        act: Callable[[], int] = bare_adapters.looks(kind, what, target)
    else:
        hypervisor = registry.connect(target)
        hypervisor.check()  # sign in, as the bare ones have before they are timed
        act = {
            "inventory": lambda: len(hypervisor.inventory().machines),
            "first": lambda: _kept(hypervisor.changes(""), token),
            "unchanged": lambda: len(hypervisor.changes(token.read_text()).machines),
            "changed": lambda: len(hypervisor.changes(token.read_text()).machines),
        }[what]
    cpu, wall = time.process_time(), time.perf_counter()
    found = act()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(cpu, wall, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, found)


def _kept(changes: Any, token: Path) -> int:
    token.write_text(changes.token)
    return len(changes.machines)


def child(kind: str, what: str, target: Target, token: Path) -> Cost:
    """The same in a process of its own."""
    given = {"kind": kind, "what": what, "target": {**asdict_of(target)}, "token": str(token)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.adapters", "--look"],
        input=json.dumps(given), check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{kind} {what}: {done.stderr[-2000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def asdict_of(target: Target) -> dict[str, Any]:
    return {name: value for name, value in asdict(target).items() if name != "clock"}


@contextmanager
def server(kind: str) -> Iterator[tuple[Target, Callable[[], None]]]:
    """A server with so many machines, and what changes some of them behind our back."""
    with ExitStack() as stack:
        yield stack.enter_context(bare_adapters.SERVERS[kind](MACHINES, CHANGED))


def measure(kind: str) -> dict[str, Any]:
    """Each pair in turns; medians of both, and of their ratios."""
    found: dict[str, Any] = {}
    with server(kind) as (target, change), tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        for limit in LIMITS[kind]:
            rounds: list[tuple[Cost, Cost]] = []
            if limit.what == "unchanged":
                child(kind, "first", target, token)
            for _ in range(PAIRS):
                if limit.what == "changed":
                    child(kind, "first", target, token)
                    against = child(kind, limit.against, target, token)
                    change()
                else:
                    against = child(kind, limit.against, target, token)
                rounds.append((child(kind, limit.what, target, token), against))
            found[limit.what] = told(kind, limit, rounds)
    return found


def told(kind: str, limit: Limit, rounds: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    ratio = statistics.median(ours.cpu / theirs.cpu for ours, theirs in rounds)
    figures = {
        "machines": rounds[-1][0].found,
        "cpu s": round(statistics.median(ours.cpu for ours, _ in rounds), 2),
        f"{limit.against} cpu s": round(statistics.median(theirs.cpu for _, theirs in rounds), 2),
        "× cpu": round(ratio, 2),
        "× wall": round(statistics.median(ours.wall / theirs.wall for ours, theirs in rounds), 2),
        "at most": limit.times,
        "peak MiB": max(ours.peak_mib for ours, _ in rounds),
        "kept": ratio <= limit.times and not (limit.what == "first" and rounds[-1][0].peak_mib > MOST_MIB[kind]),
    }
    print(f"  {kind:7} {limit.what:10}", "  ".join(f"{name} {figure}" for name, figure in figures.items()), flush=True)
    return figures


def main(kinds: list[str]) -> int:
    print(f"{MACHINES:,} machines, {PAIRS} pairs each:", flush=True)
    found = {kind: measure(kind) for kind in kinds or LIMITS}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "adapters.json").write_text(json.dumps(found, indent=1))
    return 0 if all(figures["kept"] for each in found.values() for figures in each.values()) else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--look"]:
        given = json.load(sys.stdin)
        cost = look(given["kind"], given["what"], Target(**given["target"]), Path(given["token"]))
        print(json.dumps(asdict(cost)))
        sys.exit(0)
    sys.exit(main(sys.argv[1:]))
