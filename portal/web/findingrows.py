"""Findings as rows of a list: what each is about, whose it is, and what its kind has to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import Endpoint, Machine, Snapshot
from lifecycle.sprawl.models import Finding, HolderCandidate, Kind
from portal.web import findingwords
from portal.web.auditrows import Chip
from portal.web.forms_house.findings import PlaceFilter

HEADS: dict[str, str | Promise] = {
    Kind.ORPHAN: _("Likely holder"),
    Kind.IDLE: _("Use"),
    Kind.OVERSIZED: _("Now and recommended"),
    Kind.SNAPSHOTS: _("Snapshots"),
    Kind.DISK_FILE: _("Size"),
}
"""What the column of a kind is called; of all others, and of all kinds together, it is the size."""


@dataclass(frozen=True)
class Snapshots:
    count: int
    oldest: datetime


@dataclass(frozen=True)
class Row:
    finding: Finding
    candidate: HolderCandidate | None = None
    snapshots: Snapshots | None = None

    @property
    def machine(self) -> Machine | None:
        return self.finding.machine

    @property
    def look(self) -> findingwords.Look:
        return findingwords.KINDS[self.finding.kind]

    @property
    def urgency(self) -> str:
        return findingwords.URGENCIES[self.finding.kind]

    @property
    def name(self) -> str:
        return self.finding.subject.name

    @property
    def endpoint(self) -> Endpoint:
        return endpoint_of(self.finding)

    @property
    def whose(self) -> str:
        return self.machine.holder_name if self.machine else ""

    @property
    def confidence(self) -> str:
        return findingwords.CONFIDENCES[self.finding.confidence]

    @property
    def recommended(self) -> tuple[int, int] | None:
        """vCPU and MiB of memory that would be enough."""
        if self.machine is None or self.finding.kind != Kind.OVERSIZED:
            return None
        left = self.machine.vcpus - self.finding.vcpus, self.machine.memory_mib - self.finding.memory_mib
        return max(left[0], 1), max(left[1], 0)


def endpoint_of(finding: Finding) -> Endpoint:
    if finding.machine:
        return finding.machine.endpoint
    if finding.disk_file:
        return finding.disk_file.datastore.endpoint
    assert finding.image is not None  # noqa: S101 - finding_has_one_subject
    return finding.image.endpoint


def rows_of(found: list[Finding], *, kind: str = "") -> list[Row]:
    """With what a list of one kind shows of it: one query for orphans and for snapshots, none for all others."""
    candidates = _candidates(found) if kind == Kind.ORPHAN else {}
    snapshots = _snapshots(found) if kind == Kind.SNAPSHOTS else {}
    return [Row(one, candidates.get(one.machine_id or 0), snapshots.get(one.machine_id or 0)) for one in found]


def _candidates(found: Iterable[Finding]) -> dict[int, HolderCandidate]:
    """The likeliest of each machine."""
    rows = HolderCandidate.objects.filter(machine__in=[one.machine_id for one in found])
    return {row.machine_id: row for row in rows.select_related("person", "team").order_by("score", "-id")}


def _snapshots(found: Iterable[Finding]) -> dict[int, Snapshots]:
    rows = Snapshot.objects.filter(machine__in=[one.machine_id for one in found]).order_by().values("machine")
    counted = rows.annotate(count=Count("pk"), oldest=Min(Coalesce("created_at", "first_seen_at")))
    return {row["machine"]: Snapshots(row["count"], row["oldest"]) for row in counted}


def chips_of(form: PlaceFilter, asked: QueryDict) -> Iterator[Chip]:
    """What is chosen, each with the address without it."""
    for name, value in form.cleaned_data.items():
        if value in (None, "", 0) or name == "sort":
            continue
        field: Any = form.fields[name]
        words = dict(getattr(field, "choices", ())).get(value, asked.get(name, ""))
        rest = asked.copy()
        for gone in (name, "page", *(["pool"] if name == "endpoint" else [])):
            rest.pop(gone, None)
        yield Chip(field.label, str(words), f"?{rest.urlencode()}")
