"""One run: programs, clients and faults together until all stories are told; then what there is, and was promised."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from celery import Celery

from tests.chaos import books, clients, evidence, plans, points, promises
from tests.chaos.clients import Clients, Story
from tests.chaos.faults import Faults
from tests.chaos.ground import Ground, Site
from tests.chaos.hosts import Host, Libvirt, Simulated
from tests.chaos.mail import MailServer
from tests.chaos.programs import CAST, Programs
from tests.chaos.promises import Broken
from tests.chaos.servers import Servers
from tests.chaos.stage import ADMIN, FILE, PARALLEL
from tests.rigs.libvirt import LibvirtRig

RECOVERY = 30.0
"""Seconds from the end of the last fault within which everything goes on by itself."""
STEPS = 5.0
"""Seconds between the steps of one operation, all together: it is looked at the more rarely the longer it takes."""
MOST_TOLD = 0.8
"""Faults end when so many of the stories are told: nothing that is left shall wait for a next fault."""


@dataclass
class Run:
    """What is played. `plan`: where workers die; `faults`: whether the rest breaks too."""

    seed: int
    stories: list[Story]
    plan: list[dict[str, Any]]
    seconds: float = 0.0
    """How long things break, at most."""
    at_once: int = 16
    cast: Sequence[str] = CAST
    settings: dict[str, str] = field(default_factory=dict)
    recovery: float = RECOVERY
    errands: bool = True
    """Whether points of the plan that nobody came by are brought about by a few more orders."""
    pace: float | None = None
    """Seconds that any work takes on the simulated hypervisor, where that is not as on a fast host."""


@dataclass
class Result:
    broken: list[Broken]
    words: list[str]
    """What happened, a sentence each."""
    missed: list[str] = field(default_factory=list)
    """Points of the plan that nobody came by."""
    logs: str = ""

    def __str__(self) -> str:
        return "\n".join([*self.words, *map(str, self.broken), self.logs])


Say = Callable[[str], None]


def play(ground: Ground, run: Run, *, say: Say = lambda _: None, rig: LibvirtRig | None = None) -> Result:
    """On a simulated data centre, or on a real libvirt."""
    with MailServer() as mail:
        site = ground.install(mail_port=mail.port, more=run.settings, rig=rig)
        plans.write(site.folder, run.plan)
        host = Libvirt(rig) if rig else Simulated(site.folder / "simulated" / FILE, pace=run.pace)
        programs = Programs(site.folder, site.env, run.cast)
        try:
            return _Play(ground.servers, site, run, programs, host, mail, say).result()
        finally:
            programs.stop()


@dataclass
class _Play:
    servers: Servers
    site: Site
    run: Run
    programs: Programs
    host: Host
    mail: MailServer
    say: Say
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = self.site.env["DATABASE_URL"]
        self.before = self.host.look()
        self.clients = Clients(self.programs.url, self.site.stage, self.days_pass)

    def result(self) -> Result:
        self.programs.start()
        self._until(self.programs.ready, 180, "web, workers and beat to be ready")
        admin = threading.Thread(target=clients.administrator, args=(self.clients, random.Random(self.run.seed)))
        pool = self.clients.live(self.run.stories, at_once=self.run.at_once)
        admin.start()
        try:
            self._break_things()
            broken = self._recover()
            self._until(self.clients.finished, 4 * clients.PATIENCE, "all stories to be told")
            for number in range(self.host.errands):
                if self.run.errands and points.missed(self.site.folder, self.run.plan):
                    self._run_errands(number)
            self.clients.tidy()
            self._until(lambda: not self._open(), 2 * clients.PATIENCE, "an end of what came last", vital=False)
            if "sync" in self.run.cast:
                self._scan()
        finally:
            self.clients.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            admin.join()
        self.tell(f"Clients were answered: {_many(self.clients.log.answers)}.")
        missed = self._tell_of_points()
        return Result(broken + self._checked(), self.words, missed, self.programs.logs())

    def tell(self, sentence: str) -> None:
        self.words.append(sentence)
        self.say(sentence)

    def _break_things(self) -> None:
        began = time.monotonic()
        faults = Faults(random.Random(self.run.seed), self.programs, self.servers, self.host)
        try:
            while time.monotonic() < began + self.run.seconds and not self.clients.finished(MOST_TOLD):
                faults.go_on()
                self.programs.tend()
                time.sleep(0.05)
        finally:
            faults.end_all()
        self.tell(
            f"{len(self.run.stories)} orders; broken within {time.monotonic() - began:.0f} s: {_many(faults.done)}."
        )

    def _recover(self) -> list[Broken]:
        """What was open when the last fault ended comes to its end within the time that was promised.

        A worker may still die at a point of the plan; the time counts from then.
        """
        work, then = self._work_left(), {row["id"] for row in self._open()}
        allowed, ended = self.run.recovery + work, time.time()
        while left := [row for row in self._open() if row["id"] in then]:
            self.programs.tend()
            if time.time() - max(ended, points.last(self.site.folder, self.run.plan)) > allowed:
                break
            time.sleep(0.2)
        took = time.time() - max(ended, points.last(self.site.folder, self.run.plan))
        self.tell(
            f"Recovered in {max(took, 0):.1f} s from the last fault or death; allowed were {self.run.recovery:.0f} s,"
            f" and {work:.1f} s for the work on {len(then)} operations."
        )
        return [
            Broken("unsettled", f"Operation {row['id']} ({row['kind']}) was still open after {took:.0f} s: {row}")
            for row in left
        ]

    def _work_left(self) -> float:
        """Seconds that what is open needs at the endpoint's limit."""
        rounds = -(-len(self._open()) // PARALLEL)
        return rounds * (self.host.longest + STEPS)

    def _open(self) -> list[evidence.Row]:
        """Open work, and machines that are due to be removed and wait for the clock's next tick."""
        open_ones = "SELECT * FROM lifecycle_operation WHERE state IN ('waiting', 'running')"
        due = (
            "SELECT -l.id AS id, 'due' AS kind FROM lifecycle_lease l JOIN lifecycle_machine m"
            " ON m.id = l.machine_id WHERE l.remove_at <= now() AND l.held_at IS NULL AND m.stage = 'quarantined'"
        )
        found = evidence.rows(self.database, due)
        if found:
            self.tick()
        return found + evidence.rows(self.database, open_ones)

    def days_pass(self, machine: int) -> None:
        """For one machine in its grace: its day to be removed has come."""
        done = "UPDATE lifecycle_lease SET remove_at = now() WHERE machine_id = %s AND stopped_at IS NOT NULL"
        while not self.clients.stopped.is_set():
            try:
                evidence.rows(self.database, done, machine)
                self.tick()
                return
            except psycopg.Error:
                time.sleep(0.5)

    def tick(self) -> None:
        """What beat sends every minute."""
        # Not this process's own: others ask which one is current.
        with Celery(broker=self.programs.env["BROKER_URL"], set_as_current=False) as app, suppress(Exception):
            app.send_task("lifecycle.tasks.advance_leases", queue="clockwork", expires=5, retry=False)

    def _until(self, look: Callable[[], bool], seconds: float, what: str, *, vital: bool = True) -> None:
        deadline = time.monotonic() + seconds
        while not look() and (vital or time.monotonic() < deadline):
            self.programs.tend()
            assert time.monotonic() < deadline, f"Not within {seconds:.0f} s: {what}\n{self.programs.logs()}"
            time.sleep(0.2)

    def _run_errands(self, number: int) -> None:
        """For the points that nobody came by yet."""
        self.host.trouble()
        self.clients.live(clients.errands(number), at_once=3).shutdown(wait=False)
        self._until(self.clients.finished, 2 * clients.PATIENCE, "errands to be run")
        self._until(lambda: not self._open(), 2 * clients.PATIENCE, "an end of them", vital=False)

    def _scan(self) -> None:
        """The portal looks once more: what somebody changed past it, or a refused act left, it knows from then on."""
        number = self.site.stage["endpoint"]
        scans = lambda: evidence.rows(self.database, "SELECT scans FROM lifecycle_endpoint WHERE id = %s", number)
        before = scans()
        self.clients.portals[ADMIN].ask(f"endpoints/{number}/scan/", {})
        self._until(lambda: scans() != before, 60, "a scan", vital=False)

    def _tell_of_points(self) -> list[str]:
        missed = points.missed(self.site.folder, self.run.plan)
        self.tell(
            f"Named points: {len(self.run.plan) - len(missed)} of {len(self.run.plan)} came;"
            f" programs started again: {self.programs.deaths}."
            + (f" Never came: {', '.join(missed)}." if missed else "")
        )
        return missed

    def _checked(self) -> list[Broken]:
        seen = evidence.gather(
            self.database,
            before=self.before,
            estate=self.host.look(),
            log=self.clients.log,
            folder=self.site.folder,
            mails=list(self.mail.mails),
        )
        self.tell(_states(seen))
        for trouble in self.clients.log.troubles:
            self.tell(trouble)
        return [broken for check in (*promises.CHECKS, *books.CHECKS) for broken in check(seen)]


def _states(seen: evidence.Evidence) -> str:
    requests = Counter(row["state"] for row in seen.requests)
    machines = Counter(row["stage"] for row in seen.machines)
    return (
        f"Requests: {_many(requests)}. Machines: {_many(machines)}. Operations: {len(seen.operations)}."
        f" Claims: {len(seen.claims)}. Mails: {len(seen.mails)}."
    )


def _many(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing"
