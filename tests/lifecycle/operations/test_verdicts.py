"""What a person decides about work under way, carried out between two steps."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.actions import HOUSE
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Machine, Span
from lifecycle.leases import actions as leases
from lifecycle.notices.models import Notice
from lifecycle.operations import actions, claims
from lifecycle.operations.engine import step
from lifecycle.operations.models import Operation
from lifecycle.people.models import User
from lifecycle.requests import actions as requests
from lifecycle.requests.models import Request
from lifecycle.wiring import OUTCOMES
from tests.lifecycle.operations.test_engine import LONG_AGO, approved
from tests.lifecycle.world import World

Verdict = Operation.Verdict


def submitted(world: World) -> Operation:
    """A creation whose clone is under way, and takes long."""
    world.dc.set("duration.clone", 3600)
    operation = approved(world)
    step(operation.pk, outcomes=OUTCOMES)
    step_now(operation)
    assert len(world.native()) == 1
    return operation


def step_now(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(next_try_at=LONG_AGO)
    step(operation.pk, outcomes=OUTCOMES)
    operation.refresh_from_db()


def test_creation_that_has_not_begun_is_cancelled_without_a_call(world: World) -> None:
    operation = approved(world)
    calls = len(world.dc.calls())
    actions.cancel(operation, by=world.admin, reason="Ordered twice")

    step_now(operation)

    assert operation.state == "cancelled"
    assert len(world.dc.calls()) == calls
    assert Request.objects.get().state == "cancelled"
    assert Machine.objects.get().stage == "failed"


def test_cancelled_creation_leaves_nothing_at_the_hypervisor(world: World) -> None:
    operation = submitted(world)
    actions.cancel(operation, by=world.admin, reason="Ordered twice")

    world.work_off()

    operation.refresh_from_db()
    assert (operation.state, operation.error) == ("cancelled", "Ordered twice")
    assert world.native() == []
    assert not Span.objects.exists()
    assert Request.objects.get().state == "cancelled"
    assert Notice.objects.filter(kind="request_failed").count() == 1


def test_requester_takes_back_what_is_being_built(world: World) -> None:
    operation = submitted(world)
    requests.cancel(Request.objects.get(), by=world.owner)

    world.work_off()

    assert world.native() == []
    assert Request.objects.get().state == "cancelled"
    operation.refresh_from_db()
    assert operation.verdict_by == world.owner
    verbs = set(Entry.objects.values_list("verb", flat=True))
    assert {"request.called_off", "operation.called_off", "operation.cancelled", "request.cancelled"} <= verbs


def test_what_was_handed_over_is_not_taken_back(world: World) -> None:
    request = Request.objects.get(machine=world.machine())
    Request.objects.update(state="building")

    with pytest.raises(Conflict, match="handed over"):
        requests.cancel(Request.objects.get(pk=request.pk), by=world.owner)


def test_word_that_comes_while_the_last_step_is_under_way_is_heard(world: World) -> None:
    """The machine is finished at the hypervisor in the very step in which somebody cancels it."""
    world.dc.set("duration.power_on", 3600)
    operation = approved(world)
    for _ in range(3):
        step_now(operation)
    assert operation.step == "starting"
    Operation.objects.update(next_try_at=LONG_AGO)
    late = claims.claim(operation.pk)
    assert late is not None
    actions.cancel(operation, by=world.admin, reason="Too late?")

    assert not claims.finish(late, Operation.State.SUCCEEDED)
    claims.release(late, again_in=0)
    clock.move_to(clock.now() + timedelta(hours=2))
    world.work_off()

    assert world.native() == []
    assert Request.objects.get().state == "cancelled"


def test_power_that_is_changed_right_now_cannot_be_cancelled(world: World) -> None:
    machine = world.machine()
    operation = actions.order(
        machine, Operation.Kind.RESTART, purpose=Operation.Purpose.HOLDER, by=world.owner, key="restart"
    )
    step(operation.pk, outcomes=OUTCOMES)

    with pytest.raises(Conflict, match="halfway"):
        actions.cancel(operation, by=world.admin, reason="No")


def test_second_word_is_told_that_there_was_a_first(world: World) -> None:
    operation = submitted(world)
    actions.cancel(operation, by=world.admin, reason="Ordered twice")

    with pytest.raises(Conflict):
        actions.resolve(operation, Verdict.DONE, by=world.admin, reason="It is there")


@pytest.mark.parametrize("reason", ["", "  "])
def test_word_needs_a_reason(world: World, reason: str) -> None:
    operation = submitted(world)

    with pytest.raises(Invalid):
        actions.cancel(operation, by=world.admin, reason=reason)


def test_work_given_up_by_hand_touches_nothing_even_when_the_endpoint_is_away(world: World) -> None:
    operation = submitted(world)
    world.dc.go_offline()
    calls = len(world.dc.calls())

    actions.resolve(operation, Verdict.FAILED, by=world.admin, reason="Removed it by hand")
    step_now(operation)

    assert (operation.state, operation.error) == ("failed", "Removed it by hand")
    assert len(world.dc.calls()) == calls
    assert Request.objects.get().state == "failed"


def test_work_that_is_said_to_be_done_is_handed_over_when_the_hypervisor_agrees(world: World) -> None:
    operation = submitted(world)
    ref = world.native()[0]["ref"]
    clock.move_to(clock.now() + timedelta(hours=2))
    world.dc.change_by_hand(ref, power="on", name="churn-scoring")

    actions.resolve(operation, Verdict.DONE, by=world.admin, reason="Finished it by hand")
    step_now(operation)

    assert operation.state == "succeeded"
    machine = Machine.objects.get()
    assert (machine.stage, machine.native_ref) == ("active", ref)


@pytest.mark.parametrize(
    ("found", "problem"),
    [({}, "does not run there"), ({"power": "on"}, "is called lh-")],
)
def test_machine_that_is_half_made_is_not_handed_over(world: World, found: dict[str, str], problem: str) -> None:
    operation = submitted(world)
    clock.move_to(clock.now() + timedelta(hours=2))
    if found:
        world.dc.change_by_hand(world.native()[0]["ref"], **found)

    actions.resolve(operation, Verdict.DONE, by=world.admin, reason="It is there")
    step_now(operation)

    assert (operation.state, operation.verdict, operation.verdict_by) == ("running", "", None)
    assert problem in operation.error
    world.work_off()
    assert [(vm["name"], vm["power"]) for vm in world.native()] == [("churn-scoring", "on")]


def test_machine_that_still_runs_is_not_said_to_be_stopped(world: World) -> None:
    machine = world.machine()
    world.dc.set("duration.shutdown", 3600)
    operation = actions.order(
        machine, Operation.Kind.SHUTDOWN, purpose=Operation.Purpose.HOLDER, by=world.owner, key="stop"
    )
    step(operation.pk, outcomes=OUTCOMES)

    actions.resolve(operation, Verdict.DONE, by=world.admin, reason="It is off")
    step_now(operation)

    assert (operation.state, operation.verdict) == ("running", "")
    assert "not off there" in operation.error


def test_hypervisor_has_the_last_word(world: World) -> None:
    operation = submitted(world)
    world.dc.delete_by_hand(world.native()[0]["ref"])

    actions.resolve(operation, Verdict.DONE, by=world.admin, reason="It is there")
    step_now(operation)

    assert (operation.state, operation.verdict) == ("running", "")
    assert "0 machines carry its stamp" in operation.error
    assert Entry.objects.filter(verb="operation.contradicted").exists()


def test_others_decide_nothing(world: World) -> None:
    operation = submitted(world)

    for person in (world.owner, world.approver):
        with pytest.raises(Forbidden, match="Only administrators"):
            actions.cancel(operation, by=person, reason="Mine")


@pytest.mark.parametrize("first", [Verdict.CANCEL, Verdict.DONE])
def test_giving_up_overrules_a_word_that_an_endpoint_which_is_away_keeps_waiting(world: World, first: Verdict) -> None:
    operation = submitted(world)
    if first == Verdict.CANCEL:
        actions.cancel(operation, by=world.admin, reason="Ordered twice")
    else:
        actions.resolve(operation, first, by=world.admin, reason="It is there")
    world.dc.go_offline()
    step_now(operation)
    assert operation.is_open

    actions.resolve(operation, Verdict.FAILED, by=world.admin, reason="That site is gone")
    step_now(operation)

    assert (operation.state, operation.error) == ("failed", "That site is gone")
    with pytest.raises(Conflict, match="ended"):
        actions.resolve(operation, Verdict.FAILED, by=world.admin, reason="Again")


def test_second_word_says_whose_the_first_was(world: World) -> None:
    operation = submitted(world)
    actions.resolve(operation, Verdict.FAILED, by=world.admin, reason="That site is gone")

    with pytest.raises(Conflict, match="ingrid decided already: “Give it up”"):
        actions.resolve(operation, Verdict.FAILED, by=world.admin, reason="Again")


def test_requester_who_takes_it_back_twice_is_told_so(world: World) -> None:
    submitted(world)
    requests.cancel(Request.objects.get(), by=world.owner)

    with pytest.raises(Conflict, match="taken back already"):
        requests.cancel(Request.objects.get(), by=world.owner)


def test_requester_hears_who_cancelled_the_order_and_why(world: World) -> None:
    operation = submitted(world)
    actions.cancel(operation, by=world.admin, reason="Ordered twice")

    world.work_off()

    notice = Notice.objects.get(kind="request_failed")
    assert notice.recipient == world.owner
    assert notice.subject == "churn-scoring was cancelled before it was ready"
    assert notice.context["words"] == "ingrid: “Ordered twice”"


def test_requester_is_not_told_of_what_they_took_back_themselves(world: World) -> None:
    submitted(world)
    requests.cancel(Request.objects.get(), by=world.owner)

    world.work_off()

    assert not Notice.objects.filter(kind="request_failed").exists()


def restart(world: World, *, by: User) -> Operation:
    return actions.order(world.machine(), Operation.Kind.RESTART, purpose=Operation.Purpose.HOLDER, by=by, key="again")


def test_holder_hears_that_an_administrator_cancelled_what_they_pressed(world: World) -> None:
    operation = restart(world, by=world.owner)

    actions.cancel(operation, by=world.admin, reason="Storage moves")
    world.work_off()

    notice = Notice.objects.get(kind="power_failed")
    assert notice.recipient == world.owner
    assert notice.subject == "Restart was cancelled on churn-scoring"
    assert notice.context["error"] == "ingrid: “Storage moves”"


def test_administrator_who_cancels_what_they_pressed_themselves_is_not_told(world: World) -> None:
    operation = restart(world, by=world.admin)

    actions.cancel(operation, by=world.admin, reason="Wrong machine")
    world.work_off()

    assert Operation.objects.get(pk=operation.pk).state == "cancelled"
    assert not Notice.objects.filter(kind="power_failed").exists()


def test_holder_hears_that_an_administrator_cancelled_the_stop_at_the_end(world: World) -> None:
    machine = world.machine()
    Machine.objects.filter(pk=machine.pk).update(stage="expired")
    stop = actions.order(
        machine, Operation.Kind.SHUTDOWN, purpose=Operation.Purpose.EXPIRY, by=HOUSE, key="stop-at-the-end"
    )

    actions.cancel(stop, by=world.admin, reason="Storage moves")
    world.work_off()

    notice = Notice.objects.get(kind="stop_failed")
    assert (notice.recipient, notice.context["words"]) == (world.owner, "ingrid: “Storage moves”")


def test_whoever_gave_a_machine_back_hears_that_it_was_not_stopped(world: World) -> None:
    machine = world.machine()
    leases.give_back(machine.lease, by=world.owner)
    stop = Operation.objects.get(machine=machine, kind="shutdown")

    actions.cancel(stop, by=world.admin, reason="Storage moves")
    world.work_off()

    notice = Notice.objects.get(kind="stop_failed")
    assert notice.recipient == world.owner
    assert "was not stopped. It runs on" in notice.subject
    assert notice.context["words"] == "ingrid: “Storage moves”"
    machine.refresh_from_db()
    assert machine.stage == "active"


def test_what_cannot_be_cleared_away_is_told_on_the_row_and_in_the_record(world: World) -> None:
    operation = submitted(world)
    actions.cancel(operation, by=world.admin, reason="Ordered twice")
    world.dc.add_fault("cancel_task", "denied", count=50)
    Operation.objects.update(deadline_at=LONG_AGO)

    step_now(operation)

    assert operation.state == "cancelled"
    assert "could not be cleared away" in operation.error
    assert Entry.objects.filter(verb="operation.left_over").exists()
    assert len(world.native()) == 1
