"""Looking for disk files that nothing of an endpoint uses: network first, then one short transaction.

Whether such a file is an orphan is proven elsewhere, from the looks of every endpoint that mounts its storage.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from hypervisors.contract import DiskFile as Told
from hypervisors.contract import DiskFiles
from hypervisors.errors import HypervisorError, Unreachable
from hypervisors.retired import is_retired
from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record_many
from lifecycle.errors import DomainError
from lifecycle.estate.actions import record_answer, record_failure
from lifecycle.estate.cleaning import cut, whole
from lifecycle.estate.connections import can, connect
from lifecycle.estate.models import Datastore, DiskFile, Endpoint

log = logging.getLogger(__name__)

CHUNK = 500
LARGEST = 2**63 - 1
LONGEST = 500
UNSURE = "looks"
"""Code of the doubt about a file that one look has found (`sprawl/files/proof.py`)."""
State, End = DiskFile.State, DiskFile.End

CHANGED = ("ref", "name", "size_mib", "changed_at", "state", "unused_since", "looks", "seen_at", "former_name",
           "retire_key", "retired_at", "remove_at", "doubt")  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileLook:
    """What one look came to. Not `complete`: it counted nothing and ended nothing."""

    answered: bool
    complete: bool = False
    unused: int = 0
    ended: int = 0
    error: str = ""


@dataclass(slots=True)
class _Changes:
    new: list[DiskFile] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    """As they were before: only counted."""
    changed: list[DiskFile] = field(default_factory=list)
    left: dict[int, DiskFile] = field(default_factory=dict)
    """Rows that no unused file was found for, yet."""


def look_at_files(endpoint: Endpoint) -> FileLook | None:
    """Looks once; safe to run twice at once. None where endpoints of its kind cannot tell of disk files."""
    if not can(endpoint, "disk_files"):
        return None
    # Real time says whether looks follow each other, as with scans; days without use go by the shifted clock.
    began, at = datetime.now(UTC), clock.now()
    try:
        with connect(endpoint, read_only=True) as hypervisor:
            told = hypervisor.disk_files()
    except (HypervisorError, DomainError) as error:
        if isinstance(error, Unreachable):
            record_failure(endpoint.pk, error.message)
        return _failed(endpoint, error.message)
    except Exception:
        # An adapter that breaks its promise costs its own endpoint, not the looks at the others.
        log.exception("The look at the disk files of endpoint %s broke off.", endpoint.pk)
        return _failed(endpoint, _("What the endpoint answered could not be read; the log says why."))
    record_answer(endpoint.pk)
    return _write(endpoint, told, began=began, at=at)


def _failed(endpoint: Endpoint, message: str) -> FileLook:
    Endpoint.objects.filter(pk=endpoint.pk).update(files_error=cut(message, 2000))
    return FileLook(answered=False, error=message)


@transaction.atomic
def _write(endpoint: Endpoint, told: DiskFiles, *, began: datetime, at: datetime) -> FileLook:
    """The endpoint's row is taken first, so that of two looks at once the second one to end counts for nothing."""
    mine = Endpoint.objects.filter(pk=endpoint.pk)
    words = cut("\n".join(told.gaps), 2000)
    if not told.complete:
        mine.update(files_error=words or _("Not all of its disk files could be read."))
        _doubt(endpoint, told.files, at)
        return FileLook(answered=True, error=words)
    first = mine.filter(Q(files_at=None) | Q(files_at__lte=began))
    if not first.update(files_at=datetime.now(UTC), files_error=""):
        return FileLook(answered=True, complete=True)
    datastores = {row.ref: row for row in Datastore.objects.filter(endpoint=endpoint, gone=False).order_by()}
    unused = _unused(told.files, datastores)
    changes = _compare(unused, datastores, at)
    _save(changes, at)
    _end(changes.left.values(), told.files, datastores, at)
    Datastore.objects.filter(pk__in=[row.pk for row in datastores.values()]).update(files_at=datetime.now(UTC))
    _choose_leads(datastores.values())
    return FileLook(answered=True, complete=True, unused=len(unused), ended=len(changes.left))


def _is_unused(file: Told) -> bool:
    return not file.used_by and not file.kept_for


def _unused(files: Iterable[Told], datastores: dict[str, Datastore]) -> list[Told]:
    """One each, of those that the tables can hold: half a name would name another file."""
    fit = [
        file
        for file in files
        if _is_unused(file)
        and file.datastore_ref in datastores
        and all(text and cut(text, LONGEST) == text for text in (file.ref, file.name))
    ]
    return list({(file.datastore_ref, file.ref): file for file in fit}.values())


def _doubt(endpoint: Endpoint, files: Sequence[Told], at: datetime) -> None:
    """Part of an answer ends nothing; but a file that it shows in use has not been unused since."""
    used = [file.ref for file in files if file.used_by]
    for start in range(0, len(used), CHUNK):
        rows = _rows(endpoint).filter(ref__in=used[start : start + CHUNK])
        rows.exclude(state__in=DiskFile.UNDER_WAY).update(looks=0, unused_since=at)


def _rows(endpoint: Endpoint) -> QuerySet[DiskFile]:
    return DiskFile.objects.filter(datastore__endpoint=endpoint, gone_at=None).order_by()


