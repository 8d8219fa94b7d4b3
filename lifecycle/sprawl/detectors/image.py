"""Images that no blueprint offers and no machine here was made of. Machines elsewhere may be: it is a guess."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lifecycle.estate.models import Image, Machine
from lifecycle.sprawl.detectors import Candidate, evidence, moment
from lifecycle.sprawl.models import Confidence
from lifecycle.sprawl.thresholds import limits_of


def detect(now: datetime) -> Iterator[Candidate]:
    since = now - timedelta(days=limits_of(None).image_days)
    used = Machine.objects.live().filter(image__isnull=False).order_by().values("image")
    unused = Image.objects.filter(gone=False, blueprints=None, first_seen_at__lte=since).exclude(pk__in=used).order_by()
    for image in unused.select_related("endpoint").iterator():
        yield Candidate(
            image.pk,
            image.first_seen_at or now,
            evidence(image_seen_at=moment(image.first_seen_at), endpoint=image.endpoint.name),
            confidence=Confidence.GUESS,
            disk_mib=image.disk_mib,
        )
