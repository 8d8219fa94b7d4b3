"""The engine among what breaks around it, in short; and the bugs that this would find."""

from __future__ import annotations

import pytest

from tests.chaos import run, scenarios
from tests.chaos.ground import Ground
from tests.chaos.plants import PLANTS

pytestmark = pytest.mark.chaos

CAUGHT = {"no stamp check": "twice", "blind claim": "twice", "outcome apart": "unsettled"}
"""Which kind of broken promise tells of a bug."""


def test_every_plant_has_its_scenario() -> None:
    assert set(scenarios.SCENARIOS) == set(PLANTS) == set(CAUGHT)


@pytest.mark.parametrize("name", PLANTS)
def test_planted_bug_is_found(ground: Ground, name: str) -> None:
    result = run.play(ground, scenarios.scenario(name, planted=True))

    assert result.missed == [], "nobody died where somebody should have"
    assert CAUGHT[name] in {broken.kind for broken in result.broken}, result


@pytest.mark.parametrize("name", PLANTS)
def test_without_the_bug_the_same_scenario_breaks_nothing(ground: Ground, name: str) -> None:
    result = run.play(ground, scenarios.scenario(name, planted=False))

    assert result.missed == [], "nobody died where somebody should have"
    assert result.broken == [], result


def test_nothing_is_lost_and_nothing_done_twice_whatever_breaks(ground: Ground) -> None:
    """How fast it recovers, and whether each named point came, is for `make chaos`, on a machine of its own."""
    short = scenarios.usual(seed=7, requests=40, recovery=180.0, errands=False)

    result = run.play(ground, short)

    assert result.broken == [], result
