"""What every test gets."""

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings


@pytest.fixture(scope="session", autouse=True)
def data_dir() -> Iterator[None]:
    """The private folder of tests/environment.py, gone afterwards."""
    settings.DATA_DIR.mkdir(parents=True)
    yield
    shutil.rmtree(settings.DATA_DIR)
