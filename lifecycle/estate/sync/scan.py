"""One look at an endpoint, from the first call to the last row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DataError, IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from hypervisors.errors import HypervisorError, Unreachable
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, House, record
from lifecycle.errors import DomainError
from lifecycle.estate.actions import record_answer, record_failure
from lifecycle.estate.cleaning import cut
from lifecycle.estate.models import Endpoint, Machine, Scan
from lifecycle.estate.permissions import MANAGE_ENDPOINTS
from lifecycle.estate.sync import progress
from lifecycle.estate.sync.asking import Answer, ask, keep_token, mode
from lifecycle.estate.sync.drifting import settle_drift
from lifecycle.estate.sync.events import fold_events
from lifecycle.estate.sync.machines import Busy, Counts, nobody_busy, write_machines
from lifecycle.estate.sync.missing import count_missed
from lifecycle.estate.sync.moving import follow_machines
from lifecycle.estate.sync.parts import Parts, known_parts, write_parts
from lifecycle.estate.sync.progress import Watched
from lifecycle.estate.sync.reading import Look, Seen, read
from lifecycle.people.models import User
from lifecycle.people.permissions import require

log = logging.getLogger(__name__)

CHUNK = 1000


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
    stopped: bool = False

    def __bool__(self) -> bool:
        return self.answered


def sync(
    endpoint: Endpoint, *, by: User | House = HOUSE, full: bool = False, asked_by: int | None = None,
    busy: Busy = nobody_busy,
) -> SyncResult:  # fmt: skip
    """Looks at an endpoint and brings its rows up to date. Never changes anything there.

    It looks at what changed, at intervals and when asked by a person at everything. Safe to run twice at once: the
    second returns at once. `busy` tells which machines have work of ours under way: what that does is no drift.
    """
    _record_wish(endpoint, by)
    endpoint = Endpoint.objects.get(pk=endpoint.pk)
    asked_by = asked_by if isinstance(by, House) else by.pk
    wanted, token = mode(endpoint, full=full or asked_by is not None)
    scan = progress.begin(endpoint, wanted, asked_by=asked_by)
    if scan is None:
        return SyncResult(answered=False, error=_("Another look at this endpoint is under way."))
    watched = Watched(scan)
    try:
        result = _look(endpoint, token, watched, busy)
    except BaseException:
        watched.end(Scan.State.FAILED, error=_("It broke off; the log says why."))
        raise
    progress.sweep(endpoint)
    return result


def _look(endpoint: Endpoint, token: str, watched: Watched, busy: Busy) -> SyncResult:
    # Real time: whether the scans of an endpoint follow each other has nothing to do with the shifted clock.
    began, at = datetime.now(UTC), clock.now()
    try:
        answer = ask(endpoint, token)
    except (HypervisorError, DomainError) as error:
        if not isinstance(error, Unreachable):
            keep_token(endpoint, "")  # perhaps it is the token that it cannot take
        return _failed(endpoint, watched, error.message)
    except Exception:
        # An adapter that breaks its promise costs its own endpoint, not the scan of the others.
        log.exception("The scan of endpoint %s broke off.", endpoint.pk)
        keep_token(endpoint, "")
        return _failed(endpoint, watched, _("What the endpoint answered could not be read; the log says why."))
    record_answer(endpoint.pk)
    look = read(
        answer.machines, at=at, complete=answer.complete, everything=answer.everything, gone=answer.gone
    )  # fmt: skip
    answer.machines = ()
    look.notes[:0] = answer.gaps
    parts = known_parts(endpoint) if answer.parts is None else write_parts(endpoint, answer.parts, at=at)
    if _write(endpoint, look, parts, watched, busy):
        return _close(endpoint, answer, look, watched, busy, began=began)
    keep_token(endpoint, "")
    watched.end(Scan.State.STOPPED, notes="\n".join(look.notes))
    return _result(look, watched, stopped=True)


def _failed(endpoint: Endpoint, watched: Watched, message: str) -> SyncResult:
    record_failure(endpoint.pk, message)
    watched.end(Scan.State.FAILED, error=message)
    return SyncResult(answered=False, error=message)


def _result(look: Look, watched: Watched, *, missed: int = 0, stopped: bool = False) -> SyncResult:
    counts = watched.counts
    return SyncResult(
        answered=True, complete=look.complete and not stopped, seen=len(look.known), found=counts.found,
        changed=counts.changed, missed=missed, returned=counts.returned, notes=tuple(look.notes), stopped=stopped,
    )  # fmt: skip


def _record_wish(endpoint: Endpoint, by: User | House) -> None:
    if isinstance(by, House):
        return
    require(by, MANAGE_ENDPOINTS)
    with transaction.atomic():
        record("endpoint.scan_asked", endpoint, by=by)


def _write(endpoint: Endpoint, look: Look, parts: Parts, watched: Watched, busy: Busy) -> bool:
    """False when it was stopped on the way: what is written stays."""
    watched.expect(len(look.known))
    for chunk in look.chunks(CHUNK):
        watched.wrote(len(chunk), _write_chunk(endpoint, chunk, look, parts, busy))
        if watched.is_to_stop():
            return False
    if look.broken and not look.complete:
        # They are there, so they are not missing; nothing else is known of them.
        Machine.objects.filter(endpoint=endpoint, native_ref__in=look.broken).update(seen_at=look.at)
    return True


def _write_chunk(endpoint: Endpoint, chunk: Sequence[Seen], look: Look, parts: Parts, busy: Busy) -> Counts:
    """A chunk that the database refuses is written machine by machine, so that only the culprit stays behind."""
    try:
        return write_machines(endpoint, chunk, look, parts, busy)
    except (IntegrityError, DataError, OverflowError, ValueError) as error:
        if len(chunk) > 1:
            each = [_write_chunk(endpoint, [seen], look, parts, busy) for seen in chunk]
            return Counts(*(sum(getattr(one, name) for one in each) for name in ("found", "changed", "returned")))
        log.warning("Machine %s of endpoint %s was not written: %s", chunk[0].ref, endpoint.pk, error)
        look.broken.append(chunk[0].ref)
        look.notes.append(_("%(ref)s could not be stored; the log says why.") % {"ref": chunk[0].ref})
        return Counts()


def _close(
    endpoint: Endpoint, answer: Answer, look: Look, watched: Watched, busy: Busy, *, began: datetime
) -> SyncResult:  # fmt: skip
    """Ends the look; a complete one counts what it missed, unless another one ended since it began."""
    look.notes = list(dict.fromkeys(look.notes))
    said = {"scan_error": cut("\n".join(look.notes), 2000), "version": cut(answer.version, 200)}
    missed = 0
    counts = look.complete and not (endpoint.scanned_at and endpoint.scanned_at > began)
    if counts:
        missed = count_missed(endpoint, look)
        now = datetime.now(UTC)
        full = {} if answer.parts is None else {"full_scan_at": now}
        Endpoint.objects.filter(pk=endpoint.pk).update(
            **said, **full, scanned_at=now, scans=F("scans") + 1, swept_at=look.at
        )  # fmt: skip
    else:
        Endpoint.objects.filter(pk=endpoint.pk).update(**said)
    usable = counts and (answer.parts is not None or not look.strange_places)
    keep_token(endpoint, answer.token if usable else "")
    if look.complete:
        follow_machines(endpoint, busy, at=look.at)
    settle_drift(endpoint, busy, at=look.at)
    look.notes += fold_events(endpoint, look)
    state = Scan.State.COMPLETE if look.complete else Scan.State.PARTIAL
    watched.end(state, missed=missed, notes="\n".join(look.notes))
    return _result(look, watched, missed=missed)
