"""Who decides on whom, also when people leave or the line is a circle."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden, Invalid
from lifecycle.people.actions import may_hold_for, set_supervisor
from lifecycle.people.models import User
from lifecycle.people.queries import admins, approver_for, has_left
from tests.lifecycle.factories import make_admin, make_team, make_user

pytestmark = pytest.mark.django_db


def _days(number: int):
    return (clock.now() + timedelta(days=number)).date()


# The approver


def test_approver_is_the_supervisor():
    boss = make_user()
    assert approver_for(make_user(supervisor=boss)) == boss


def test_approver_of_one_without_a_supervisor_is_nobody():
    assert approver_for(make_user()) is None


@pytest.mark.parametrize("gone", [{"left_on": _days(-2)}, {"is_active": False}])
def test_approver_is_the_next_one_up_when_the_supervisor_is_gone(gone):
    director = make_user()
    boss = make_user(supervisor=director, **gone)
    assert approver_for(make_user(supervisor=boss)) == director


def test_approver_in_a_circle_of_leavers_is_nobody():
    one = make_user(left_on=_days(-2))
    two = make_user(left_on=_days(-2), supervisor=one)
    one.supervisor = two
    one.save()
    assert approver_for(make_user(supervisor=two)) is None


def test_approver_is_never_the_person():
    boss = make_user(left_on=_days(-2))
    person = make_user(supervisor=boss)
    boss.supervisor = person
    boss.save()
    assert approver_for(person) is None


@pytest.mark.parametrize(("left_on", "left"), [(None, False), (_days(2), False), (_days(-2), True)])
def test_has_left_after_the_last_day(left_on, left):
    assert has_left(make_user(left_on=left_on)) is left


def test_has_left_not_on_the_last_day_itself():
    person = make_user()
    person.left_on = clock.now().astimezone(person.tz).date()
    assert has_left(person) is False


# Teams and admins


def test_may_hold_for_the_own_team():
    team = make_team()
    assert may_hold_for(make_user(team=team), team)


def test_may_hold_for_another_team_only_as_admin():
    team = make_team()
    assert not may_hold_for(make_user(team=make_team()), team)
    assert may_hold_for(make_admin(), team)


def test_admins_are_those_who_may_sign_in():
    admin = make_admin()
    make_admin(is_active=False)
    make_user()
    assert list(admins()) == [admin]


# Setting a supervisor


def test_set_supervisor_is_recorded():
    person, boss, admin = make_user("kim"), make_user("bo"), make_admin()
    set_supervisor(person, boss, by=admin)
    person.refresh_from_db()
    assert person.supervisor == boss
    entry = Entry.objects.get(verb="person.supervisor_changed")
    assert (entry.object_name, entry.detail) == ("kim", {"before": "", "after": "bo"})


def test_set_supervisor_twice_is_recorded_once():
    person, boss, admin = make_user(), make_user(), make_admin()
    set_supervisor(person, boss, by=admin)
    set_supervisor(person, boss, by=admin)
    assert Entry.objects.count() == 1


def test_set_supervisor_to_nobody():
    person = make_user(supervisor=make_user())
    set_supervisor(person, None, by=make_admin())
    person.refresh_from_db()
    assert person.supervisor is None


def test_set_supervisor_of_oneself_is_refused():
    admin = make_admin()
    with pytest.raises(Forbidden):
        set_supervisor(admin, make_user(), by=admin)


def test_set_supervisor_is_for_admins():
    boss = make_user()
    with pytest.raises(Forbidden):
        set_supervisor(make_user(supervisor=boss), boss, by=boss)


def test_set_supervisor_refuses_a_person_as_their_own():
    person = make_user()
    with pytest.raises(Invalid):
        set_supervisor(person, person, by=make_admin())


def test_set_supervisor_refuses_a_circle():
    top = make_user()
    middle = make_user(supervisor=top)
    bottom = make_user(supervisor=middle)
    with pytest.raises(Invalid) as refusal:
        set_supervisor(top, bottom, by=make_admin())
    assert refusal.value.field == "supervisor"
    assert User.objects.get(pk=top.pk).supervisor is None
