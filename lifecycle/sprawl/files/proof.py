"""Which disk files are orphans: only those that every endpoint which mounts their storage was looked at for.

What is not proven is left alone, with the reasons. Everything here reads, but `settle`, which keeps the first reason
on each row so that lists can count and filter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hypervisors.retired import PREFIX, is_retired
from lifecycle.estate.models import Datastore, DiskFile, Scan
from lifecycle.sprawl.thresholds import Limits, limits_of

CHUNK = 500
FRESH = timedelta(hours=12)
"""How old looks and scans may be for a file to count as an orphan, and to be renamed."""
FRESH_TO_REMOVE = timedelta(hours=2)
"""And to be removed."""
State = DiskFile.State

WORDS: dict[str, str | Promise] = {
    "gone_storage": _("%(endpoint)s does not tell of this storage any more."),
    "unknown_storage": _(
        "Hosts that are not here may use this storage, and it cannot be told whether another endpoint mounts it."
    ),
    "shared": _("Hosts that are not here may use this storage."),
    "away": _("%(endpoint)s mounts its storage and does not answer."),
    "no_scan": _("%(endpoint)s mounts its storage and was not scanned completely yet."),
    "partial_scan": _("%(endpoint)s mounts its storage, and its last scan was not complete."),
    "old_scan": _("%(endpoint)s mounts its storage, and its last complete scan is too long ago."),
    "no_look": _("%(endpoint)s mounts its storage, and nobody has looked through all disk files there yet."),
    "partial_look": _("%(endpoint)s mounts its storage, and the last look at the disk files there was not complete."),
    "old_look": _("%(endpoint)s mounts its storage, and the last look at the disk files there is too long ago."),
    "unseen": _("%(endpoint)s mounts its storage, and does not tell of this file as one that nothing uses."),
    "looks": _("Not enough looks in a row have found it without a user."),
    "days": _("It has not been without a user for long enough."),
    "changed": _("It was changed not long ago."),
    "renamed": _("It has the name of a file that another Leasehold renamed, or this one before its record began."),
}
"""Code -> why a file is not proven to be an orphan."""


@dataclass(frozen=True, slots=True)
class Doubt:
    code: str
    endpoint: str = ""

    def __str__(self) -> str:
        return str(WORDS[self.code]) % {"endpoint": self.endpoint}


@dataclass(frozen=True, slots=True)
class View:
    """A storage as one endpoint mounts it."""

    datastore: Datastore
    doubts: tuple[Doubt, ...]


class Storages:
    """All storage, and what speaks against proving anything about it. One query."""

    def __init__(self, *, within: timedelta = FRESH) -> None:
        self.datastores = rows = list(_datastores(within))
        self._rows = {row.pk: row for row in rows}
        self._same: defaultdict[str, list[Datastore]] = defaultdict(list)
        for row in rows:
            if row.identity and not row.gone:
                self._same[row.identity].append(row)
        self._views: dict[int, tuple[View, ...]] = {}

    def views(self, datastore: int) -> tuple[View, ...]:
        """The storage from every endpoint that mounts it."""
        if datastore not in self._views:
            row = self._rows[datastore]
            rows = [row] if row.gone or not row.identity else self._same[row.identity]
            views = tuple(View(each, tuple(_doubts(each))) for each in rows)
            self._views |= {each.pk: views for each in rows}
        return self._views[datastore]

    def doubts(self, datastore: int) -> tuple[Doubt, ...]:
        return tuple(dict.fromkeys(doubt for view in self.views(datastore) for doubt in view.doubts))


def _datastores(within: timedelta) -> QuerySet[Datastore]:
    ended = Scan.objects.filter(endpoint=OuterRef("endpoint")).exclude(state=Scan.State.RUNNING).order_by("-pk")
    fresh_since = Now() - within
    return (
        Datastore.objects.select_related("endpoint")
        .annotate(
            last_scan=Subquery(ended.values("state")[:1]),
            scan_is_fresh=Q(endpoint__scanned_at__gt=fresh_since),
            look_is_fresh=Q(files_at__gt=fresh_since),
        )
        .order_by("pk")
    )


def _doubts(row: Datastore) -> Iterator[Doubt]:
    endpoint, name = row.endpoint, row.endpoint.name
    if row.gone:
        yield Doubt("gone_storage", name)
    if row.shared and not row.all_known:
        yield Doubt("shared" if row.identity else "unknown_storage")
    if endpoint.failing_since is not None:
        yield Doubt("away", name)
    if endpoint.scanned_at is None:
        yield Doubt("no_scan", name)
    elif row.last_scan not in (None, Scan.State.COMPLETE):  # type: ignore[attr-defined]
        yield Doubt("partial_scan", name)
    elif not row.scan_is_fresh:  # type: ignore[attr-defined]
        yield Doubt("old_scan", name)
    if row.files_at is None:
        yield Doubt("no_look", name)
    elif endpoint.files_error:
        yield Doubt("partial_look", name)
    elif not row.look_is_fresh:  # type: ignore[attr-defined]
        yield Doubt("old_look", name)


class Proof:
    """Says of files what speaks against each being an orphan at a moment; nothing does of those that are proven."""

    def __init__(self, now: datetime, *, within: timedelta = FRESH) -> None:
        self.now = now
        self.limits: Limits = limits_of(None)
        self.storages = Storages(within=within)

    def doubts(self, files: Iterable[DiskFile]) -> Iterator[tuple[DiskFile, tuple[Doubt, ...]]]:
        """In chunks: what other endpoints see of them is asked once for each."""
        chunk: list[DiskFile] = []
        for file in files:
            chunk.append(file)
            if len(chunk) == CHUNK:
                yield from self._chunk(chunk)
                chunk = []
        yield from self._chunk(chunk)

    def _chunk(self, files: list[DiskFile]) -> Iterator[tuple[DiskFile, tuple[Doubt, ...]]]:
        others = self._others(files)
        for file in files:
            yield file, tuple(dict.fromkeys(self._of(file, others)))

    def _others(self, files: list[DiskFile]) -> dict[tuple[int, str], DiskFile]:
        """(datastore, name) -> the file as another endpoint sees it."""
        names = defaultdict(set)
        for file in files:
            for view in self.storages.views(file.datastore_id):
                if view.datastore.pk != file.datastore_id:
                    names[view.datastore.pk].add(file.name)
        found = Q(pk__in=[])
        for datastore, wanted in names.items():
            found |= Q(datastore=datastore, name__in=wanted)
        rows = DiskFile.objects.filter(found, gone_at=None).order_by() if names else ()
        return {(row.datastore_id, row.name): row for row in rows}

    def _of(self, file: DiskFile, others: Mapping[tuple[int, str], DiskFile]) -> Iterator[Doubt]:
        yield from self.storages.doubts(file.datastore_id)
        ours = bool(file.retire_key) and is_retired(file.name, file.retire_key)
        if file.name.rpartition("/")[2].startswith(PREFIX) and not ours:
            yield Doubt("renamed")
        yield from self._age(file)
        for view in self.storages.views(file.datastore_id):
            if view.datastore.pk == file.datastore_id:
                continue
            other = others.get((view.datastore.pk, file.name))
            if other is None:
                yield Doubt("unseen", view.datastore.endpoint.name)
            else:
                yield from self._age(other)

    def _age(self, file: DiskFile) -> Iterator[Doubt]:
        since = self.now - timedelta(days=self.limits.file_days)
        if file.looks < max(1, self.limits.file_looks):
            yield Doubt("looks")
        if file.unused_since > since:
            yield Doubt("days")
        if file.changed_at is not None and file.changed_at > since:
            yield Doubt("changed")


def standing() -> QuerySet[DiskFile]:
    """Files that nothing of their endpoints uses, each once."""
    return DiskFile.objects.filter(gone_at=None, leads=True)


def against(file: DiskFile, now: datetime, *, within: timedelta = FRESH) -> tuple[Doubt, ...]:
    """What speaks against one file being an orphan."""
    ((_file, doubts),) = Proof(now, within=within).doubts([file])
    return doubts


def before_removal(file: DiskFile, now: datetime) -> tuple[Doubt, ...]:
    """What speaks against removing a file that was renamed: only looks count that know it by its new name."""
    doubts = against(file, now, within=FRESH_TO_REMOVE)
    seen = file.retired_at is not None and file.seen_at > file.retired_at
    return doubts if seen else (Doubt("looks"), *(doubt for doubt in doubts if doubt.code != "looks"))


def settle(now: datetime) -> None:
    """Keeps on each row that was not decided about the first reason why it is not proven."""
    codes: defaultdict[str, list[int]] = defaultdict(list)
    rows = standing().filter(state=State.FOUND).order_by("pk")
    for file, doubts in Proof(now).doubts(rows.iterator(chunk_size=CHUNK)):
        code = doubts[0].code if doubts else ""
        if file.doubt != code:
            codes[code].append(file.pk)
    for code, pks in codes.items():
        for start in range(0, len(pks), CHUNK):
            DiskFile.objects.filter(pk__in=pks[start : start + CHUNK]).update(doubt=code)


def same_file(file: DiskFile) -> QuerySet[DiskFile]:
    """The rows of this file from every endpoint that mounts its storage, its own among them."""
    rows = DiskFile.objects.filter(gone_at=None)
    if not file.datastore.identity:
        return rows.filter(pk=file.pk)
    return rows.filter(datastore__identity=file.datastore.identity, datastore__gone=False, name=file.name)
