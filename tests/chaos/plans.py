"""Where workers die, drawn from the seed or named."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.chaos.points import POINTS, RARE


def every_point(dice: random.Random, requests: int) -> list[dict[str, Any]]:
    """Each point once, at an occurrence that so many requests bring about."""
    return [
        {
            "point": point,
            "occurrence": dice.randint(1, max(1, requests // (20 if point in RARE else 4))),
            "deed": dice.choice(("kill", "kill", "kill-group")),
        }
        for point in POINTS
    ]


def kill(point: str) -> dict[str, Any]:
    """The first worker that comes by dies."""
    return {"point": point, "occurrence": 1, "deed": "kill"}


def meet(point: str) -> dict[str, Any]:
    """Two workers go on from here at the same moment."""
    return {"point": point, "deed": "meet"}


def write(folder: Path, plan: list[dict[str, Any]]) -> None:
    (folder / "plan.json").write_text(json.dumps(plan))
