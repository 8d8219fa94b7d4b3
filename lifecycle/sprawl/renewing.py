"""Bringing the findings of one kind in line with what its detector says: opened, renewed, ended.

First everything is read, then what is new is written, a chunk at a time: SQLite cannot write while a statement of the
same connection still reads, and what 100,000 machines have to say does not fit into memory twice.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from datetime import datetime
from typing import IO

from django.db import transaction
from django.db.models import Q

from lifecycle.estate.models.machines import ENDED
from lifecycle.sprawl.chunks import in_chunks
from lifecycle.sprawl.detectors import Candidate
from lifecycle.sprawl.exemptions import InForce
from lifecycle.sprawl.models import Confidence, Finding, Kind
from lifecycle.sprawl.pricing import Prices, Quantities
from lifecycle.sprawl.proposals import PROPOSALS
from lifecycle.sprawl.subjects import Subject, column_of, subjects

RENEWED = (
    "since", "confidence", "action", "cents_per_month", "saves_cents", "vcpus", "memory_mib", "disk_mib", "evidence",
)  # fmt: skip


class Look:
    """One kind's turn in a scan. Nothing is written unless its detector came to its end."""

    def __init__(
        self, kind: Kind, candidates: Iterable[Candidate], *, now: datetime, prices: Prices, exempt: InForce
    ) -> None:
        self.kind, self.column = kind, column_of(kind)
        self.now, self.prices, self.exempt = now, prices, exempt
        self.opened = self.changed = self.ended = 0
        self._seen: set[int] = set()
        with tempfile.TemporaryFile("w+") as spool:
            self._read(candidates, spool)
            spool.seek(0)
            for chunk in in_chunks(_candidates(spool)):
                self._write(chunk)
        self._end()

    def _read(self, candidates: Iterable[Candidate], spool: IO[str]) -> None:
        """Keeps what is new about them; of the others, only that they were seen."""
        for chunk in in_chunks(candidates):
            known, standing = self._known(chunk)
            for candidate in chunk:
                pk = candidate.subject_id
                if pk not in known or pk in self._seen:
                    continue
                self._seen.add(pk)
                if pk not in standing or self._renew(standing[pk], candidate, known[pk]):
                    _keep(candidate, spool)

    def _write(self, chunk: list[Candidate]) -> None:
        known, standing = self._known(chunk)
        new, renewed = [], []
        for candidate in chunk:
            subject, finding = known.get(candidate.subject_id), standing.get(candidate.subject_id)
            if subject is None:
                continue
            if finding is None:
                new.append(self._new(candidate, subject))
            elif self._renew(finding, candidate, subject):
                renewed.append(finding)
        with transaction.atomic():
            # Another scan at the same moment may have opened some of them: one stands, the other is ignored.
            Finding.objects.bulk_create(new, ignore_conflicts=True)
            Finding.objects.bulk_update(renewed, RENEWED)
        self.opened += len(new)
        self.changed += len(renewed)

    def _known(self, chunk: list[Candidate]) -> tuple[dict[int, Subject], dict[int, Finding]]:
        ids = [candidate.subject_id for candidate in chunk]
        standing = Finding.objects.filter((f"{self.column}__in", ids), kind=self.kind, ended_at=None).order_by()
        return subjects(self.kind, ids), {getattr(finding, f"{self.column}_id"): finding for finding in standing}

    def _new(self, candidate: Candidate, subject: Subject) -> Finding:
        finding = Finding(kind=self.kind, found_at=self.now, since=candidate.since)
        setattr(finding, f"{self.column}_id", candidate.subject_id)
        finding.exemption_id = self.exempt.of(self.kind, candidate.subject_id, pool=subject.pool)
        self._renew(finding, candidate, subject)
        return finding

    def _renew(self, finding: Finding, candidate: Candidate, subject: Subject) -> bool:
        """Sets what is known now. Was anything of it new?"""
        gives = subject.can_give(Quantities(candidate.vcpus, candidate.memory_mib, candidate.disk_mib))
        known = {
            # As long as it stands its cause has lasted.
            "since": min(finding.since, candidate.since),
            "confidence": int(candidate.confidence),
            "action": PROPOSALS[self.kind].action,
            "cents_per_month": self.prices.cents(subject.uses),
            "saves_cents": self.prices.cents(gives),
            "vcpus": gives.vcpus,
            "memory_mib": gives.memory_mib,
            "disk_mib": gives.disk_mib,
            "evidence": candidate.evidence,
        }
        news = {name: value for name, value in known.items() if getattr(finding, name) != value}
        for name, value in news.items():
            setattr(finding, name, value)
        return bool(news)

    def _end(self) -> None:
        standing = Finding.objects.filter(kind=self.kind, ended_at=None).order_by()
        rows = standing.values_list("pk", f"{self.column}_id").iterator()
        self.ended = _end([pk for pk, subject in rows if subject not in self._seen], self.now)


def end_of_the_unflagged(now: datetime) -> int:
    """Ends what was found about machines that ended or that something else manages, whichever detectors work."""
    gone = Q(machine__stage__in=ENDED) | ~Q(machine__managed_by="") | ~Q(machine__managed_rule="")
    found = Finding.objects.filter(gone, ended_at=None, machine__isnull=False).order_by()
    return _end(list(found.values_list("pk", flat=True)), now)


def _end(pks: list[int], now: datetime) -> int:
    return sum(Finding.objects.filter(pk__in=chunk, ended_at=None).update(ended_at=now) for chunk in in_chunks(pks))


def _keep(candidate: Candidate, spool: IO[str]) -> None:
    pk, since, *others = astuple(candidate)
    spool.write(json.dumps([pk, since.isoformat(), *others]) + "\n")


def _candidates(spool: IO[str]) -> Iterator[Candidate]:
    for line in spool:
        pk, since, evidence, confidence, *quantities = json.loads(line)
        yield Candidate(pk, datetime.fromisoformat(since), evidence, Confidence(confidence), *quantities)
