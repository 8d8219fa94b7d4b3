"""Looking for what should not be so. What people do about a finding ends its cause; the next scan ends the finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from lifecycle import clock
from lifecycle.sprawl import pricing
from lifecycle.sprawl.detectors import Candidate, orphan
from lifecycle.sprawl.models import Finding, Kind

CHUNK = 500

DETECTORS: dict[Kind, Callable[[datetime], Iterable[Candidate]]] = {
    Kind.ORPHAN: orphan.detect,
}


@dataclass(frozen=True, slots=True)
class ScanResult:
    opened: int = 0
    changed: int = 0
    ended: int = 0


def scan(*, now: datetime | None = None) -> ScanResult:
    """Opens findings, brings price and evidence of open ones up to date, and ends those whose cause ended."""
    now = now or clock.now()
    results = [_scan(kind, detect(now), now) for kind, detect in DETECTORS.items()]
    return ScanResult(
        opened=sum(result.opened for result in results),
        changed=sum(result.changed for result in results),
        ended=sum(result.ended for result in results),
    )


def _scan(kind: Kind, candidates: Iterable[Candidate], now: datetime) -> ScanResult:
    wanted = {candidate.subject_id: candidate for candidate in candidates}
    cents = pricing.machine_cents(wanted)
    standing = {finding.machine_id: finding for finding in Finding.objects.filter(kind=kind, ended_at=None).order_by()}
    new = [candidate for pk, candidate in wanted.items() if pk not in standing]
    both = [(finding, wanted[pk]) for pk, finding in standing.items() if pk in wanted]
    changed = [finding for finding, candidate in both if _renew(finding, candidate, cents.get(candidate.subject_id, 0))]
    ended = [finding.pk for pk, finding in standing.items() if pk not in wanted]
    for start in range(0, len(new), CHUNK):
        _open(kind, new[start : start + CHUNK], cents, now)
    for start in range(0, len(changed), CHUNK):
        Finding.objects.bulk_update(changed[start : start + CHUNK], ["cents_per_month", "saves_cents", "evidence"])
    if ended:
        Finding.objects.filter(pk__in=ended, ended_at=None).update(ended_at=now)
    return ScanResult(len(new), len(changed), len(ended))


@transaction.atomic
def _open(kind: Kind, candidates: list[Candidate], cents: Mapping[int, int], now: datetime) -> None:
    """Another scan at the same moment may have opened some of them: one stands, the other is ignored."""
    Finding.objects.bulk_create(
        [
            Finding(
                machine_id=candidate.subject_id,
                kind=kind,
                since=candidate.since,
                found_at=now,
                confidence=candidate.confidence,
                cents_per_month=cents.get(candidate.subject_id, 0),
                saves_cents=cents.get(candidate.subject_id, 0),
                vcpus=candidate.vcpus,
                memory_mib=candidate.memory_mib,
                disk_mib=candidate.disk_mib,
                evidence=candidate.evidence,
            )
            for candidate in candidates
        ],
        ignore_conflicts=True,
    )


def _renew(finding: Finding, candidate: Candidate, cents: int) -> bool:
    """Sets what is known now. Was anything of it new?"""
    before = finding.cents_per_month, finding.evidence
    finding.cents_per_month, finding.saves_cents, finding.evidence = cents, cents, candidate.evidence
    return before != (finding.cents_per_month, finding.evidence)
