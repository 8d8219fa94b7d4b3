"""One look at an endpoint, from the first call to the last row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DataError, IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from hypervisors.contract import Inventory
from hypervisors.errors import HypervisorError
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, House, record
from lifecycle.errors import DomainError
from lifecycle.estate.actions import record_answer, record_failure
from lifecycle.estate.cleaning import cut
from lifecycle.estate.connections import connect
from lifecycle.estate.models import Endpoint, Machine
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.estate.sync.machines import Counts, write_machines
from lifecycle.estate.sync.missing import count_missed
from lifecycle.estate.sync.parts import Parts, write_parts
from lifecycle.estate.sync.reading import Look, Seen, read
from lifecycle.people.models import User
from lifecycle.people.permissions import require

log = logging.getLogger(__name__)

CHUNK = 500


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one look came to. Not `answered`: `error` says why. Not `complete`: it missed nothing, by rule."""

    answered: bool
    complete: bool = False
    seen: int = 0
    found: int = 0
    changed: int = 0
    missed: int = 0
    returned: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""

    def __bool__(self) -> bool:
        return self.answered


def sync(endpoint: Endpoint, *, by: User | House = HOUSE) -> SyncResult:
    """Looks at an endpoint and brings its rows up to date. Never changes anything there; safe to run twice at once."""
    _record_wish(endpoint, by)
    # Real time: whether the scans of an endpoint follow each other has nothing to do with the shifted clock.
    began, at = datetime.now(UTC), clock.now()
    try:
        version, inventory = _ask(endpoint)
    except (HypervisorError, DomainError) as error:
        record_failure(endpoint.pk, error.message)
        return SyncResult(answered=False, error=error.message)
    except Exception:
        # An adapter that breaks its promise costs its own endpoint, not the scan of the others.
        log.exception("The scan of endpoint %s broke off.", endpoint.pk)
        message = _("What the endpoint answered could not be read; the log says why.")
        record_failure(endpoint.pk, message)
        return SyncResult(answered=False, error=message)
    record_answer(endpoint.pk)
    look = read(inventory.machines, at=at, complete=inventory.complete)
    look.notes[:0] = inventory.gaps
    counts = _write(endpoint, look, write_parts(endpoint, inventory))
    look.notes = list(dict.fromkeys(look.notes))
    missed = _close(endpoint, look, began=began, version=version)
    return SyncResult(
        answered=True,
        complete=look.complete,
        seen=len(look.machines),
        found=counts.found,
        changed=counts.changed,
        missed=missed,
        returned=counts.returned,
        notes=tuple(look.notes),
    )


def _record_wish(endpoint: Endpoint, by: User | House) -> None:
    if isinstance(by, House):
        return
    require(by, MANAGE_ENDPOINTS)
    with transaction.atomic():
        record("endpoint.scan_asked", endpoint, by=by)


def _ask(endpoint: Endpoint) -> tuple[str, Inventory]:
    with connect(endpoint, read_only=True) as hypervisor:
        return hypervisor.check(), hypervisor.inventory()


def _write(endpoint: Endpoint, look: Look, parts: Parts) -> Counts:
    total, machines = Counts(), list(look.machines.values())
    for start in range(0, len(machines), CHUNK):
        _write_chunk(endpoint, machines[start : start + CHUNK], look, parts, total)
    if look.broken:
        # They are there, so they are not missing; nothing else is known of them.
        Machine.objects.filter(endpoint=endpoint, native_ref__in=look.broken).update(seen_at=look.at)
    return total


def _write_chunk(endpoint: Endpoint, chunk: Sequence[Seen], look: Look, parts: Parts, total: Counts) -> None:
    """A chunk that the database refuses is written machine by machine, so that only the culprit stays behind."""
    try:
        counts = write_machines(endpoint, chunk, look, parts)
    except (IntegrityError, DataError, OverflowError, ValueError) as error:
        if len(chunk) > 1:
            for seen in chunk:
                _write_chunk(endpoint, [seen], look, parts, total)
            return
        log.warning("Machine %s of endpoint %s was not written: %s", chunk[0].ref, endpoint.pk, error)
        look.broken.append(chunk[0].ref)
        look.notes.append(_("%(ref)s could not be stored; the log says why.") % {"ref": chunk[0].ref})
        return
    total.found += counts.found
    total.changed += counts.changed
    total.returned += counts.returned


def _close(endpoint: Endpoint, look: Look, *, began: datetime, version: str) -> int:
    """Ends the scan; a complete one counts what it missed, unless another one ended since it began."""
    mine = Endpoint.objects.filter(pk=endpoint.pk)
    said = {"scan_error": cut("\n".join(look.notes), 2000), "version": cut(version, 200)}
    if not look.complete:
        mine.update(**said)
        return 0
    first = mine.filter(Q(scanned_at=None) | Q(scanned_at__lte=began))
    if not first.update(**said, scanned_at=datetime.now(UTC), scans=F("scans") + 1):
        return 0
    return count_missed(endpoint, at=look.at)
