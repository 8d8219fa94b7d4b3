"""The hosts of one endpoint: asked together, one after the other where there is one only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from hypervisors.contract import Power, Target
from hypervisors.errors import HypervisorError, InvalidRequest, NotFound, Unreachable
from hypervisors.kvm.client import Client
from hypervisors.kvm.mapping import POWER
from hypervisors.kvm.places import Place

T = TypeVar("T")

Outcomes = dict[Client, tuple[str, T] | BaseException]

REST_SECONDS = 15.0
"""How long a host that let us wait is taken for silent without being asked again."""


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What hosts said, in the order of the endpoint's list, and why others said nothing."""

    answers: Sequence[tuple[Client, T]]
    silent: Sequence[tuple[str, HypervisorError]]

    def whole(self) -> Sequence[tuple[Client, T]]:
        """Raises Unreachable unless all have answered."""
        if self.silent:
            said, error = self.silent[0]
            raise Unreachable(f"Host {said} has to be asked, and does not answer.", native=error.native)
        return self.answers


class Hosts:
    """One client per host, none of them shared with anybody."""

    def __init__(self, target: Target, places: Sequence[Place]) -> None:
        self.timeout = target.timeout
        self.clients = [Client(target, place.uri) for place in places]
        self.said = {client: place.said for client, place in zip(self.clients, places, strict=True)}
        self._rests = dict.fromkeys(self.clients, 0.0)

    @property
    def alone(self) -> bool:
        return len(self.clients) == 1

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """All calls inside share the target's time-out; text that is not what it should be is a fault of the host's."""
        with ExitStack() as stack:
            for client in self.clients:
                stack.enter_context(client.deadline())
            try:
                yield
            except ValueError as error:
                raise HypervisorError("What the host tells cannot be understood.", native=str(error)[:500]) from error

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def ask(self, question: Callable[[Client], T], *, last: bool = False) -> Asked[T]:
        """Raises what went wrong when nobody answers. Unless it is the `last` question, those that let us wait leave
        time for the work after it."""
        if self.alone:
            return Asked([(self.clients[0], question(self.clients[0]))], [])
        outcomes: Outcomes[T] = {}
        share = self.timeout if last else self.timeout / 2
        threads = [threading.Thread(target=self._put, args=(one, question, share, outcomes)) for one in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._sorted(outcomes)

    def _put(self, client: Client, question: Callable[[Client], T], seconds: float, outcomes: Outcomes[T]) -> None:
        began = time.monotonic()
        if began < self._rests[client]:
            outcomes[client] = Unreachable("It has not answered a moment ago.")
            return
        try:
            with client.at_most(seconds):
                outcomes[client] = (client.identity, question(client))
        except Unreachable as error:
            outcomes[client] = error
            if time.monotonic() - began > 1:
                self._rests[client] = time.monotonic() + REST_SECONDS
        except BaseException as error:  # handed to the caller's thread
            outcomes[client] = error

    def _sorted(self, outcomes: Outcomes[T]) -> Asked[T]:
        answers: list[tuple[Client, T]] = []
        silent: list[tuple[str, HypervisorError]] = []
        known: set[str] = set()
        for client in self.clients:
            outcome = outcomes[client]
            if isinstance(outcome, HypervisorError):
                silent.append((self.said[client], outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
            elif outcome[0] in known:
                silent.append((self.said[client], InvalidRequest("Another host of the list has the same host_uuid.")))
            else:
                known.add(outcome[0])
                answers.append((client, outcome[1]))
        if not answers:
            raise silent[0][1]
        return Asked(answers, silent)

    def everyone(self, question: Callable[[Client], T]) -> Sequence[tuple[Client, T]]:
        """For questions where half an answer would be a wrong one. Raises Unreachable unless all answer."""
        return self.ask(question).whole()

    def holder(self, ref: str) -> tuple[Client, str]:
        """The host that has a machine, and the machine's UUID. NotFound when all hosts say so."""
        uuid, host = _parts(ref)
        if self.alone and not host:
            return self.clients[0], uuid
        asked = self.ask(lambda client: client.state(uuid))
        there = [(client, state) for client, state in asked.answers if state is not None]
        if host:
            there = [one for one in there if one[0].identity == host]
        if not there:
            asked.whole()
            raise NotFound("There is no such machine on this endpoint.")
        return min(there, key=lambda one: not is_on(one[1]))[0], uuid


def is_on(state: int) -> bool:
    return POWER.get(state) is Power.ON


def _parts(ref: str) -> tuple[str, str]:
    """References are UUIDs as libvirt writes them, followed by the host's where several hosts have the same machine.
    Anything else cannot be there."""
    uuid, _, host = ref.partition("@")
    try:
        return str(UUID(uuid)), host
    except ValueError:
        raise NotFound("There is no such machine on this endpoint.") from None


def bare(ref: str) -> str:
    """A machine's UUID, of its reference."""
    return ref.partition("@")[0]
