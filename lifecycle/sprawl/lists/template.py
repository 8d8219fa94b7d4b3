"""The orphans of this moment as a list to fill in, with what helps to recognise them."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from lifecycle.audit.actions import record
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Endpoint
from lifecycle.people.models import User
from lifecycle.sprawl.lists.reading import TOLD
from lifecycle.sprawl.models import Finding, HolderCandidate
from lifecycle.sprawl.queries import orphans

HEAD = ("machine", "holder", "purpose", "last_day", *TOLD)
CHUNK = 500
LONGEST = 200


def hand_out(*, q: str = "", endpoint: Endpoint | None = None, by: User) -> Iterator[list[tuple[str, ...]]]:
    """Rows below HEAD, in chunks of short queries. Who took them is recorded before the first."""
    with transaction.atomic():
        record("orphans.exported", by, by=by, q=q, endpoint=str(endpoint or ""))
    return _in_chunks(q=q, endpoint=endpoint, by=by)


def _in_chunks(*, q: str, endpoint: Endpoint | None, by: User) -> Iterator[list[tuple[str, ...]]]:
    last, found = 0, orphans(by, q=q, endpoint=endpoint).order_by("id")
    while rows := list(found.filter(pk__gt=last)[:CHUNK]):
        last = rows[-1].pk
        likely = _likely([row.on_machine.pk for row in rows])
        yield [_cells(row, likely.get(row.on_machine.pk, "")) for row in rows]


def _likely(machines: list[int]) -> dict[int, str]:
    """The first candidate of each, where there is one: a hint beside the empty cell, never in it."""
    found = HolderCandidate.objects.filter(machine__in=machines).select_related("person", "team")
    best: dict[int, str] = {}
    for candidate in found.order_by("machine", "-score", "id"):
        name = candidate.person.username if candidate.person else str(candidate.team)
        best.setdefault(candidate.machine_id, f"{name} ({candidate.score})")
    return best


def _cells(row: Finding, likely: str) -> tuple[str, ...]:
    machine = row.on_machine
    told = {
        "machine_name": machine.name,
        "endpoint": machine.endpoint.name,
        "folder": machine.folder,
        "guest_name": machine.guest_name,
        "made_by": machine.created_by,
        "note": " ".join(machine.note.split()),
        "found": row.since.date().isoformat(),
        "cost_per_month": f"{row.cents_per_month / 100:.2f}",
        "likely": likely,
    }
    return (f"#{machine.pk}", "", "", "", *(cut(told[name], LONGEST) for name in TOLD))
