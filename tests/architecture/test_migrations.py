"""Migrations are complete and say what they do."""

from pathlib import Path

import pytest
from django.core.management import call_command

MIGRATIONS = Path(__file__).parents[2] / "lifecycle" / "migrations"


@pytest.mark.django_db
def test_no_change_waits_for_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_migrations_are_named_by_a_person() -> None:
    unnamed = [path.name for path in MIGRATIONS.glob("0*.py") if "_auto_" in path.name or path.stem.endswith("_more")]

    assert unnamed == []


def test_two_migrations_never_share_a_number() -> None:
    numbers = [path.name[:4] for path in MIGRATIONS.glob("0*.py")]

    assert len(numbers) == len(set(numbers))
