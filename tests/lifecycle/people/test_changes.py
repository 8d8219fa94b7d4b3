"""Changing people, teams and cost centres, and what is refused."""

from datetime import date, timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid, InvalidMany
from lifecycle.people import teams
from lifecycle.people.actions import add_person, change_person, set_password
from lifecycle.people.leaving import bring_back, lock_out_leavers, set_left
from lifecycle.people.lines import circles, circles_in, in_circles, without_supervisor
from lifecycle.people.models import CostCentre, Team, Token, User
from tests.lifecycle.factories import make_admin, make_cost_centre, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


def _days(number: int) -> date:
    return (clock.now() + timedelta(days=number)).date()


# People


def test_a_change_is_recorded_with_before_and_after():
    person, team = make_user("kim", email="a@example.org"), make_team("Ships")

    changed = change_person(person, by=make_admin(), email="b@example.org", team=team)

    assert (changed.email, changed.team) == ("b@example.org", team)
    detail = Entry.objects.get(verb="person.changed").detail
    assert detail["before"] == {"email": "a@example.org", "team": ""}
    assert detail["after"] == {"email": "b@example.org", "team": "Ships"}


def test_nothing_new_is_no_change():
    person = make_user(email="a@example.org")

    change_person(person, by=make_admin(), email="a@example.org", team=None)

    assert not Entry.objects.exists()


def test_everything_wrong_is_told_at_once():
    top = make_user()
    middle = make_user(supervisor=top)

    with pytest.raises(InvalidMany) as refusal:
        change_person(top, by=make_admin(), email="nomail", zone="Mars/Base", supervisor=middle)

    assert set(refusal.value.problems) == {"email", "zone", "supervisor"}
    assert not Entry.objects.exists()


def test_an_administrator_does_not_choose_their_own_supervisor():
    admin = make_admin()
    with pytest.raises(Forbidden):
        change_person(admin, by=admin, supervisor=make_user())


@pytest.mark.parametrize("role", [User.Role.EMPLOYEE, User.Role.FINANCE, User.Role.AUDITOR])
def test_only_administrators_change_people(role):
    with pytest.raises(Forbidden):
        change_person(make_user(), by=make_user(role=role), email="b@example.org")


def test_the_last_administrator_stays_one():
    admin = make_admin()
    with pytest.raises(Invalid) as refusal:
        change_person(admin, by=admin, role=User.Role.EMPLOYEE)
    assert refusal.value.field == "role"


def test_one_of_two_administrators_may_step_down():
    admin = make_admin()
    make_admin()
    assert change_person(admin, by=admin, role=User.Role.EMPLOYEE).role == User.Role.EMPLOYEE


def test_a_new_person_cannot_sign_in_before_they_have_a_password():
    admin = make_admin()
    person = add_person("kim", first_name="Kim Ann", last_name="Lee", email="kim@example.org", by=admin)
    assert (person.get_full_name(), person.has_usable_password()) == ("Kim Ann Lee", False)

    set_password(person, "long and odd enough 7", by=admin)

    person.refresh_from_db()
    assert person.check_password("long and odd enough 7")
    assert "long and odd" not in str(Entry.objects.values_list("detail", flat=True))


def test_a_weak_password_is_refused():
    with pytest.raises(Invalid) as refusal:
        set_password(make_user(), "12345678", by=make_admin())
    assert refusal.value.field == "password"


# Leaving


def test_who_left_is_locked_out_and_their_tokens_end():
    person = make_user()
    now = clock.now()
    token = Token.objects.create(
        person=person, name="ci", digest="0" * 64, hint="abc", made_at=now, expires_at=now + timedelta(days=30)
    )

    gone = set_left(person, left_on=_days(-2), by=make_admin())

    token.refresh_from_db()
    assert not gone.is_active
    assert token.revoked_at is not None


