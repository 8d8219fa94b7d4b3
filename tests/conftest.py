"""What every test gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings

from tests.hypervisors.conformance.tally import pytest_unconfigure
from tests.secrets.net import net, nothing_slips_through, read_what_is_left

__all__ = ["net", "nothing_slips_through", "pytest_unconfigure"]

if TYPE_CHECKING:
    from tests.lifecycle.world import World


# Helpers that claim things say what they saw when it was not so, as tests do.
pytest.register_assert_rewrite("tests.journeys")


@pytest.fixture(scope="session", autouse=True)
def data_dir() -> Iterator[None]:
    """The private folder of tests/environment.py, gone afterwards."""
    django_settings.STATIC_ROOT.mkdir(parents=True)  # empty: pages are asked for without their styles
    yield
    left = read_what_is_left()
    shutil.rmtree(django_settings.DATA_DIR)
    assert left == []


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Path) -> World:
    """The stage for tests of rules: a small company on a simulated data centre."""
    from tests.lifecycle.world import make_world

    settings.SIMULATED_DIR = tmp_path
    settings.CLOCK_SHIFTABLE = True
    return make_world(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def flushable_record() -> Iterator[None]:
    """Tests of whole transactions empty all tables afterwards; the record's triggers stand aside for that, only here.

    What drops and makes them is the migration's own, so that they are the same before and after.
    """
    from django.db import connection

    triggers = import_module("lifecycle.migrations.0004_audit_rows_stay")
    operations: Any = type(connection.ops)
    emptying = operations.sql_flush

    def flush(ops: Any, *args: Any, **options: Any) -> list[str]:
        statements = emptying(ops, *args, **options)
        return [*triggers.UNGUARDS[connection.vendor], *statements, *triggers.GUARDS[connection.vendor]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", flush)
        yield
