"""Promises by number, and how a check says that one was not kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypervisors.conformance.bench import Bench
from hypervisors.contract import MEANINGS, Capabilities
from hypervisors.errors import HypervisorError


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True)
class Promise:
    number: int
    check: Callable[[Any], None]
    needs: Sequence[str] = ()
    """Capabilities without which an adapter does not give it."""

    @property
    def sentence(self) -> str:
        return (self.check.__doc__ or "").strip()

    def __str__(self) -> str:
        return f"{self.number:03}-{self.check.__name__}"


PROMISES: dict[int, Promise] = {}


def promise(number: int, *needs: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Files a check under a number that stays its own for good: gaps name it."""

    def file(check: Callable[[Bench], None]) -> Callable[[Bench], None]:
        if number in PROMISES or not check.__doc__ or not set(needs) <= set(MEANINGS):
            raise ValueError(f"Promise {number} is taken, needs what there is not, or does not say what it promises.")
        PROMISES[number] = Promise(number, check, needs)
        return check

    return file


def gaps(capabilities: Capabilities, declared: Mapping[int, str]) -> dict[int, str]:
    """Promises that an adapter does not give: those that need what it lacks, and those that its bench declares."""
    found = {}
    for number, given in PROMISES.items():
        lacking = [MEANINGS[need] for need in given.needs if not getattr(capabilities, need)]
        if lacking:
            found[number] = f"It cannot do this: {', '.join(lacking)}."
    return found | dict(declared)


def claim(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


def refused(call: Callable[[], object], *kinds: type[HypervisorError]) -> HypervisorError:
    """The error that a call must end with."""
    try:
        answer = call()
    except kinds as error:
        claim(bool(error.message.strip()), "A refusal comes with a sentence for a person.")
        return error
    raise Broken(f"{' or '.join(kind.__name__ for kind in kinds)} was due, but there was an answer: {answer!r}")
