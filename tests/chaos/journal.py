"""What each worker process writes down of its claims: one line per event, by the database's clock.

The intervals are never longer than the claims were: one begins after it was written, and ends before. Whoever reads
them may so miss a moment's overlap, and never sees one that was not.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


class Journal:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder

    def write(self, event: str, operation: Any, at: datetime, until: datetime | None = None) -> None:
        line = {
            "event": event,
            "operation": operation.pk,
            "token": operation.claimed_by,
            "at": at.isoformat(),
            "until": until and until.isoformat(),
        }
        with (self.folder / f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def keep(self) -> None:
        """Listens at the doors of the claims' module."""
        from lifecycle.operations import claims

        claim, note = claims.claim, claims.note

        def claiming(pk: int) -> Any:
            before = _now()
            if (operation := claim(pk)) is not None:
                self.write("taken", operation, _now(), before + claims.CLAIM)
            return operation

        def noting(operation: Any, **changes: Any) -> bool:
            before = _now() if "claimed_until" in changes else None
            kept = note(operation, **changes)
            if kept and before:
                self.write("renewed", operation, before, before + claims.CLAIM)
            return kept

        claims.claim, claims.note = claiming, noting
        claims.release = self._giving_back("released", claims.release)
        claims.finish = self._giving_back("finished", claims.finish)

    def _giving_back(self, event: str, plain: Callable[..., bool]) -> Callable[..., bool]:
        def giving_back(operation: Any, *args: Any, **changes: Any) -> bool:
            before = _now()
            given = plain(operation, *args, **changes)
            if given:
                self.write(event, operation, before)
            return given

        return giving_back


def _now() -> datetime:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found


@dataclass
class Claim:
    operation: int
    token: str
    begun: datetime
    until: datetime


def read(folder: Path) -> list[Claim]:
    """All claims that were ever taken, each up to where it ran out or was given back."""
    events = defaultdict(list)
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            event = json.loads(line)
            events[event["operation"], event["token"]].append(event)
    return [_claim(operation, token, found) for (operation, token), found in events.items()]


def _claim(operation: int, token: str, events: list[dict[str, Any]]) -> Claim:
    times = [datetime.fromisoformat(event["at"]) for event in events]
    until = max(datetime.fromisoformat(event["until"]) for event in events if event["until"])
    given_back = [at for at, event in zip(times, events, strict=True) if not event["until"]]
    taken = next(at for at, event in zip(times, events, strict=True) if event["event"] == "taken")
    return Claim(operation, token, taken, min([until, *given_back]))


def overlaps(claims: list[Claim]) -> list[tuple[Claim, Claim]]:
    """Each claim that was taken while another one on its operation was good, with that one."""
    found, held = [], defaultdict[int, list[Claim]](list)
    for claim in sorted(claims, key=lambda claim: claim.begun):
        first = next((each for each in held[claim.operation] if min(each.until, claim.until) > claim.begun), None)
        if first is not None:
            found.append((first, claim))
        held[claim.operation].append(claim)
    return found
