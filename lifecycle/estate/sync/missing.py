"""What a complete look did not see: counted, and after a few looks no longer metered. Rows and holders stay."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from lifecycle.audit.actions import HOUSE, record_many
from lifecycle.estate.models import Endpoint, Machine, Missing, Stage
from lifecycle.estate.sync.metering import close_many
from lifecycle.estate.sync.reading import Look

CHUNK = 500

EXPECTED = (Stage.DISCOVERED, Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)
"""Not those being built or removed: whether they are there is the engine's business."""


def count_missed(endpoint: Endpoint, look: Look) -> int:
    """Counts one complete look for everything it did not see. Returns how many machines that were.

    A look for changes says nothing of most machines: it missed those that it tells to be gone, and those that were
    missing before.
    """
    pks = sorted(set(_candidates(endpoint, look)) - look.matched)
    for start in range(0, len(pks), CHUNK):
        with transaction.atomic():
            _count(pks[start : start + CHUNK], look.at, endpoint.swept_at)
    return len(pks)


def _candidates(endpoint: Endpoint, look: Look) -> Iterator[int]:
    unseen = _unseen(look.at).filter(endpoint=endpoint).exclude(native_ref__in=look.broken).order_by()
    if look.everything:
        yield from unseen.values_list("pk", flat=True)
        return
    yield from unseen.exclude(missing_since=None).values_list("pk", flat=True)
    yield from unseen.filter(pk__in=look.lost).values_list("pk", flat=True)
    refs = [*look.gone, *look.known]
    for start in range(0, len(refs), CHUNK):
        yield from unseen.filter(native_ref__in=refs[start : start + CHUNK]).values_list("pk", flat=True)


def _count(pks: Collection[int], at: datetime, swept_at: datetime | None) -> None:
    rows = list(_unseen(at).filter(pk__in=pks).select_for_update().order_by("pk"))
    ours = Machine.objects.filter(pk__in=[row.pk for row in rows])
    if swept_at is not None:
        # From now on the endpoint's word does not hold for it any more: it was last seen when all were.
        ours.filter(missing_since=None, seen_at__lt=swept_at).update(seen_at=swept_at)
    ours.update(
        scans_missed=F("scans_missed") + 1,
        missing_since=Coalesce("missing_since", at),
        missing_reason=Case(When(missing_reason="", then=Value(Missing.UNKNOWN)), default="missing_reason"),
    )
    # Once: with the look that makes it certain enough.
    certain = [row for row in rows if row.scans_missed + 1 == settings.MISSING_AFTER_SCANS]
    if certain:
        # The holder has the benefit of the doubt: it ran until it was last seen, not until we were sure.
        close_many({row.pk: _last_seen(row, swept_at) or at for row in certain})
        record_many("machine.missing", certain, by=HOUSE)


def _last_seen(row: Machine, swept_at: datetime | None) -> datetime | None:
    """As it was before this look."""
    if row.missing_since or row.seen_at is None or swept_at is None:
        return row.seen_at
    return max(row.seen_at, swept_at)


def _unseen(at: datetime) -> QuerySet[Machine]:
    return Machine.objects.filter(Q(seen_at=None) | Q(seen_at__lt=at), stage__in=EXPECTED)
