"""Decisions and machines of somebody who leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden
from lifecycle.notices.models import Notice
from lifecycle.people.imports import try_import
from lifecycle.people.models import User
from lifecycle.requests import actions, leavers
from lifecycle.requests.queries import inbox
from tests.lifecycle.factories import make_machine, make_user
from tests.lifecycle.world import World


@pytest.fixture
def director(world: World) -> User:
    director = make_user("dora", email="dora@example.org")
    User.objects.filter(pk=world.approver.pk).update(supervisor=director)
    return director


def test_what_waits_for_a_leaver_goes_to_who_stands_above(world, director):
    request = world.submit()

    leavers.leave(world.approver, left_on=world.day(-2), by=world.admin)

    assert list(inbox(director)) == [request]
    assert Notice.objects.filter(recipient=director, kind="decision_needed").count() == 1
    assert Entry.objects.get(verb="request.passed_on").detail["after"] == "dora"
    actions.approve(request, by=director)


def test_what_waits_for_a_leaver_with_nobody_above_goes_to_administrators(world):
    request = world.submit()

    leavers.leave(world.approver, left_on=world.day(-2), by=world.admin)

    assert list(inbox(world.admin)) == [request]
    assert Notice.objects.filter(recipient=world.admin, kind="decision_needed").exists()


def test_decisions_stay_until_the_last_day_has_passed(world, director):
    request = world.submit()

    leavers.leave(world.approver, left_on=world.day(3), by=world.admin)
    assert list(inbox(world.approver)) == [request]

    clock.move_to(clock.now() + timedelta(days=5))
    assert leavers.see_out() == 1
    assert list(inbox(director)) == [request]
    assert not User.objects.get(pk=world.approver.pk).is_active
    assert leavers.see_out() == 0


def test_decided_steps_are_left_alone(world, director):
    request = world.submit()
    actions.refuse(request, by=world.approver, comment="No")

    leavers.leave(world.approver, left_on=world.day(-2), by=world.admin)

    assert request.steps.get().approver == world.approver


def test_the_supervisor_is_told_what_a_leaver_holds(world):
    make_machine(holder=world.owner)

    leavers.leave(world.owner, left_on=world.day(5), by=world.admin)
    leavers.leave(world.owner, left_on=world.day(5), by=world.admin)

    notice = Notice.objects.get(kind="leaver")
    assert (notice.recipient, "holds 1 machine" in notice.subject) == (world.approver, True)


def test_leaving_is_for_administrators_to_say(world):
    with pytest.raises(Forbidden):
        leavers.leave(world.owner, left_on=world.day(5), by=world.approver)


def test_a_list_that_makes_leavers_passes_their_decisions_on(world, director):
    request = world.submit()
    kept = try_import(f"username,left_on\ntomasz,{world.day(-2)}\n".encode(), file_name="x.csv", by=world.admin)

    leavers.apply_people(kept, by=world.admin)

    assert list(inbox(director)) == [request]
