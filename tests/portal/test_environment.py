"""What the environment may say, and how it is told that it may not."""

from pathlib import Path
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment as env


def test_a_value_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://ada:secret@db/leasehold\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))

    assert env.text("DATABASE_URL", "sqlite:///") == "postgresql://ada:secret@db/leasehold"


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "nothing"))

    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL_FILE names .*nothing.*No such file"):
        env.text("DATABASE_URL", "sqlite:///")


def test_uuids_have_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.uuids("OWN_MACHINES") == []

    monkeypatch.setenv("OWN_MACHINES", f"{UUID(int=1)}, {UUID(int=2).hex}")
    assert env.uuids("OWN_MACHINES") == [UUID(int=1), UUID(int=2)]

    monkeypatch.setenv("OWN_MACHINES", "vm-1")
    with pytest.raises(ImproperlyConfigured, match="OWN_MACHINES must be UUIDs"):
        env.uuids("OWN_MACHINES")


@pytest.mark.parametrize(
    ("netloc", "expected"),
    [
        ("", ("", "", [])),
        ("db", ("", "", [("db", "")])),
        ("ada@db:5432", ("ada", "", [("db", "5432")])),
        ("ada:p%40s%3As%2F@db", ("ada", "p@s:s/", [("db", "")])),
        (":word@one:1,two:2,three", ("", "word", [("one", "1"), ("two", "2"), ("three", "")])),
        ("ada:word@[fe80::1%25eth0]:5432,[::1]", ("ada", "word", [("fe80::1%eth0", "5432"), ("::1", "")])),
        ("ada@%2Frun%2Fpostgresql", ("ada", "", [("/run/postgresql", "")])),
    ],
)
def test_an_authority_is_taken_apart(netloc: str, expected: object) -> None:
    assert env.authority("DATABASE_URL", netloc) == expected


@pytest.mark.parametrize("netloc", ["ada:hunter2:x@db:port", "ada:hunt@er2@db", "ada:hunter2@[::1", "ada@hunter2:a:b"])
def test_what_is_none_is_refused_without_being_shown(netloc: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="percent-encoded") as refused:
        env.authority("DATABASE_URL", netloc)

    assert "hunt" not in str(refused.value)
