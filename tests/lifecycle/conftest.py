"""The stage for tests of rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from tests.lifecycle.world import World, make_world


@pytest.fixture
def world(db: None, settings: django_settings, tmp_path: Path) -> Iterator[World]:
    settings.SIMULATED_DIR = tmp_path
    settings.CLOCK_SHIFTABLE = True
    yield make_world(tmp_path)
