"""Lists of people: tried, applied, undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import clock
from lifecycle.audit.actions import HOUSE
from lifecycle.audit.models import Entry
from lifecycle.csvfiles import MOST_BYTES, neutral
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.people.actions import change_person
from lifecycle.people.exports import people_csv, template_csv
from lifecycle.people.imports import apply_import, try_import, undo_import
from lifecycle.people.imports.reading import COLUMNS, read
from lifecycle.people.imports.rows import Row, plan_of
from lifecycle.people.imports.trying import look_again
from lifecycle.people.models import CostCentre, PeopleImport, Team, User
from tests.lifecycle.factories import make_admin, make_cost_centre, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return make_admin("root")


def tried(text: str, by: Any) -> PeopleImport:
    return try_import(text.encode(), file_name="people.csv", by=by)


def rows(kept: PeopleImport) -> dict[str, Row]:
    return {row.username: row for row in plan_of(kept).rows}


def outcomes(kept: PeopleImport) -> dict[str, str]:
    return {name: str(row.outcome) for name, row in rows(kept).items()}


# The dry run


def test_the_dry_run_says_what_would_become_of_each_row(admin):
    make_user("kim", email="kim@example.org")
    make_user("bo", email="bo@example.org")
    before = User.objects.count()

    kept = tried("username,email\nkim,new@example.org\nbo,bo@example.org\nada,ada@example.org\neve,nomail\n", admin)

    assert outcomes(kept) == {"kim": "changed", "bo": "unchanged", "ada": "added", "eve": "refused"}
    assert (rows(kept)["kim"].before, rows(kept)["kim"].after) == (
        {"email": "kim@example.org"},
        {"email": "new@example.org"},
    )
    assert User.objects.count() == before and not Entry.objects.exists()


def test_the_order_of_rows_means_nothing(admin):
    kept = tried("username,supervisor\nkim,boss\nboss,\n", admin)
    assert set(outcomes(kept).values()) == {"added"}

    apply_import(kept, by=admin)

    assert User.objects.get(username="kim").supervisor == User.objects.get(username="boss")


REFUSALS = {
    "twice": ("username\nkim\nKim\n", "more than once"),
    "capitals": ("username\nROOT\n", "differ only in capitals"),
    "no name": ("username,email\n,a@example.org\n", "no user name"),
    "a name that cannot be": ("username\nkim lee\n", "Username: Enter a valid username"),
    "no such role": ("username,role\nkim,king\n", "king is no role"),
    "no such zone": ("username,zone\nkim,Mars/Base\n", "is not a time zone"),
    "no day": ("username,left_on\nkim,soon\n", "is not a day"),
    "nobody above": ("username,supervisor\nkim,nobody\n", "nobody called nobody"),
    "a refused one above": ("username,supervisor,role\nkim,bo,\nbo,,king\n", "in the file, but refused"),
    "a circle": ("username,supervisor\nkim,bo\nbo,kim\n", "circle: "),
    "too few cells": ("username,email\nkim\n", "1 cells"),
    "a line break": ('username,last_name\nkim,"a\nb"\n', "line break"),
    "a team that nobody pays": ("username,team\nkim,Ships\n", "no row says its cost centre"),
    "too long a code": (f"username,cost_centre\nkim,{'9' * 21}\n", "too long"),
}


@pytest.mark.parametrize(("text", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_wrong_with_a_row_is_a_sentence(admin, text, words):
    row = plan_of(tried(text, admin)).rows[0]

    assert row.outcome == "refused"
    assert words in " ".join(row.problems)


def test_a_circle_with_people_who_are_not_in_the_file_is_refused(admin):
    top = make_user("top")
    make_user("low", supervisor=top)

    assert outcomes(tried("username,supervisor\ntop,low\n", admin)) == {"top": "refused"}


def test_a_circle_that_the_file_breaks_is_allowed(admin):
    one = make_user("one")
    two = make_user("two", supervisor=one)
    User.objects.filter(pk=one.pk).update(supervisor=two)

    assert outcomes(tried("username,supervisor\none,\n", admin)) == {"one": "changed"}


def test_nobody_changes_their_own_supervisor_by_a_list(admin):
    kept = tried("username,supervisor\nroot,kim\nkim,\n", admin)
    assert outcomes(kept) == {"root": "refused", "kim": "added"}


def test_the_last_administrator_stays_one(admin):
    assert outcomes(tried("username,role\nroot,employee\n", HOUSE)) == {"root": "refused"}
    assert outcomes(tried("username,role\nroot,employee\nkim,admin\n", HOUSE)) == {"root": "changed", "kim": "added"}


def test_an_empty_cell_empties_but_never_role_or_zone(admin):
    make_user("kim", email="kim@example.org", role=User.Role.FINANCE, zone="Europe/Paris")

    row = rows(tried("username,email,role,zone\nkim,,,\n", admin))["kim"]

    assert row.after == {"email": ""}


def test_formulas_are_data(admin):
    kept = tried("username,last_name\nkim,=1+1\n", admin)
    apply_import(kept, by=admin)
    assert User.objects.get(username="kim").last_name == "=1+1"


@pytest.mark.parametrize(
    "data",
    [b"username;email\nkim;k@example.org\n", b"\xef\xbb\xbfUsername,E-mail,email\r\nkim,x,k@example.org\r\n"],
    ids=["semicolons", "mark"],
)
def test_separators_and_marks_of_spreadsheets_are_read(admin, data):
    (row,) = read(data).rows
    assert row.cells["email"] == "k@example.org"


def test_unknown_columns_are_told(admin):
    assert plan_of(tried("username,shoe size\nkim,43\n", admin)).unknown == ["shoe_size"]


@pytest.mark.parametrize(
    "data",
    [b"", b"name\nkim\n", b"username\n", b"username,username\na,b\n", b"username\n\xff\n", b'username\n"a\n',
     b"x" * (MOST_BYTES + 1), "username\nkim\n".encode("utf-16")],
)  # fmt: skip
def test_files_that_cannot_be_read_are_refused_whole(admin, data):
    with pytest.raises(Invalid) as refusal:
        try_import(data, file_name="x", by=admin)
    assert refusal.value.field == "file"
    assert not PeopleImport.objects.exists()


def test_lists_are_for_administrators(admin):
    kept = tried("username\nkim\n", admin)
    for role in (User.Role.EMPLOYEE, User.Role.FINANCE, User.Role.AUDITOR):
        person = make_user(role=role)
        for act in (lambda by: tried("username\nx\n", by), lambda by: apply_import(kept, by=by)):
            with pytest.raises(Forbidden):
                act(person)


# Applying


def test_what_is_applied_is_what_was_shown(admin):
    boss, team = make_user("boss"), make_team("Ships")
    make_user("kim", email="old@example.org")
    kept = tried(
        "username,email,supervisor,team,role\nkim,new@example.org,boss,Ships,finance\nada,,kim,,\neve,nomail,,,\n",
        admin,
    )

    applied = apply_import(kept, by=admin)

    kim, ada = User.objects.get(username="kim"), User.objects.get(username="ada")
    assert (kim.email, kim.supervisor, kim.team, kim.role) == ("new@example.org", boss, team, "finance")
    assert (ada.supervisor, ada.has_usable_password()) == (kim, False)
    assert not User.objects.filter(username="eve").exists()
    assert applied.state == PeopleImport.State.APPLIED
    verbs = sorted(Entry.objects.values_list("verb", flat=True))
    assert verbs == ["people.imported", "person.added", "person.changed", "person.supervisor_changed"]


def test_a_list_is_applied_once(admin):
    kept = apply_import(tried("username\nkim\n", admin), by=admin)
    with pytest.raises(Conflict):
        apply_import(kept, by=admin)


def test_people_who_changed_since_the_dry_run_stop_the_whole_list(admin):
    person = make_user("kim", email="old@example.org")
    kept = tried("username,email\nkim,new@example.org\nada,ada@example.org\n", admin)
    change_person(person, by=admin, email="other@example.org")

    with pytest.raises(Conflict):
        apply_import(kept, by=admin)
    assert not User.objects.filter(username="ada").exists()

    apply_import(look_again(kept, by=admin), by=admin)
    assert User.objects.get(username="kim").email == "new@example.org"


def test_new_teams_and_cost_centres_are_made_only_when_they_are_ticked(admin):
    text = "username,team,cost_centre,supervisor\nkim,Ships,42,\nbo,Boats,43,\nada,,,bo\n"
    kept = tried(text, admin)
    plan = plan_of(kept)
    assert [(new.name, new.cost_centre) for new in plan.teams] == [("Boats", "43"), ("Ships", "42")]
    assert [new.name for new in plan.centres] == ["42", "43"]

    applied = apply_import(kept, by=admin, teams=["Ships"], cost_centres=["42"])

    assert outcomes(applied) == {"kim": "added", "bo": "refused", "ada": "refused"}
    assert (Team.objects.get().name, CostCentre.objects.get().code) == ("Ships", "42")
    assert User.objects.get(username="kim").team == Team.objects.get()


def test_a_team_that_only_refused_rows_name_is_not_offered(admin):
    assert plan_of(tried("username,team,cost_centre,role\nkim,Ships,42,king\n", admin)).teams == []


def test_leavers_of_a_list_are_locked_out_and_come_back_by_one(admin):
    make_user("kim")
    day = (clock.now() - timedelta(days=3)).date()

    apply_import(tried(f"username,left_on\nkim,{day:%d.%m.%Y}\n", admin), by=admin)
    assert (User.objects.get(username="kim").is_active, User.objects.get(username="kim").left_on) == (False, day)

    apply_import(tried("username,left_on\nkim,\n", admin), by=admin)
    assert User.objects.get(username="kim").is_active


# Undoing


def test_undo_restores_what_was_and_removes_who_was_added(admin):
    boss = make_user("boss")
    make_user("kim", email="old@example.org", supervisor=boss)
    kept = tried("username,email,supervisor,team,cost_centre\nkim,new@example.org,ada,Ships,42\nada,,,,\n", admin)
    apply_import(kept, by=admin, teams=["Ships"], cost_centres=["42"])

    undone = undo_import(kept, by=admin)

    kim = User.objects.get(username="kim")
    assert (kim.email, kim.supervisor, kim.team) == ("old@example.org", boss, None)
    assert {name: row.undone for name, row in rows(undone).items()} == {"kim": "restored", "ada": "deleted"}
    assert not User.objects.filter(username="ada").exists()
    assert not Team.objects.exists() and not CostCentre.objects.exists()
    with pytest.raises(Conflict):
        undo_import(kept, by=admin)


def test_undo_leaves_what_somebody_changed_since(admin):
    person = make_user("kim", email="old@example.org", first_name="Kim")
    kept = apply_import(tried("username,email\nkim,new@example.org\n", admin), by=admin)
    change_person(person, by=admin, email="third@example.org")

    row = rows(undo_import(kept, by=admin))["kim"]

    assert (row.undone, User.objects.get(username="kim").email) == ("kept", "third@example.org")
    assert "third@example.org" in row.undo_problems[0]


def test_undo_keeps_changes_of_other_columns(admin):
    person = make_user("kim", email="old@example.org")
    kept = apply_import(tried("username,email\nkim,new@example.org\n", admin), by=admin)
    change_person(person, by=admin, first_name="Kimberley")

    undo_import(kept, by=admin)

    kim = User.objects.get(username="kim")
    assert (kim.email, kim.first_name) == ("old@example.org", "Kimberley")


@pytest.mark.parametrize("deed", ["signed in", "acted", "supervises", "owns"])
def test_undo_locks_out_whoever_did_something_in_the_meantime(admin, deed):
    kept = apply_import(tried("username\nada\nbo\n", admin), by=admin)
    ada = User.objects.get(username="ada")
    if deed == "signed in":
        User.objects.filter(pk=ada.pk).update(last_login=clock.now())
    elif deed == "acted":
        Entry.objects.create(at=clock.now(), actor_id=ada.pk, verb="x", object_type="user", object_id=1)
    elif deed == "supervises":
        make_user(supervisor=ada)
    else:
        make_cost_centre(owner=ada)

    undone = rows(undo_import(kept, by=admin))

    assert (undone["ada"].undone, undone["bo"].undone) == ("locked", "deleted")
    assert not User.objects.get(username="ada").is_active


def test_undo_makes_no_circle(admin):
    top = make_user("top")
    low = make_user("low", supervisor=top)
    kept = apply_import(tried("username,supervisor\nlow,\n", admin), by=admin)
    change_person(top, by=admin, supervisor=User.objects.get(pk=low.pk))

    row = rows(undo_import(kept, by=admin))["low"]

    assert row.undone == "kept" and "circle" in row.undo_problems[0]
    assert User.objects.get(username="low").supervisor is None


def test_undo_leaves_a_team_that_is_in_use_by_now(admin):
    kept = apply_import(
        tried("username,team,cost_centre\nkim,Ships,42\n", admin), by=admin, teams=["Ships"], cost_centres=["42"]
    )
    make_user(team=Team.objects.get())

    plan = plan_of(undo_import(kept, by=admin))

    assert [new.undone for new in [*plan.teams, *plan.centres]] == ["kept", "kept"]


# Everybody as a list


def test_everybody_as_a_list_read_in_again_changes_nothing(admin):
    team = make_team("-Ships")
    boss = make_user("boss", last_name="=SUM(A1)", team=team)
    make_user("kim", first_name="@kim", last_name="'+x", supervisor=boss, role=User.Role.AUDITOR)
    make_user("bo", left_on=clock.now().date(), zone="Asia/Tokyo", cost_centre=team.cost_centre)

    text = "".join(people_csv())
    kept = tried(text, admin)

    assert set(outcomes(kept).values()) == {"unchanged"}
    assert "'=SUM(A1)" in text and ",@kim" not in text and ",-Ships" not in text


@given(st.text())
def test_no_cell_is_a_formula_and_each_reads_back(text):
    shown = neutral(text)

    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    if shown == shown.strip() and shown.isprintable() and shown and '"' not in shown:
        (row,) = read(f'username,last_name\nkim,"{shown}"\n'.encode()).rows
        assert row.cells["last_name"] == text


def test_the_template_has_every_column(admin):
    assert template_csv().splitlines()[0].split(",") == list(COLUMNS)


# Size


def _many(count: int) -> str:
    people = (f"p{n},First{n},p{n}@example.org,{f'p{n // 9}' if n else ''},Ships" for n in range(count))
    return "username,first_name,email,supervisor,team\n" + "\n".join(people)


@pytest.mark.parametrize("count", [3, 20])
def test_a_list_asks_as_often_for_many_as_for_few(admin, count):
    make_team("Ships")
    made, changed = _many(count), _many(count).replace("First", "Second")
    asked: dict[str, int] = {}

    kept = _counted(asked, "try", lambda: tried(made, admin))
    _counted(asked, "apply", lambda: apply_import(kept, by=admin))
    again = tried(changed, admin)
    _counted(asked, "change", lambda: apply_import(again, by=admin))
    _counted(asked, "undo", lambda: undo_import(again, by=admin))
    take_back = CaptureQueriesContext(connection)
    with take_back:
        undo_import(kept, by=admin)

    assert asked == {"try": 4, "apply": 12, "change": 11, "undo": 11}
    # A query for each kind of thing that can name a person, and there will be more of them.
    assert len(take_back) < 120
    assert User.objects.count() == 1


def _counted(asked: dict[str, int], name: str, act: Callable[[], Any]) -> Any:
    with CaptureQueriesContext(connection) as queries:
        done = act()
    asked[name] = len(queries)
    return done
