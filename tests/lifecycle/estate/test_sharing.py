"""Sharing a machine: who may, with whom, how far, until when, and that everybody concerned is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Level, Machine
from lifecycle.estate.permissions import MANAGE, OPERATE
from lifecycle.estate.shares import shares_of
from lifecycle.estate.sharing import change_share, share, withdraw_share
from lifecycle.models import Entry, Notice, Team, User
from lifecycle.people.permissions import may
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder() -> User:
    return make_user("lena")


@pytest.fixture
def guest() -> User:
    return make_user("jonas", team=make_team("Web Shops"))


@pytest.fixture
def machine(holder: User) -> Machine:
    return make_machine("kafka", holder=holder)


def sees(user: User, machine: Machine) -> bool:
    return Machine.objects.visible_to(user).filter(pk=machine.pk).exists()


def today(days: int = 0) -> date:
    return (clock.now() + timedelta(days=days)).astimezone(make_user().tz).date()


@pytest.mark.parametrize(
    ("level", "allowed"),
    [(Level.SEE, (True, False, False)), (Level.OPERATE, (True, True, False)), (Level.MANAGE, (True, True, True))],
)
@pytest.mark.parametrize("by_team", [False, True])
def test_share_lets_a_person_or_a_team_go_so_far(
    machine: Machine, guest: User, level: Level, allowed: tuple[bool, ...], by_team: bool
) -> None:
    recipient = Team.objects.get(members=guest) if by_team else guest

    share(machine, recipient=recipient, level=level, by=User.objects.get(machines=machine))

    assert (sees(guest, machine), may(guest, OPERATE, machine), may(guest, MANAGE, machine)) == allowed


def test_share_is_for_this_machine_only(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.MANAGE, by=holder)
    other = make_machine(holder=holder)

    assert not sees(guest, other)
    assert not may(guest, OPERATE, other)


def test_share_lasts_through_its_last_day(machine: Machine, holder: User, guest: User, settings: Any) -> None:
    settings.CLOCK_SHIFTABLE = True
    share(machine, recipient=guest, level=Level.OPERATE, until=today(1), by=holder)

    clock.move_to(clock.now() + timedelta(days=1))
    assert sees(guest, machine) and may(guest, OPERATE, machine) and shares_of(machine)

    clock.move_to(clock.now() + timedelta(days=1))
    assert not sees(guest, machine) and not may(guest, OPERATE, machine) and not shares_of(machine)


def test_share_with_a_team_follows_who_is_in_it(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=Team.objects.get(members=guest), level=Level.SEE, by=holder)
    newcomer = make_user(team=guest.team)
    User.objects.filter(pk=guest.pk).update(team=None)

    assert sees(newcomer, machine)
    assert not sees(User.objects.get(pk=guest.pk), machine)


def test_share_is_recorded_and_told(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.OPERATE, until=today(5), by=holder)

    entry, notice = Entry.objects.get(), Notice.objects.get()
    assert (entry.verb, entry.detail["recipient"], entry.detail["level"]) == ("machine.shared", "jonas", Level.OPERATE)
    assert (notice.recipient, notice.subject) == (guest, "lena shares kafka with you")


def test_share_with_a_team_tells_everybody_in_it_but_oneself(machine: Machine, holder: User) -> None:
    holder.team = make_team("Data")
    holder.save()
    mates = {make_user(team=holder.team), make_user(team=holder.team)}
    make_user(team=holder.team, is_active=False)

    share(machine, recipient=holder.team, level=Level.SEE, by=holder)

    assert {notice.recipient for notice in Notice.objects.all()} == mates


def test_share_twice_is_told(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.SEE, by=holder)

    with pytest.raises(Conflict, match="jonas already"):
        share(machine, recipient=guest, level=Level.MANAGE, by=holder)


def test_share_that_ended_begins_anew(machine: Machine, holder: User, guest: User, settings: Any) -> None:
    settings.CLOCK_SHIFTABLE = True
    share(machine, recipient=guest, level=Level.MANAGE, until=today(), by=holder)
    clock.move_to(clock.now() + timedelta(days=2))

    share(machine, recipient=guest, level=Level.SEE, by=holder)

    assert [one.level for one in shares_of(machine)] == [Level.SEE]


def test_share_is_refused_for_oneself_the_holder_leavers_and_auditors(machine: Machine, holder: User) -> None:
    admin = make_admin("ingrid")
    for recipient, by, words in [
        (holder, holder, "somebody else"),
        (holder, admin, "holds it"),
        (make_user("gone", left_on=today(-2)), holder, "has left"),
        (make_user("eyes", role=User.Role.AUDITOR), holder, "auditor"),
    ]:
        with pytest.raises(Invalid, match=words) as refused:
            share(machine, recipient=recipient, level=Level.SEE, by=by)
        assert refused.value.field == "recipient"


def test_share_is_refused_in_the_past(machine: Machine, holder: User, guest: User) -> None:
    with pytest.raises(Invalid, match="In the past") as refused:
        share(machine, recipient=guest, level=Level.SEE, until=today(-1), by=holder)
    assert refused.value.field == "until"


def test_share_of_what_nobody_holds_is_refused(guest: User) -> None:
    with pytest.raises(Conflict, match="Nobody holds"):
        share(make_machine(), recipient=guest, level=Level.SEE, by=make_admin())


def test_share_is_for_holder_team_managers_and_admins(holder: User, guest: User) -> None:
    team, endpoint = make_team(), make_endpoint()
    machine = make_machine(team=team, endpoint=endpoint)
    manager, operator = make_user(), make_user()
    share(machine, recipient=manager, level=Level.MANAGE, by=make_user(team=team))
    share(machine, recipient=operator, level=Level.OPERATE, by=make_admin())
    share(machine, recipient=guest, level=Level.SEE, by=manager)

    for nobody in (operator, guest, make_user(), make_user(role=User.Role.AUDITOR), make_user(role=User.Role.FINANCE)):
        with pytest.raises(Forbidden):
            share(machine, recipient=make_user(), level=Level.SEE, by=nobody)


def test_manager_hands_on_no_more_time_than_they_have(machine: Machine, holder: User, guest: User) -> None:
    manager = make_user()
    share(machine, recipient=manager, level=Level.MANAGE, until=today(5), by=holder)

    for until in (None, today(6)):
        with pytest.raises(Invalid, match="Not longer"):
            share(machine, recipient=guest, level=Level.SEE, until=until, by=manager)
    with pytest.raises(Invalid, match="somebody else"):
        change_share(machine, recipient=manager, level=Level.MANAGE, until=None, by=manager)
    assert share(machine, recipient=guest, level=Level.SEE, until=today(5), by=manager).until == today(5)


def test_change_share_sets_level_and_last_day(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.SEE, by=holder)

    changed = change_share(machine, recipient=guest, level=Level.MANAGE, until=today(3), by=holder)

    assert (changed.level, changed.until) == (Level.MANAGE, today(3))
    assert may(guest, MANAGE, machine)
    assert Entry.objects.filter(verb="machine.share_changed").count() == 1


def test_change_share_to_the_same_says_nothing(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.SEE, by=holder)

    change_share(machine, recipient=guest, level=Level.SEE, until=None, by=holder)

    assert (Entry.objects.count(), Notice.objects.count()) == (1, 1)


def test_withdraw_share_ends_it_and_tells(machine: Machine, holder: User, guest: User) -> None:
    share(machine, recipient=guest, level=Level.SEE, by=holder)

    withdraw_share(machine, recipient=guest, by=holder)

    assert not sees(guest, machine)
    assert Notice.objects.filter(subject="kafka is no longer shared with you").count() == 1
    with pytest.raises(Conflict, match="any more"):
        withdraw_share(machine, recipient=guest, by=holder)


def test_withdraw_share_oneself_but_not_for_others(machine: Machine, holder: User, guest: User) -> None:
    other = make_user()
    for one in (guest, other):
        share(machine, recipient=one, level=Level.OPERATE, by=holder)

    with pytest.raises(Forbidden):
        withdraw_share(machine, recipient=other, by=guest)
    withdraw_share(machine, recipient=guest, by=guest)

    assert [one.recipient for one in shares_of(machine)] == [other]


@pytest.mark.parametrize("count", [1, 3])
def test_shares_of_asks_no_more_for_more(
    machine: Machine, holder: User, django_assert_num_queries: Any, count: int
) -> None:
    for _number in range(count):
        share(machine, recipient=make_user(), level=Level.SEE, by=holder)
        share(machine, recipient=make_team(), level=Level.SEE, by=holder)

    with django_assert_num_queries(5):
        assert len([(str(one.recipient), str(one.granted_by)) for one in shares_of(machine)]) == 2 * count


def test_shares_of_asks_twice_where_nothing_is_shared(machine: Machine, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert shares_of(machine) == []
