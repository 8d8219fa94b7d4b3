"""What the pages of disk files show, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise, cached_property

from lifecycle import clock
from lifecycle.estate.models import DiskFile
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.people.permissions import may
from lifecycle.sprawl.files import proof, queries
from lifecycle.sprawl.files.actions import hindrance_of
from lifecycle.sprawl.models import Finding, Kind
from lifecycle.sprawl.permissions import RECLAIM_FILES
from portal.templatetags.states import Look
from portal.web import realtime
from portal.web.diskwords import REASONS, look_of

State = DiskFile.State


@dataclass(frozen=True)
class SightRow:
    """A file as one endpoint sees it. Scans and looks go by real time."""

    sight: queries.Sight

    @property
    def scanned_at(self) -> datetime | None:
        return realtime.shown(self.sight.datastore.endpoint.scanned_at)

    @property
    def looked_at(self) -> datetime | None:
        return realtime.shown(self.sight.datastore.files_at)


@dataclass(frozen=True)
class StoreRow:
    row: queries.StorageRow

    @property
    def looked_at(self) -> datetime | None:
        return realtime.shown(self.row.datastore.files_at)


@dataclass(frozen=True)
class Row:
    """One file in the list."""

    file: DiskFile

    @property
    def look(self) -> Look:
        return look_of(self.file)

    @property
    def reason(self) -> str | Promise:
        """Why it is not proven, in a few words."""
        found = self.file.is_there and self.file.state == State.FOUND
        return REASONS.get(self.file.doubt, "") if found else ""


class DiskPage:
    """One file, as it is at this moment: what speaks against it is asked anew."""

    def __init__(self, file: DiskFile, by: User) -> None:
        self.file, self.by = file, by
        self.now = clock.now()

    @property
    def look(self) -> Look:
        return look_of(self.file)

    @cached_property
    def _told(self) -> tuple[list[queries.Sight], tuple[proof.Doubt, ...]]:
        return queries.sights(self.file, self.now)

    @property
    def sights(self) -> list[SightRow]:
        return [SightRow(sight) for sight in self._told[0]]

    @cached_property
    def doubts(self) -> tuple[proof.Doubt, ...]:
        """Before its removal, only looks count that know it by its new name."""
        if self.file.state == State.RETIRED and self.file.is_there:
            return proof.before_removal(self.file, self.now)
        return self._told[1]

    @cached_property
    def work(self) -> Operation | None:
        """What is under way, or else what was done last."""
        mine = Operation.objects.filter(disk_file=self.file).order_by("-pk")
        return mine.first()

    @cached_property
    def finding(self) -> Finding | None:
        found = Finding.objects.filter(disk_file=self.file, kind=Kind.DISK_FILE, ended_at=None)
        return found.select_related("exemption").first()

    @cached_property
    def hindrance(self) -> str:
        return hindrance_of(self.file)

    @property
    def overdue(self) -> bool:
        return self.file.remove_at is not None and self.file.remove_at <= self.now

    @property
    def waits(self) -> bool:
        return self.file.is_there and self.file.state == State.RETIRED

    @property
    def _may(self) -> bool:
        return self.file.is_there and may(self.by, RECLAIM_FILES) and not self.hindrance

    @property
    def may_retire(self) -> bool:
        return self._may and self.file.state == State.FOUND and not self.doubts

    @property
    def may_restore(self) -> bool:
        return self._may and self.file.state in (State.RETIRING, State.RETIRED, State.REMOVING)

    @property
    def may_set_day(self) -> bool:
        return self._may and self.waits

    @property
    def shared(self) -> bool:
        return any(sight.datastore.shared for sight in self._told[0])

    @property
    def all_known(self) -> bool:
        return all(sight.datastore.all_known or not sight.datastore.shared for sight in self._told[0])

    @property
    def deadline(self) -> datetime | None:
        return self.file.remove_at if self.waits else None
