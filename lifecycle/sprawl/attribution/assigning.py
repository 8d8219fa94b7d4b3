"""Giving machines to whoever they certainly belong to: only where ASSIGN_FROM_SCORE was set for that."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from lifecycle import clock
from lifecycle.audit.actions import HOUSE, record
from lifecycle.estate.models import Machine
from lifecycle.sprawl.adoption import Adopted, adopt_one, tell
from lifecycle.sprawl.attribution.sources import CERTAIN
from lifecycle.sprawl.models import Finding, HolderCandidate, Kind

LEAD = 20
"""Points before the next candidate: of two who could be it, nobody is it."""
DAYS = 30
"""Of the lease: long enough to look, short enough to matter."""
MOST = 200
"""Machines of one pass."""


def assign_certain() -> list[Adopted]:
    """Nothing below "certain", whatever is set. Each machine for itself; the next pass takes the next ones."""
    least = max(settings.ASSIGN_FROM_SCORE, CERTAIN)
    if least > 100:
        return []
    given = [_assign(candidate) for candidate in _clear(least)]
    done = [each.machine for each in given if each.lease]
    if done:
        with transaction.atomic():
            tell(done, by=HOUSE, key=f"attributed:{clock.now().isoformat()}")
    return given


def _clear(least: int) -> list[HolderCandidate]:
    """The likeliest of machines that are orphans, not exempt, and have nobody else who could be meant."""
    orphans = Finding.objects.standing().filter(kind=Kind.ORPHAN).order_by().values("machine")
    likely = Machine.objects.ownerless().filter(pk__in=orphans, candidates__score__gte=least).order_by().values("pk")
    rows = HolderCandidate.objects.filter(machine__in=likely).select_related("person", "team")
    found = []
    for _pk, group in groupby(rows.order_by("machine", "-score", "pk"), key=lambda row: row.machine_id):
        first, *others = group
        if not others or others[0].score <= first.score - LEAD:
            found.append(first)
    return found[:MOST]


def _assign(candidate: HolderCandidate) -> Adopted:
    last_day = (clock.now() + timedelta(days=DAYS)).date()
    purpose = _("Not said yet. Given by what is known of it: %(score)s of 100.") % {"score": candidate.score}
    with transaction.atomic():
        given = adopt_one(
            candidate.machine_id, holder=candidate.person, team=candidate.team, purpose=purpose, last_day=last_day,
            by=HOUSE,
        )  # fmt: skip
        if given.lease:
            said = [each["what"] for each in candidate.evidence]
            record("machine.attributed", given.machine, by=HOUSE, score=candidate.score, evidence=said)
    return given
