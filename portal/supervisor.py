"""Runs a few programs as one: starts them, restarts what dies, and leaves nothing behind.

Each program leads a session of its own, so that a terminal's Ctrl-C reaches only this process, which then asks the
leaders: a worker finishes the job in its hands instead of losing it. If this process itself is killed, the kernel asks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

PATIENCE = 12.0
"""Seconds a program has to stop when asked, before its whole group is killed."""
RESTARTS, WINDOW = 3, 60.0
"""A program may be restarted so often within so many seconds."""
LOUD = (" ERROR ", " CRITICAL ", "[ERROR]")
"""What marks a line of a log as one for the terminal."""
PR_SET_PDEATHSIG = 1


@dataclass
class Program:
    """One program, its log and how often it had to be restarted."""

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)
    seen: int = 0

    def start(self, env: Mapping[str, str], *, keep: Sequence[int] = ()) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - there are no threads here
                pass_fds=keep,
            )

    def running(self) -> bool:
        """Looks without reaping: as long as the leader is not reaped, nobody else can be given its group's number."""
        pid = self.process.pid if self.process else None
        return pid is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def end(self) -> int:
        """Kills what is left of its group and reaps it. Returns how it ended."""
        if self.process is None:
            return 0
        os.killpg(self.process.pid, signal.SIGKILL)
        code, self.process = self.process.wait(), None
        return code

    def may_restart(self) -> bool:
        now = time.monotonic()
        self.restarts = [at for at in self.restarts if at > now - WINDOW] + [now]
        return len(self.restarts) <= RESTARTS

    def complaints(self) -> list[str]:
        """The log's new lines that tell of an error."""
        with self.log.open("rb") as log:
            log.seek(self.seen)
            text = log.read()
        whole = text.rpartition(b"\n")[0]
        self.seen += len(whole)
        lines = whole.decode(errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in LOUD)]


def die_with_parent() -> None:
    """In the child, before its program: SIGTERM when the supervisor goes, however it goes."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


# Loaded beforehand: between fork and exec as little as possible should happen.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Supervisor:
    """Keeps its programs running until a signal comes or one cannot be kept up. `keep`: descriptors they inherit."""

    def __init__(self, programs: Sequence[Program], *, env: Mapping[str, str], keep: Sequence[int] = ()) -> None:
        self.programs, self.env, self.keep = programs, env, keep
        self.stopping = False

    def run(self, *, ready: Callable[[], bool], announce: Callable[[], None], within: float = 120.0) -> int:
        """0 when asked to stop; 1 when a program could not be kept up or `ready` was not true in time."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup is respected
                signal.signal(number, self._ask_to_stop)
        try:
            for program in self.programs:
                program.start(self.env, keep=self.keep)
            return self._watch(ready, announce, time.monotonic() + within)
        finally:
            self.stop()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _watch(self, ready: Callable[[], bool], announce: Callable[[], None], deadline: float) -> int:
        announced = False
        while not self.stopping:
            if self._lost():
                return 1
            if not announced and ready():
                announce()
                announced = True
            if not announced and time.monotonic() > deadline:
                say("Not ready in time. The logs say why: " + ", ".join(str(program.log) for program in self.programs))
                return 1
            time.sleep(0.2)
        return 0

    def _lost(self) -> bool:
        """Tends to every program, whatever happened to the one before."""
        kept = [self._tend(program) for program in self.programs]
        return not all(kept)

    def _tend(self, program: Program) -> bool:
        """Shows a program's errors and restarts it if it died; False when it died too often."""
        for line in program.complaints():
            say(f"{program.name}: {line}")
        if program.running() or self.stopping:
            return True
        code = program.end()
        if not program.may_restart():
            say(f"{program.name} ended again ({code}); giving up. Its log: {program.log}")
            return False
        say(f"{program.name} ended ({code}); starting it again. Its log: {program.log}")
        program.start(self.env, keep=self.keep)
        return True

    def stop(self) -> None:
        """Asks the leaders only: a pool's children must not be told while they hold a job. Then kills what is left."""
        for program in self.programs:
            if program.process and program.running():
                program.process.terminate()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and any(program.running() for program in self.programs):
            time.sleep(0.05)
        for program in self.programs:
            program.end()


def say(sentence: str) -> None:
    print(sentence, flush=True)
