"""What every test gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings

if TYPE_CHECKING:
    from tests.lifecycle.world import World


@pytest.fixture(scope="session", autouse=True)
def data_dir() -> Iterator[None]:
    """The private folder of tests/environment.py, gone afterwards."""
    django_settings.STATIC_ROOT.mkdir(parents=True)  # empty: pages are asked for without their styles
    yield
    shutil.rmtree(django_settings.DATA_DIR)


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> World:
    """The stage for tests of rules: a small company on a simulated data centre."""
    from tests.lifecycle.world import make_world

    settings.SIMULATED_DIR = tmp_path
    settings.CLOCK_SHIFTABLE = True
    return make_world(tmp_path)
