"""People and programs that use the portal while it breaks: each repeats what was not answered, as good clients do."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.chaos.stage import ADMIN, PEOPLE, SUPERVISOR

PATIENCE = 45.0
"""Seconds that somebody repeats a question that is not answered, and watches what is being built."""
Answer = tuple[int, Any]
T = TypeVar("T")


@dataclass
class Log:
    """What clients were told, to be compared with what there is."""

    submitted: dict[str, set[int]] = field(default_factory=dict)
    """Idempotency key -> numbers of requests that were answered for it."""
    operations: set[int] = field(default_factory=set)
    """Work on a machine that was accepted."""
    answers: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def submission(self, key: str, number: int) -> None:
        with self.lock:
            self.submitted.setdefault(key, set()).add(number)


class Portal:
    """The programming interface, as one person's program sees it."""

    def __init__(self, url: str, token: str, log: Log, stopped: threading.Event) -> None:
        self.url, self.token, self.log, self.stopped = url, token, log, stopped

    def ask(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> Answer:
        """Repeats until there is an answer that is one: not a broken connection, a 5xx, or "the first is at work"."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = self._once(path, body, key)
            self.log.answers[f"{status}"] += 1
            under_way = status == 409 and str(answer.get("type")).endswith(":under_way")
            if 0 < status < 500 and not under_way:
                return status, answer
            if time.monotonic() > deadline or self.stopped.is_set():
                self.log.answers["never"] += 1
                return status, answer
            time.sleep(random.uniform(0.1, 0.6))

    def _once(self, path: str, body: dict[str, Any] | None, key: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/api/v1/{path}", data=data, headers=headers)  # noqa: S310 - our own
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own
                return answer.status, json.loads(answer.read() or "null")
        except HTTPError as error:
            return error.code, _read(error)
        except (URLError, OSError, ValueError):
            return 0, {}


def _read(error: HTTPError) -> Any:
    try:
        return json.loads(error.read())
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True)
class Story:
    """What happens to one order; everything is drawn before it begins, so that a seed tells the same stories."""

    name: str
    key: str
    who: str
    free: bool
    """Nobody needs to decide."""
    copies: int
    """How often it is submitted with the same key."""
    decision: str
    """approve, twice, refuse, race (with a withdrawal), withdraw"""
    afterwards: str
    """nothing, take_back, call_off, power, give_back, remove"""
    delay: float = 0.0
    """Seconds from the decision until what comes afterwards, where it may come too early."""


POWER = ("shut-down", "start", "restart")
DECISIONS = ("approve",) * 5 + ("twice",) * 2 + ("race", "race", "refuse", "withdraw")
AFTERWARDS = ("nothing",) * 5 + ("take_back",) * 2 + ("power",) * 4 + ("give_back",) * 2 + ("remove",) * 2


def stories(dice: random.Random, count: int) -> list[Story]:
    return [
        Story(
            name=f"vm-{number:03}",
            key=str(uuid.UUID(int=dice.getrandbits(128))),
            who=dice.choice(PEOPLE),
            free=dice.random() < 0.3,
            copies=dice.choice((1, 1, 2, 3)),
            decision=dice.choice(DECISIONS),
            afterwards=dice.choice(AFTERWARDS),
            delay=dice.uniform(0.0, 4.0),
        )
        for number in range(count)
    ]


def errands(number: int) -> list[Story]:
    """A few more orders, for what no other has brought about: one is taken back while it is built."""
    some = partial(Story, who=PEOPLE[0], free=True, copies=1, decision="approve")
    return [
        some(
            name=f"errand-{number}-{what}", key=f"errand-{number}-{what}", afterwards=what.replace("-", "_"), delay=1.5
        )
        for what in ("nothing", "take-back", "power")
    ]


def together(acts: list[Callable[[], T]]) -> list[T]:
    """All at once; what each came to."""
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


class Clients:
    """Lives the stories, many at once."""

    def __init__(self, url: str, stage: dict[str, Any], later: Callable[[int], None]) -> None:
        self.stage, self.log, self.stopped = stage, Log(), threading.Event()
        self.futures: list[Future[None]] = []
        self.later = later
        """Lets the days pass for a machine that was given back, so that it is due to be removed."""
        self.portals = {name: Portal(url, token, self.log, self.stopped) for name, token in stage["tokens"].items()}

    def live(self, all_of_them: list[Story], *, at_once: int) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(at_once)
        self.futures += [pool.submit(self._live, story) for story in all_of_them]
        return pool

    def finished(self, share: float = 1.0) -> bool:
        """Whether so many of the stories are told."""
        return sum(future.done() for future in self.futures) >= share * len(self.futures)

    def tidy(self) -> None:
        """Everybody withdraws what nobody will decide any more."""
        for name in PEOPLE:
            _, answer = self.portals[name].ask("requests/?mine=true&state=waiting&page_size=200")
            for row in answer["results"]:
                self.portals[name].ask(f"requests/{row['id']}/cancel/", {})

    def _live(self, story: Story) -> None:
        try:
            if (number := self._submit(story)) is not None:
                self._decide(story, number)
                self._afterwards(story, number)
        except Exception as error:
            self.log.troubles.append(f"The client of {story.name} broke off: {error!r}")
            raise

    def _submit(self, story: Story) -> int | None:
        body = {
            "blueprint": self.stage["free" if story.free else "asked"],
            "size": self.stage["size"],
            "name": story.name,
            "purpose": "Lives in interesting times",
            "last_day": (date.today() + timedelta(days=60)).isoformat(),  # noqa: DTZ011 - two months away
        }
        numbers = set(together([lambda: self._submit_once(story, body)] * story.copies))
        return min((number for number in numbers if number is not None), default=None)

    def _submit_once(self, story: Story, body: dict[str, Any]) -> int | None:
        status, answer = self.portals[story.who].ask("requests/", body, key=story.key)
        if status != 201:
            if 400 <= status < 500 and status != 409:
                self.log.troubles.append(f"The order of {story.name} was answered {status}: {answer}")
            return None
        self.log.submission(story.key, answer["id"])
        return int(answer["id"])

    def _decide(self, story: Story, number: int) -> None:
        if story.free:
            return
        approver, requester = self.portals[SUPERVISOR], self.portals[story.who]
        approve = lambda: approver.ask(f"requests/{number}/approve/", {})
        withdraw = lambda: requester.ask(f"requests/{number}/cancel/", {})
        match story.decision:
            case "approve":
                approve()
            case "twice":
                together([approve, approve])
            case "refuse":
                approver.ask(f"requests/{number}/refuse/", {"comment": "Not this month."})
            case "withdraw":
                withdraw()
            case "race":
                together([approve, withdraw])

    def _afterwards(self, story: Story, number: int) -> None:
        requester = self.portals[story.who]
        if story.afterwards == "take_back":
            time.sleep(story.delay)
            requester.ask(f"requests/{number}/cancel/", {})
            return
        if story.afterwards == "nothing" or (machine := self._handed_over(requester, number)) is None:
            return
        if story.afterwards == "power":
            self._power(requester, machine, story)
        else:
            requester.ask(f"machines/{machine}/give-back/", {})
            if story.afterwards == "remove" and self._watch(requester, f"machines/{machine}/", "stage", "quarantined"):
                self.later(machine)

    def _handed_over(self, requester: Portal, number: int) -> int | None:
        """The machine of a request, once it is ready; None when there will be none."""
        found = self._watch(requester, f"requests/{number}/", "state", "done", "failed", "refused", "cancelled")
        return found["machine"] if found and found["state"] == "done" else None

    def _watch(self, who: Portal, path: str, field: str, *words: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.stopped.is_set():
            status, answer = who.ask(path)
            if status == 200 and answer[field] in words:
                return dict(answer)
            time.sleep(0.5)
        return None

    def _power(self, requester: Portal, machine: int, story: Story) -> None:
        dice = random.Random(story.key)
        for _ in range(dice.randint(1, 3)):
            press = partial(requester.ask, f"machines/{machine}/{dice.choice(POWER)}/", {})
            # Without a key: pressed twice it is one operation, or a conflict.
            for status, answer in together([press] * dice.choice((1, 2))):
                if status == 202:
                    with self.log.lock:
                        self.log.operations.add(answer["id"])
            time.sleep(dice.uniform(0.2, 2.0))


def administrator(clients: Clients, dice: random.Random) -> None:
    """Steers whatever is open until all stories are told: has it tried now, calls it off, says that it is done."""
    portal, why = clients.portals[ADMIN], {"reason": "Looked at it"}
    while not clients.finished() and not clients.stopped.is_set():
        status, answer = portal.ask("operations/?open=true")
        if status == 200 and answer["results"]:
            number = dice.choice(answer["results"])["id"]
            match dice.choices(("retry", "cancel", "resolve", "scan"), (6, 1, 1, 1))[0]:
                case "retry":
                    portal.ask(f"operations/{number}/retry/", {})
                case "cancel":
                    portal.ask(f"operations/{number}/cancel/", why)
                case "resolve":
                    portal.ask(f"operations/{number}/resolve/", {**why, "verdict": "done"})
                case "scan":
                    portal.ask(f"endpoints/{clients.stage['endpoint']}/scan/", {})
        time.sleep(dice.uniform(0.5, 2.0))
