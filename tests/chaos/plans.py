"""Where workers die, drawn from the seed or named."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.chaos.points import HOLDS, POINTS, RARE

REQUESTS_A_HOLD = 50
"""A worker that is held does nothing else meanwhile."""


def every_point(dice: random.Random, requests: int) -> list[dict[str, Any]]:
    """A death at each point once, at an occurrence that so many requests bring about; and workers that are held."""
    deaths = {point: _death(dice, point, requests) for point in POINTS}
    places = dice.sample(HOLDS, min(len(HOLDS), requests // REQUESTS_A_HOLD))
    # The next one that comes by after a death there.
    holds = [{**deaths[point], "occurrence": deaths[point]["occurrence"] + 1, "deed": "hold"} for point in places]
    return [*deaths.values(), *holds]


def _death(dice: random.Random, point: str, requests: int) -> dict[str, Any]:
    often = requests // (40 if point in RARE else 4)
    deed = dice.choice(("kill", "kill", "kill-group"))
    return {"point": point, "occurrence": dice.randint(1, max(1, often)), "deed": deed}


def kill(point: str) -> dict[str, Any]:
    """The first worker that comes by dies."""
    return {"point": point, "occurrence": 1, "deed": "kill"}


def meet(point: str) -> dict[str, Any]:
    """Two workers go on from here at the same moment."""
    return {"point": point, "deed": "meet"}


def write(folder: Path, plan: list[dict[str, Any]]) -> None:
    (folder / "plan.json").write_text(json.dumps(plan))