def _compare(unused: list[Told], datastores: dict[str, Datastore], at: datetime) -> _Changes:
    pks = [row.pk for row in datastores.values()]
    here = DiskFile.objects.filter(datastore__in=pks).order_by()
    untouchable = Q(gone_at=None, state__in=DiskFile.UNDER_WAY) | Q(touched_at__gte=at)
    busy = _Names(here.filter(untouchable))
    rows = list(here.filter(gone_at=None).exclude(untouchable))
    known, changes = _Names(rows), _Changes(left={row.pk: row for row in rows})
    for file in unused:
        place = datastores[file.datastore_ref].pk
        if busy.find(place, file) is not None:
            continue
        row = known.find(place, file)
        if row is None or row.pk not in changes.left:
            changes.new.append(_new(file, place, at))
            continue
        del changes.left[row.pk]
        if _adapt(row, file, at):
            changes.changed.append(row)
        else:
            changes.again.append(row.pk)
    return changes


class _Names:
    """Rows by all that their file may be called, before and after it was renamed."""

    def __init__(self, rows: Iterable[DiskFile]) -> None:
        self._by_text: dict[tuple[int, str], DiskFile] = {}
        self._renamed: list[DiskFile] = []
        for row in rows:
            for text in {f"ref:{row.ref}", f"name:{row.name}", f"name:{row.former_name}"} - {"name:"}:
                self._by_text.setdefault((row.datastore_id, text), row)
            if row.retire_key:
                self._renamed.append(row)

    def find(self, place: int, file: Told) -> DiskFile | None:
        for text in (f"ref:{file.ref}", f"name:{file.name}"):
            if (row := self._by_text.get((place, text))) is not None:
                return row
        marked = (row for row in self._renamed if row.datastore_id == place)
        return next((row for row in marked if is_retired(file.name, row.retire_key)), None)


def _new(file: Told, place: int, at: datetime) -> DiskFile:
    return DiskFile(
        datastore_id=place, ref=file.ref, name=file.name, size_mib=whole(file.size_mib, most=LARGEST),
        changed_at=_aware(file.changed_at), unused_since=at, seen_at=at, doubt=UNSURE,
    )  # fmt: skip


def _adapt(row: DiskFile, file: Told, at: datetime) -> bool:
    """Brings a row up to date; whether there was more to it than one more look. What changed is used by somebody."""
    size, changed_at = whole(file.size_mib, most=LARGEST), _aware(file.changed_at)
    renamed = bool(row.retire_key) and is_retired(file.name, row.retire_key)
    unchanged = (row.size_mib, row.changed_at) == (size, changed_at) and (renamed or row.name == file.name)
    if unchanged and (row.ref, row.name) == (file.ref, file.name) and renamed == (row.state == State.RETIRED):
        return False
    if renamed and row.state == State.FOUND:  # it was given up as failed, and came to be all the same
        row.state, row.former_name, row.retired_at, row.remove_at = State.RETIRED, row.name, at, None
    elif row.state == State.RETIRED and not renamed:  # somebody gave it a name of its own
        row.state, row.former_name, row.retire_key, row.retired_at, row.remove_at = State.FOUND, "", "", None, None
    row.ref, row.name, row.size_mib, row.changed_at = file.ref, file.name, size, changed_at
    row.unused_since, row.looks = (row.unused_since, row.looks + 1) if unchanged else (at, 1)
    row.seen_at, row.doubt = at, UNSURE
    return True


def _save(changes: _Changes, at: datetime) -> None:
    DiskFile.objects.bulk_create(changes.new, batch_size=CHUNK)
    DiskFile.objects.bulk_update(changes.changed, CHANGED, batch_size=CHUNK)
    for start in range(0, len(changes.again), CHUNK):
        rows = DiskFile.objects.filter(pk__in=changes.again[start : start + CHUNK])
        rows.update(looks=F("looks") + 1, seen_at=at)


def _end(rows: Iterable[DiskFile], files: Iterable[Told], datastores: dict[str, Datastore], at: datetime) -> None:
    """Those that are used again, and those that are not there; what had been renamed for removal goes on record."""
    there = {(datastores[file.datastore_ref].pk, file.ref) for file in files if file.datastore_ref in datastores}
    ended = {end: [row for row in rows if ((row.datastore_id, row.ref) in there) == (end == End.USED)] for end in (
        End.USED, End.MISSING
    )}  # fmt: skip
    for end, some in ended.items():
        for start in range(0, len(some), CHUNK):
            pks = [row.pk for row in some[start : start + CHUNK]]
            DiskFile.objects.filter(pk__in=pks).update(gone_at=at, end=end, remove_at=None)
        record_many(f"diskfile.{end.value}", [row for row in some if row.state == State.RETIRED], by=HOUSE)


def _choose_leads(datastores: Iterable[Datastore]) -> None:
    """One row stands for each file of shared storage: one that was renamed, else one that could be."""
    shared = {row.identity for row in datastores if row.identity}
    rows = DiskFile.objects.filter(datastore__identity__in=shared, datastore__gone=False, gone_at=None).order_by()
    found = rows.values_list("datastore__identity", "name", "state", "datastore__endpoint__mode", "pk", "leads")
    best: dict[tuple[str, str], tuple[bool, bool, int]] = {}
    ranked = []
    for identity, name, state, mode, pk, leads in found:
        rank = (state == State.FOUND, mode != Endpoint.Mode.MANAGE, pk)
        best[identity, name] = min(rank, best.get((identity, name), rank))
        ranked.append(((identity, name), rank, leads))
    for wanted in (True, False):
        wrong = [rank[2] for key, rank, leads in ranked if (best[key] == rank) is wanted and leads is not wanted]
        for start in range(0, len(wrong), CHUNK):
            DiskFile.objects.filter(pk__in=wrong[start : start + CHUNK]).update(leads=wanted)


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)
