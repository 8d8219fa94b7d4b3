"""What is played: everything at once, or a few orders among which one planted bug must show."""

from __future__ import annotations

import random
from typing import Any

from tests.chaos import clients, plans
from tests.chaos.clients import Story
from tests.chaos.plans import kill, meet
from tests.chaos.points import BETWEEN
from tests.chaos.programs import WORKERS
from tests.chaos.run import RECOVERY, Run

SECONDS_EACH, LEAST_SECONDS = 0.5, 22.0
"""How long things break: so long for each order, at least so long."""
SHORT_CLAIM = "3"
"""Seconds, where a scenario waits for a claim to run out."""

SCENARIOS: dict[str, tuple[int, list[dict[str, Any]], dict[str, str]]] = {
    # The second worker finds a machine that was begun, and no note of it.
    "no stamp check": (1, [kill("submit.after")], {"CHAOS_CLAIM": SHORT_CLAIM}),
    # Both look before either writes. The one takes the claim from the other when that one has looked at it for the
    # last time before its call, and neither calls before both could: without the order of these it is a matter of luck.
    "blind claim": (
        1,
        [meet("claim.before"), {**meet(BETWEEN), "planted": True}, {**meet("submit.before"), "planted": True}],
        {},
    ),
    # Between the operation's end and what follows from it.
    "outcome apart": (2, [kill("end.begun")], {"CHAOS_CLAIM": SHORT_CLAIM}),
}
"""Per plant: how many orders, where workers die or wait, and what they are told."""


def usual(seed: int, requests: int, *, recovery: float = RECOVERY, errands: bool = True) -> Run:
    """As many orders as asked for, each kind of fault in its turn, and each named point once."""
    dice = random.Random(seed)
    return Run(
        seed,
        clients.stories(dice, requests),
        plans.every_point(dice, requests),
        seconds=max(LEAST_SECONDS, requests * SECONDS_EACH),
        recovery=recovery,
        errands=errands,
    )


def scenario(name: str, *, planted: bool) -> Run:
    """Without the plant the same happens, but for points that only the plant brings two workers to."""
    count, plan, settings = SCENARIOS[name]
    plain = [deed for deed in plan if planted or not deed.get("planted")]
    stories = [
        Story(f"vm-{number}", f"key-{number}", "lena", free=True, copies=1, decision="approve", afterwards="nothing")
        for number in range(count)
    ]
    return Run(
        seed=0,
        stories=stories,
        plan=plain,
        cast=("web", *WORKERS, "clockwork", "beat-1"),
        pace=0.2,
        settings=settings | ({"CHAOS_PLANT": name} if planted else {}),
    )
