"""One file per kind of finding; `detect(now)` names every machine that has it at this moment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A machine that is not as it should be, what that costs a month, and why we think so."""

    machine_id: int
    cents_per_month: int
    evidence: list[dict[str, str]]
    """[{"what": key, "value": text}, …]; moments in ISO form, everything else hostile text."""
