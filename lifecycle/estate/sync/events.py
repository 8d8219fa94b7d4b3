"""What the hypervisor's own record adds to what a look sees: who made, started, stopped and removed machines.

It is a hint that a machine's row is completed with; holders, stages and spans never follow it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from hypervisors.contract import Event, What
from hypervisors.errors import HypervisorError
from lifecycle import bulk
from lifecycle.errors import DomainError
from lifecycle.estate.cleaning import cut
from lifecycle.estate.connections import can, connect
from lifecycle.estate.models import Endpoint, Machine, Missing, Power
from lifecycle.estate.models.machines import LIVE
from lifecycle.estate.sync.missing import EXPECTED
from lifecycle.estate.sync.reading import Look

FIRST = timedelta(days=90)
"""How far back an endpoint is asked when it is new here."""
PAGES = 20
"""In one look; the next goes on."""
CHUNK = 1000
POWERS = {What.STARTED: (Power.ON,), What.STOPPED: (Power.OFF, Power.SUSPENDED)}
"""What a machine is after such an event."""
COLUMNS = ("created_by", "created_at", "power_since", "powered_by", "missing_reason", "missing_by")


def fold_events(endpoint: Endpoint, look: Look) -> list[str]:
    """Reads on where the last look ended. What goes wrong costs a note, and is tried again next time."""
    if not can(endpoint, "events"):
        return []
    try:
        for page in _pages(endpoint, look.at):
            _fold(endpoint, page, look)
            # Never ahead of us, whatever a clock over there says: what is still to come would be skipped.
            reached = min(page[-1].at, look.at)
            Endpoint.objects.filter(pk=endpoint.pk).update(events_at=reached)
    except (HypervisorError, DomainError) as error:
        return [cut(_("Its events could not be read: %(problem)s") % {"problem": error.message}, 300)]
    except (AttributeError, TypeError, ValueError) as error:
        return [cut(_("Its events could not be understood: %(problem)s") % {"problem": error}, 300)]
    return []


def _pages(endpoint: Endpoint, at: datetime) -> Iterator[Sequence[Event]]:
    since = endpoint.events_at or at - FIRST
    with connect(endpoint, read_only=True) as hypervisor:
        for _page in range(PAGES):
            found = [event for event in hypervisor.events(since) if event.at > since]
            if not found:
                return
            yield found
            since = found[-1].at


@transaction.atomic
def _fold(endpoint: Endpoint, events: Sequence[Event], look: Look) -> None:
    by_ref: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_ref[event.machine_ref].append(event)
    refs = list(by_ref)
    for start in range(0, len(refs), CHUNK):
        _fold_chunk(endpoint, {ref: by_ref[ref] for ref in refs[start : start + CHUNK]}, look)


def _fold_chunk(endpoint: Endpoint, events: Mapping[str, list[Event]], look: Look) -> None:
    rows = Machine.objects.select_for_update().filter(endpoint=endpoint, native_ref__in=list(events), stage__in=LIVE)
    changed: dict[int, tuple[Any, ...]] = {}
    for row in rows.only("native_ref", "stage", "power", "missing_since", *COLUMNS).order_by("pk"):
        before = _values(row)
        _tell(row, events[row.native_ref], look)
        if (after := _values(row)) != before:
            changed[row.pk] = after
    bulk.update(Machine, COLUMNS, changed)


def _values(row: Machine) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in COLUMNS)


def _tell(row: Machine, events: Iterable[Event], look: Look) -> None:
    """Oldest first: the last one that fits what the machine is now tells since when."""
    for event in events:
        who, at = cut(event.who, 255), min(event.at, look.at)
        if event.what is What.CREATED:
            row.created_by = row.created_by or who
            row.created_at = row.created_at or at
        elif row.power in POWERS.get(event.what, ()):
            row.power_since, row.powered_by = at, who
        elif event.what is What.REMOVED and row.stage in EXPECTED and (row.missing_since or not look.complete):
            row.missing_by = who
            if row.missing_reason != Missing.ELSEWHERE:
                row.missing_reason = Missing.REMOVED.value
