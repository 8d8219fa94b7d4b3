"""The example estate shows from its first minute what the portal is for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from lifecycle import clock
from lifecycle.estate import connections
from lifecycle.models import DiskFile, Finding, Machine, UsageDay, UsageHour, WasteDay
from lifecycle.sprawl.models import Kind


@pytest.mark.django_db
def test_the_estate_has_a_past(tmp_path: Path, settings: Any) -> None:
    settings.SIMULATED_DIR = settings.DATA_DIR = tmp_path
    call_command("seed_demo", "--machines", "120")
    connections.close_all()
    now = clock.now()
    kinds = set(Finding.objects.filter(ended_at=None).values_list("kind", flat=True))

    assert {Kind.ORPHAN, Kind.IDLE, Kind.OVERSIZED, Kind.SNAPSHOTS, Kind.DUPLICATE, Kind.POWERED_OFF} <= kinds
    assert UsageDay.objects.filter(day__lt=(now - timedelta(days=30)).date()).exists()
    assert UsageHour.objects.latest("hour").hour <= now
    assert not Machine.objects.filter(first_seen_at__gt=now - timedelta(hours=1), created_at__lt=now).exists()
    assert DiskFile.objects.filter(looks__gte=3).count() > 10
    assert WasteDay.objects.values("day").distinct().count() > 30
