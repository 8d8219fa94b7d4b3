"""The command that reads a list of people."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lifecycle.models import Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("username,role,team,cost_centre,shoe\nkim,,Ships,42,1\neve,king,,,2\nada,,,,3\n")
    return path


def told(*arguments: object) -> str:
    out = io.StringIO()
    call_command("import_people", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_without_apply_nothing_is_written(file: Path) -> None:
    words = told(file)

    assert "king is no role" in words and "New team: Ships" in words and "Columns passed over: shoe" in words
    assert "2 added, 0 changed, 0 unchanged, 1 refused. Nothing was written" in words
    assert not User.objects.exists()


def test_with_apply_it_is_written_without_what_is_new(file: Path) -> None:
    assert "1 added" in told(file, "--apply")

    assert User.objects.get().username == "ada"
    assert not Team.objects.exists()


def test_teams_that_are_new_are_made_when_asked_for(file: Path) -> None:
    told(file, "--apply", "--make-new")

    assert set(User.objects.values_list("username", "team__name")) == {("kim", "Ships"), ("ada", None)}


@pytest.mark.parametrize("text", [None, "name\nkim\n"])
def test_what_cannot_be_read_is_said(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "people.csv"
    if text is not None:
        path.write_text(text)

    with pytest.raises(CommandError):
        told(path, "--apply")
