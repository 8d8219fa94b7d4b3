"""What breaks around the portal, drawn from the seed: when, what, and for how long."""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from tests.chaos.hosts import Fault, Host
from tests.chaos.programs import WORKERS, Programs
from tests.chaos.servers import Servers

CLAIM = 15.0
"""Seconds, as in lifecycle/operations/claims.py: a worker is held longer than that."""
Undo = Callable[[], object]


class Faults:
    """Does what is due and takes it back in time; called again and again by the thread that owns the programs."""

    def __init__(self, dice: random.Random, programs: Programs, servers: Servers, host: Host) -> None:
        self.dice, self.programs, self.servers, self.host = dice, programs, servers, host
        self.host_is_well = True
        self.agenda: list[tuple[float, int, Undo]] = []
        self.numbers = itertools.count()
        self.done: Counter[str] = Counter()
        now = time.monotonic()
        self.next_kill = now + dice.uniform(2, 4)
        self.next_fault = now + dice.uniform(1, 2)
        self.kinds = self._kinds()

    def _kinds(self) -> Iterator[Callable[[], None]]:
        """Each in its turn, in an order drawn anew every round: a short run meets them all, the longest first."""
        yield self.hold_worker
        common: list[Callable[[], None]] = [self.flush, self.broker, self.database, self.hold_worker, self.beats]
        theirs = [partial(self.of_host, fault) for fault in self.host.faults(self.dice)]
        while True:
            kinds: list[Callable[[], None]] = [*common, *theirs]
            self.dice.shuffle(kinds)
            yield from kinds

    def go_on(self) -> None:
        now = time.monotonic()
        while self.agenda and self.agenda[0][0] <= now:
            heapq.heappop(self.agenda)[2]()
        if now >= self.next_kill:
            self.next_kill = now + self.dice.uniform(4, 7)
            self.kill_worker()
        if now >= self.next_fault:
            self.next_fault = now + self.dice.uniform(1.0, 2.5)
            next(self.kinds)()

    def end_all(self) -> None:
        """Everything is well again, from now on."""
        while self.agenda:
            heapq.heappop(self.agenda)[2]()
        for name in list(self.programs.paused):
            self.programs.resume(name)
        self.host.well()

    def _later(self, seconds: float, undo: Undo) -> None:
        heapq.heappush(self.agenda, (time.monotonic() + seconds, next(self.numbers), undo))

    def kill_worker(self) -> None:
        """Not one that is held: it shall wake among others."""
        self.done["worker killed"] += 1
        self.programs.kill(self.dice.choice([name for name in WORKERS if name not in self.programs.paused]))

    def hold_worker(self) -> None:
        """Longer than its claim lasts: somebody else goes on with its work, and then it wakes."""
        if self.programs.paused:
            return
        self.done["worker held"] += 1
        name = self.dice.choice(WORKERS)
        self.programs.pause(name)
        self._later(CLAIM + self.dice.uniform(1, 4), lambda: self.programs.resume(name))

    def beats(self) -> None:
        self.done["beat killed"] += 1
        for name in self.dice.choice((("beat-1",), ("beat-2",), ("beat-1", "beat-2"))):
            self.programs.kill(name)

    def flush(self) -> None:
        if self.servers.redis.server.answers():
            self.done["broker emptied"] += 1
            self.servers.redis.server.ask("FLUSHALL")

    def broker(self) -> None:
        server = self.servers.redis.server
        if server.process is None:
            return
        self.done["broker restarted"] += 1
        server.end(signal.SIGKILL)
        self._later(self.dice.uniform(0.2, 3), server.start)

    def database(self) -> None:
        """Killed and recovered; whoever was connected finds out by the next question."""
        self.done["database restarted"] += 1
        self.servers.postgres.end(signal.SIGQUIT)
        time.sleep(self.dice.uniform(0, 1))
        self.servers.postgres.start()

    def of_host(self, fault: Fault) -> None:
        """One at a time of those that last."""
        lasts = fault.seconds[1] > 0
        if lasts and not self.host_is_well:
            return
        self.done[fault.name] += 1
        fault.act()
        if lasts:
            self.host_is_well = False
            self._later(self.dice.uniform(*fault.seconds), partial(self._ends, fault))

    def _ends(self, fault: Fault) -> None:
        fault.undo()
        self.host_is_well = True
