"""What a complete scan did not see: counted, and after a few scans no longer metered. Rows and holders stay."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from lifecycle.audit.actions import HOUSE, record_many
from lifecycle.estate.models import Endpoint, Machine, Stage
from lifecycle.estate.sync.metering import close_many

CHUNK = 500

EXPECTED = (Stage.DISCOVERED, Stage.ACTIVE, Stage.EXPIRED, Stage.QUARANTINED)
"""Not those being built or removed: whether they are there is the engine's business."""


def count_missed(endpoint: Endpoint, *, at: datetime) -> int:
    """Counts one complete scan, begun at `at`, for everything it did not see. Returns how many machines that were."""
    pks = list(_unseen(at).filter(endpoint=endpoint).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(pks), CHUNK):
        with transaction.atomic():
            _count(pks[start : start + CHUNK], at)
    return len(pks)


def _count(pks: list[int], at: datetime) -> None:
    rows = list(_unseen(at).filter(pk__in=pks).select_for_update().order_by("pk"))
    Machine.objects.filter(pk__in=[row.pk for row in rows]).update(
        scans_missed=F("scans_missed") + 1, missing_since=Coalesce("missing_since", at)
    )
    # Once: with the scan that makes it certain enough.
    certain = [row for row in rows if row.scans_missed + 1 == settings.MISSING_AFTER_SCANS]
    if certain:
        # The holder has the benefit of the doubt: it ran until it was last seen, not until we were sure.
        close_many({row.pk: row.seen_at or at for row in certain})
        record_many("machine.missing", certain, by=HOUSE)


def _unseen(at: datetime) -> QuerySet[Machine]:
    return Machine.objects.filter(Q(seen_at=None) | Q(seen_at__lt=at), stage__in=EXPECTED)
