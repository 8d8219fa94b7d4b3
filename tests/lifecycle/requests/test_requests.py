"""Asking and deciding: who may, what is refused, and what happens twice."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.catalog.models import Blueprint
from lifecycle.errors import Conflict, Forbidden, Invalid, InvalidMany
from lifecycle.estate.models import Machine
from lifecycle.money.quotes import quote
from lifecycle.notices.models import Notice
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.requests import actions
from lifecycle.requests.models import Request
from lifecycle.requests.queries import inbox
from tests.lifecycle.world import World


def test_submitted_request_carries_its_price_and_waits_for_the_supervisor(world: World) -> None:
    request = world.submit()

    price = quote(vcpus=2, memory_mib=4096, disk_mib=40960, starts_at=request.created_at, ends_at=request.ends_at)
    assert (request.cents_per_month, request.cents_until_end) == (price.cents_per_month, price.cents_until_end)
    assert list(inbox(world.approver)) == [request]
    assert Notice.objects.get(kind="decision_needed").recipient == world.approver
    assert Entry.objects.filter(verb="request.submitted").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "Bad Name"}, "name"),
        ({"name": "bad/../name;rm"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 41}, "name"),
        ({"name": "1st"}, "name"),
        ({"name": "ends-"}, "name"),
        ({"name": "line\nbreak"}, "name"),
        ({"purpose": "  "}, "purpose"),
        ({"purpose": "x" * 1001}, "purpose"),
    ],
)
def test_bad_value_is_refused_with_its_field_and_nothing_is_written(world: World, changes: dict, field: str) -> None:
    with pytest.raises(InvalidMany) as refused:
        world.submit(**changes)

    assert list(refused.value.problems) == [field]
    assert not Request.objects.exists()


@pytest.mark.parametrize("days", [-1, -4000, 91, 4000])
def test_end_outside_the_terms_is_refused(world: World, days: int) -> None:
    with pytest.raises(InvalidMany) as refused:
        world.submit(last_day=world.day(days))

    assert list(refused.value.problems) == ["last_day"]


def test_all_mistakes_are_told_at_once(world: World) -> None:
    with pytest.raises(InvalidMany) as refused:
        world.submit(name="Bad", purpose="", last_day=world.day(-3))

    assert set(refused.value.problems) == {"name", "purpose", "last_day"}


def test_size_that_the_blueprint_does_not_offer_is_refused(world: World) -> None:
    world.blueprint.sizes.set([world.small])

    with pytest.raises(InvalidMany) as refused:
        world.submit(size=world.large)

    assert list(refused.value.problems) == ["size"]


def test_blueprint_that_is_no_longer_offered_is_refused(world: World) -> None:
    Blueprint.objects.update(offered=False)
    world.blueprint.refresh_from_db()

    with pytest.raises(InvalidMany):
        world.submit()


def test_name_of_a_living_machine_is_taken_and_another_is_proposed(world: World) -> None:
    world.machine("kafka-lab")

    with pytest.raises(InvalidMany) as refused:
        world.submit("kafka-lab")

    assert "kafka-lab-2" in refused.value.problems["name"]


def test_name_that_was_asked_for_is_taken(world: World) -> None:
    world.submit("kafka-lab")

    with pytest.raises(InvalidMany):
        world.submit("kafka-lab", by=world.teammate)


def test_form_sent_twice_is_one_request(world: World) -> None:
    first = world.submit(key="the-same")

    assert world.submit(key="the-same") == first
    assert Request.objects.count() == 1


def test_approval_writes_machine_and_operation_in_one_go(world: World) -> None:
    request = actions.approve(world.submit(), by=world.approver, comment="Fine")

    assert request.state == "building"
    assert Operation.objects.get(kind="create").machine == request.machine
    step = request.steps.get()
    assert (step.state, step.decided_by, step.comment) == ("approved", world.approver, "Fine")


def test_second_click_on_approve_learns_who_decided_and_changes_nothing(world: World) -> None:
    request = world.submit()
    actions.approve(request, by=world.approver)

    with pytest.raises(Conflict, match="tomasz"):
        actions.approve(Request.objects.get(), by=world.approver)

    assert Operation.objects.filter(kind="create").count() == 1
    assert Machine.objects.filter(name="churn-scoring").count() == 1


def test_refusal_after_an_approval_comes_too_late(world: World) -> None:
    request = world.submit()
    actions.approve(request, by=world.approver)

    with pytest.raises(Conflict):
        actions.refuse(Request.objects.get(), by=world.admin, comment="No")


def test_nobody_decides_on_their_own_request_not_even_as_superuser(world: World) -> None:
    User.objects.filter(pk=world.owner.pk).update(role="admin", is_superuser=True)
    world.owner.refresh_from_db()
    request = world.submit()

    with pytest.raises(Forbidden):
        actions.approve(request, by=world.owner)
    with pytest.raises(Forbidden):
        actions.refuse(request, by=world.owner, comment="No")
    assert list(inbox(world.owner)) == []


def test_nobody_approves_for_themselves_by_supervising_themselves_through_a_circle(world: World) -> None:
    User.objects.filter(pk=world.approver.pk).update(supervisor=world.owner)
    request = world.submit(by=User.objects.get(pk=world.approver.pk))

    with pytest.raises(Forbidden):
        actions.approve(request, by=world.approver)


@pytest.mark.parametrize("who", ["teammate", "stranger"])
def test_others_do_not_decide(world: World, who: str) -> None:
    request = world.submit()

    with pytest.raises(Forbidden):
        actions.approve(request, by=getattr(world, who))
    request.refresh_from_db()
    assert request.state == "waiting"


def test_admin_decides_where_nobody_else_is_left(world: World) -> None:
    User.objects.filter(pk=world.owner.pk).update(supervisor=None)
    request = world.submit(by=User.objects.get(pk=world.owner.pk))

    assert list(inbox(world.admin)) == [request]
    actions.approve(request, by=world.admin)
    assert Request.objects.get().state == "building"


def test_refusal_needs_words_and_the_requester_reads_them(world: World) -> None:
    request = world.submit()
    with pytest.raises(Invalid):
        actions.refuse(request, by=world.approver, comment=" ")

    actions.refuse(request, by=world.approver, comment="Take a smaller one.")

    notice = Notice.objects.get(kind="request_refused")
    assert notice.recipient == world.owner
    assert notice.context["words"] == "Take a smaller one."


def test_price_that_changed_since_it_was_seen_is_not_approved_unseen(world: World) -> None:
    request = world.submit()

    with pytest.raises(Conflict):
        actions.approve(request, by=world.approver, cents_seen=request.cents_until_end + 1)
    request.refresh_from_db()
    assert request.state == "waiting"
    assert not Machine.objects.filter(name="churn-scoring").exists()


def test_only_the_requester_withdraws_and_only_before_the_decision(world: World) -> None:
    request = world.submit()
    with pytest.raises(Forbidden):
        actions.cancel(request, by=world.approver)

    actions.cancel(request, by=world.owner)
    with pytest.raises(Conflict):
        actions.cancel(Request.objects.get(), by=world.owner)
    with pytest.raises(Conflict):
        actions.approve(Request.objects.get(), by=world.approver)


def test_request_that_nobody_decides_lapses(world: World) -> None:
    request = world.submit()
    clock.move_to(request.lapses_at)

    assert actions.lapse() == 1
    assert actions.lapse() == 0
    request.refresh_from_db()
    assert request.state == "lapsed"
    assert list(inbox(world.approver)) == []


def test_approval_after_the_asked_end_is_refused(world: World) -> None:
    request = world.submit(last_day=world.day(2))
    clock.move_to(request.ends_at + timedelta(hours=1))

    with pytest.raises(Conflict):
        actions.approve(request, by=world.approver)


def test_blueprint_that_needs_no_decision_is_built_at_once(world: World) -> None:
    Blueprint.objects.update(approval="none")
    world.blueprint.refresh_from_db()

    request = world.submit()
    world.work_off()

    request.refresh_from_db()
    assert request.state == "done"


def test_request_for_the_team_is_held_and_paid_by_the_team(world: World) -> None:
    machine = world.machine(for_team=True)

    assert (machine.holder, machine.team) == (None, world.owner.team)
    assert world.owner.team is not None
    assert machine.cost_centre == world.owner.team.cost_centre


def test_machine_carries_holder_purpose_and_end_where_the_hypervisor_shows_them(world: World) -> None:
    world.machine()

    fields = world.native()[0]["fields"]
    assert fields["leasehold.holder"] == "lena"
    assert fields["leasehold.purpose"] == "Nightly scoring"
    assert fields["leasehold.ends_on"] == world.day(30).isoformat()


@pytest.mark.parametrize("act", ["approve", "refuse", "cancel"])
def test_decision_and_withdrawal_change_step_and_request_in_one_order(world: World, act: str) -> None:
    """Else two at once would each wait for the other's row, and the database would end one of them."""
    request = world.submit()
    changed: list[str] = []

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        changed.extend(re.findall(r'^UPDATE "lifecycle_(step|request)"', sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(listen):
        match act:
            case "approve":
                actions.approve(request, by=world.approver)
            case "refuse":
                actions.refuse(request, by=world.approver, comment="Not now")
            case "cancel":
                actions.cancel(request, by=world.owner)

    assert changed == ["step", "request"]
