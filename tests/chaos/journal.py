"""What each worker process writes down of its claims: one line per event, by the database's clock.

The intervals are never longer than the claims were: a release counts from before it was written. Whoever reads them
may so miss a moment's overlap, and never sees one that was not.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

BLUR = timedelta(seconds=0.5)
"""A statement takes its time before it looks at the rows: what is shorter is no overlap."""


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
            if (operation := claim(pk)) is not None:
                self._has("taken", operation)
            return operation

        def noting(operation: Any, **changes: Any) -> bool:
            kept = note(operation, **changes)
            if kept and "claimed_until" in changes:
                self._has("renewed", operation)
            return kept

        claims.claim, claims.note = claiming, noting
        claims.release = self._giving_back("released", claims.release)
        claims.finish = self._giving_back("finished", claims.finish)

    def _has(self, event: str, operation: Any) -> None:
        from lifecycle.operations import claims
        from lifecycle.operations.models import Operation

        mine = Operation.objects.filter(pk=operation.pk, claimed_by=operation.claimed_by)
        if (until := mine.values_list("claimed_until", flat=True).first()) is not None:
            self.write(event, operation, until - claims.CLAIM, until)

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
    return [
        _claim(operation, token, found)
        for (operation, token), found in events.items()
        if any(event["until"] for event in found)
    ]


def _claim(operation: int, token: str, events: list[dict[str, Any]]) -> Claim:
    times = [datetime.fromisoformat(event["at"]) for event in events]
    until = max(datetime.fromisoformat(event["until"]) for event in events if event["until"])
    given_back = [at for at, event in zip(times, events, strict=True) if not event["until"]]
    return Claim(operation, token, min(times), min([until, *given_back]))


def overlaps(claims: list[Claim]) -> list[tuple[Claim, Claim]]:
    """Pairs on one operation that were held at the same time."""
    found = []
    by_operation = defaultdict(list)
    for claim in claims:
        by_operation[claim.operation].append(claim)
    for several in by_operation.values():
        several.sort(key=lambda claim: claim.begun)
        for number, first in enumerate(several):
            found += [
                (first, second)
                for second in several[number + 1 :]
                if min(first.until, second.until) - second.begun > BLUR
            ]
    return found
