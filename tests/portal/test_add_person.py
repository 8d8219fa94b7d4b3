"""The command that adds people: the first administrator of an installation begins with it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from lifecycle.models import CostCentre, Entry, Team, User


def add(monkeypatch: pytest.MonkeyPatch, *arguments: Any, password: str = "long and odd enough 7") -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
    call_command("add_person", *arguments, stdout=io.StringIO())


@pytest.mark.django_db
def test_person_is_added_with_a_new_team_and_cost_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    add(
        monkeypatch,
        "ada",
        "--name",
        "Ada Lovelace",
        "--email",
        "ada@example.org",
        "--team",
        "Sums",
        "--cost-centre",
        "42",
    )

    person = User.objects.get()
    assert (str(person), person.team, person.cost_centre) == (
        "Ada Lovelace",
        Team.objects.get(),
        CostCentre.objects.get(),
    )
    assert person.check_password("long and odd enough 7")
    assert not person.is_admin
    assert Entry.objects.get().verb == "person.added"


@pytest.mark.django_db
def test_admin_is_added_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, "ada", "--name", "Ada", "--email", "ada@example.org", "--admin")

    assert User.objects.get().is_admin


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--supervisor", "nobody"), "nobody called"),
        (("--team", "Sums"), "cost centre"),
        (("--zone", "Mars/Base"), "time zone"),
        (("--email", "not an address"), "mail"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_added(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        add(monkeypatch, "ada", "--name", "Ada", "--email", "ada@example.org", *arguments)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_weak_password_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    with pytest.raises(CommandError):
        add(monkeypatch, "ada", "--name", "Ada", "--email", "ada@example.org", password="12345")
