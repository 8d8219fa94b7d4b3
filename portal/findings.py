"""Which findings somebody asks for, for the pages, the API and exports alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lifecycle.sprawl.models import Confidence
from lifecycle.sprawl.reports import Wanted
from portal.record import people_called

NOBODY = "nobody"
PLAIN = ("kind", "endpoint", "pool", "confidence", "age", "min_cents", "exempt", "q")
NAMES = (*PLAIN, "team", "holder")


CONFIDENCES = {"certain": Confidence.CERTAIN, "likely": Confidence.LIKELY, "guess": Confidence.GUESS}


def wanted(asked: Mapping[str, Any]) -> Wanted:
    """From filters by their names in the API's address. Raises Invalid where more people fit than can be meant."""
    parts = {name: getattr(asked[name], "pk", asked[name]) for name in PLAIN if asked.get(name)}
    if (level := parts.get("confidence")) in CONFIDENCES:
        parts["confidence"] = CONFIDENCES[level]
    if (team := asked.get("team")) == NOBODY:
        parts["nobody"] = True
    elif team:
        parts["team"] = int(team)
    if holder := asked.get("holder"):
        parts["holders"] = people_called(holder)
    return Wanted(**parts)


def is_number(text: str) -> bool:
    """That a database can hold."""
    return bool(re.fullmatch(r"[0-9]{1,18}", text))