def test_who_leaves_later_may_sign_in_until_then():
    person = set_left(make_user(), left_on=_days(3), by=make_admin())
    assert person.is_active

    User.objects.filter(pk=person.pk).update(left_on=_days(-2))

    assert lock_out_leavers() == [person]
    assert not User.objects.get(pk=person.pk).is_active
    assert lock_out_leavers() == []


def test_the_last_administrator_does_not_leave():
    admin = make_admin()
    with pytest.raises(Invalid):
        set_left(admin, left_on=_days(-2), by=admin)


def test_whoever_was_locked_is_not_let_in_by_a_last_day_to_come():
    person = make_user(is_active=False)
    assert not set_left(person, left_on=_days(30), by=make_admin()).is_active


def test_who_left_is_brought_back_once():
    admin = make_admin()
    person = set_left(make_user(), left_on=_days(-2), by=admin)

    back = bring_back(person, by=admin)

    assert (back.is_active, back.left_on) == (True, None)
    with pytest.raises(Conflict):
        bring_back(person, by=admin)


# Lines of command


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ({}, []),
        ({"a": "b", "b": None}, []),
        ({"a": "a"}, [["a"]]),
        ({"a": "b", "b": "a", "c": "a"}, [["a", "b"]]),
        ({"x": "a", "a": "b", "b": "c", "c": "a", "d": "e", "e": "d"}, [["a", "b", "c"], ["d", "e"]]),
    ],
)
def test_every_circle_is_found_once(above, found):
    assert circles_in(above) == found


def test_circles_are_found_in_the_tables():
    one, two, below = make_user(), make_user(), make_user()
    User.objects.filter(pk=one.pk).update(supervisor=two)
    User.objects.filter(pk__in=[two.pk, below.pk]).update(supervisor=one)

    assert [set(circle) for circle in circles()] == [{one, two}]
    assert in_circles() == {one.pk, two.pk}


def test_leavers_are_not_missing_a_supervisor():
    top = make_user()
    make_user(left_on=_days(-1))
    make_user(supervisor=top)
    assert list(without_supervisor()) == [top]


# Teams and cost centres


def test_a_team_and_a_cost_centre_are_made_changed_and_recorded():
    admin, owner = make_admin(), make_user("olga")
    centre = teams.create_cost_centre(code="42", name="Ships", by=admin)
    team = teams.create_team(name="Ships", cost_centre=centre, by=admin)

    teams.change_cost_centre(centre, owner=owner, by=admin)
    teams.change_team(team, name="Boats", by=admin)

    assert Team.objects.get().name == "Boats"
    assert CostCentre.objects.get().owner == owner
    assert list(Entry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "cost_centre.added", "team.added", "cost_centre.changed", "team.changed",
    ]  # fmt: skip


def test_a_name_that_is_taken_is_refused_at_its_field():
    make_team("Ships")
    with pytest.raises(Invalid) as refusal:
        teams.create_team(name="Ships", cost_centre=make_cost_centre(), by=make_admin())
    assert refusal.value.field == "name"


def test_what_nothing_hangs_on_is_removed():
    admin, team = make_admin(), make_team()
    centre = team.cost_centre

    teams.delete_team(team, by=admin)
    teams.delete_cost_centre(centre, by=admin)

    assert not Team.objects.exists() and not CostCentre.objects.exists()


def test_a_team_with_members_or_machines_stays():
    admin, team, other = make_admin(), make_team(), make_team()
    make_user(team=team)
    make_machine(team=other)

    for each in (team, other):
        with pytest.raises(Conflict):
            teams.delete_team(each, by=admin)

    assert Team.objects.count() == 2
    assert not Entry.objects.exists()


def test_a_cost_centre_that_pays_stays():
    team = make_team()
    with pytest.raises(Conflict) as refusal:
        teams.delete_cost_centre(team.cost_centre, by=make_admin())
    assert "teams" in refusal.value.message


@pytest.mark.parametrize("act", ["create_team", "create_cost_centre"])
def test_teams_are_for_administrators(act):
    with pytest.raises(Forbidden):
        getattr(teams, act)(by=make_user(), name="Ships")
