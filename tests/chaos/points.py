"""Named places in the engine at which a worker dies, waits, or meets the other one, as a plan on disk says.

A plan is a list of deeds: {"point", "occurrence", "deed"}. All workers of an installation count a point's occurrences
together, in a file that grows by a byte each time, so that each deed is done once whoever comes by.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

POINTS = (
    "claim.before", "claim.after", "admit.after", "submit.before", "submit.after", "poll.before", "poll.after",
    "machine.after", "find.after", "release.before", "release.after", "troubled.before", "discard.before",
    "discard.after", "end.before", "end.begun", "end.inside", "end.after", "wake.before",
)  # fmt: skip
"""`end.begun` and `end.inside` lie in the ending transaction: before the consequences and after them."""

RARE = ("troubled.before", "discard.before", "discard.after", "wake.before", "find.after")
"""What happens to few requests."""

BETWEEN = "claim.between"
"""Only in a worker with the plant that reads before it claims."""

HOLDS = ("submit.before", "submit.after", "end.begun", "claim.after", "discard.before")
"""Where a worker is held for longer than its claim lasts, and goes on as if nothing had been."""

HELD = 17
"""Seconds; a claim has 15."""

MEETING = 60.0
"""Seconds that a worker waits for the other one, which may still be starting on a busy machine: whoever went on alone
would leave the other one a meeting with nobody."""


class Plan:
    """What is to happen where; read once per process, counted on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "plan.json"
        self.deeds: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []

    def pass_by(self, point: str, operation: int | None) -> None:
        count = self._count(point)
        for number, deed in enumerate(self.deeds):
            if deed["point"] != point:
                continue
            if deed["deed"] == "meet":
                self._meet(number)
            elif deed["occurrence"] == count:
                (self.folder / f"done-{number}").write_text(f"{point} {operation} {os.getpid()}")
                self._do(deed)

    def come_after(self, place: str, point: str) -> None:
        """Whoever comes to a place as the second waits until the first has got to a point further on."""
        if self._count(f"{place}.row") == 1:
            return
        deadline = time.monotonic() + MEETING
        while not (self.folder / f"count-{point}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _count(self, point: str) -> int:
        """Which occurrence this is, over all processes: where an appending write ends is nobody else's place."""
        file = os.open(self.folder / f"count-{point}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, b".")
            return os.lseek(file, 0, os.SEEK_CUR)
        finally:
            os.close(file)

    def _do(self, deed: dict[str, Any]) -> None:
        if deed["deed"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif deed["deed"] == "kill-group":
            os.killpg(0, signal.SIGKILL)
        elif deed["deed"] == "hold":
            # Whole, with the thread that renews its claim; somebody else has to wake it.
            subprocess.Popen(["sh", "-c", f"sleep {HELD}; kill -CONT {os.getpid()}"], stderr=subprocess.DEVNULL)
            os.kill(os.getpid(), signal.SIGSTOP)

    def _meet(self, number: int) -> None:
        """Waits here until the other worker has come, once in a plan; for scenarios with a single operation."""
        place = self.folder / f"meeting-{number}"
        place.mkdir(exist_ok=True)
        (place / str(os.getpid())).touch()
        deadline = time.monotonic() + MEETING
        while not (met := len(list(place.iterdir())) >= 2) and time.monotonic() < deadline:
            time.sleep(0.02)
        if met:
            (self.folder / f"done-{number}").touch()


def last(folder: Path, plan: list[dict[str, Any]]) -> float:
    """When the last deed was over, by the clock of `time.time`; 0 when there was none."""
    over = [0.0]
    for number, deed in enumerate(plan):
        if (file := folder / f"done-{number}").exists():
            over.append(file.stat().st_mtime + (HELD if deed["deed"] == "hold" else 0))
    return max(over)


def missed(folder: Path, plan: list[dict[str, Any]]) -> list[str]:
    """Points at which nobody did yet what the plan says."""
    return [deed["point"] for number, deed in enumerate(plan) if not (folder / f"done-{number}").exists()]


def arm(plan: Plan) -> None:
    """Wraps the engine's functions. Nothing else of them is changed."""
    from lifecycle.operations import actions, brakes, claims, endings, engine, work
    from lifecycle.wiring import OUTCOMES

    def around(module: Any, name: str, point: str, *, before: bool = True, after: bool = True) -> None:
        plain = getattr(module, name)

        @wraps(plain)
        def wrapped(*args: Any, **options: Any) -> Any:
            number = _number(args)
            if before:
                plan.pass_by(f"{point}.before", number)
            answer = plain(*args, **options)
            if after and answer not in (None, False):
                plan.pass_by(f"{point}.after", number)
            return answer

        setattr(module, name, wrapped)

    around(claims, "claim", "claim")
    around(claims, "release", "release")
    around(brakes, "admit", "admit", before=False)
    around(engine, "troubled", "troubled", after=False)
    for module in (actions, work):
        around(module, "wake", "wake", after=False)
    _around_end(plan, endings, engine)
    for what, outcome in list(OUTCOMES.items()):
        watched = replace(outcome, succeeded=_then(plan, outcome.succeeded), failed=_then(plan, outcome.failed))
        OUTCOMES[what] = watched  # type: ignore[index]
    _around_calls(plan, engine)


def _number(args: tuple[Any, ...]) -> int | None:
    first = args[0] if args else None
    return first if isinstance(first, int) else getattr(first, "pk", None)


def _around_end(plan: Plan, *modules: Any) -> None:
    plain = modules[0].end

    def end(operation: Any, *args: Any) -> None:
        plan.pass_by("end.before", operation.pk)
        plain(operation, *args)
        plan.pass_by("end.after", operation.pk)

    for module in modules:
        module.end = end


def _then(plan: Plan, consequence: Callable[..., None]) -> Callable[..., None]:
    def both(operation: Any, facts: Any) -> None:
        plan.pass_by("end.begun", operation.pk)
        consequence(operation, facts)
        plan.pass_by("end.inside", operation.pk)

    return both


def _around_calls(plan: Plan, engine: Any) -> None:
    plain = engine.connect

    @contextmanager
    def connect(*args: Any, **options: Any) -> Iterator[Any]:
        with plain(*args, **options) as hypervisor:
            yield Watched(plan, hypervisor)

    engine.connect = connect


class Watched:
    """An adapter whose callers may die before or after a call."""

    def __init__(self, plan: Plan, hypervisor: Any) -> None:
        self._plan, self._hypervisor = plan, hypervisor

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self._hypervisor, name)
        if not callable(plain):
            return plain

        def call(*args: Any) -> Any:
            self._plan.pass_by(f"{name}.before", None)
            answer = plain(*args)
            self._plan.pass_by(f"{name}.after", None)
            return answer

        return call
