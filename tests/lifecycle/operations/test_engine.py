"""The engine against the simulated data centre: one machine per order and none per removal, whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from lifecycle.estate.connections import connect
from lifecycle.estate.models import Endpoint, Machine, Span
from lifecycle.operations import claims
from lifecycle.operations.actions import order
from lifecycle.operations.endings import Outcome
from lifecycle.operations.engine import step
from lifecycle.operations.models import Operation
from lifecycle.operations.orders import order_of
from lifecycle.requests import actions as requests
from lifecycle.requests.models import Request
from lifecycle.wiring import OUTCOMES
from tests.lifecycle.world import World

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def approved(world: World, name: str = "churn-scoring") -> Operation:
    """An order that only waits to be built."""
    request = requests.approve(world.submit(name), by=world.approver)
    return Operation.objects.select_related("machine", "endpoint").get(machine=request.machine, kind="create")


def test_create_ends_with_one_machine_and_its_spans(world: World) -> None:
    operation = approved(world)

    world.work_off()

    operation.refresh_from_db()
    assert (operation.state, operation.progress) == ("succeeded", 100)
    assert len(world.native()) == 1
    assert Span.objects.filter(machine=operation.machine, ended_at=None).count() == 3


def test_create_whose_worker_died_after_submitting_makes_no_second_machine(world: World) -> None:
    operation = approved(world)
    with connect(operation.endpoint) as hypervisor:
        hypervisor.submit(order_of(operation))  # and nobody wrote the handle down

    world.work_off()

    assert len(world.native()) == 1
    assert Request.objects.get().state == "done"


def test_create_whose_worker_died_with_its_claim_is_taken_over_when_the_claim_ran_out(world: World) -> None:
    operation = approved(world)
    assert claims.claim(operation.pk)
    assert step(operation.pk, outcomes=OUTCOMES) is None
    assert world.native() == []

    Operation.objects.update(claimed_until=LONG_AGO)
    world.work_off()

    assert len(world.native()) == 1


def test_claim_is_given_once(world: World) -> None:
    operation = approved(world)

    assert claims.claim(operation.pk) is not None
    assert claims.claim(operation.pk) is None


def test_claim_counts_only_on_what_was_read(world: World) -> None:
    """Somebody reads the row, and before they claim it a late worker writes down what it has submitted."""
    operation = approved(world)
    late = claims.claim(operation.pk)
    assert late is not None
    Operation.objects.update(claimed_until=LONG_AGO)

    def submitted_meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and '"turn"' in sql and not released:
            released.append(claims.release(late, again_in=-1, handle={"machine": "vm-1"}))
        return execute(sql, *rest)

    released: list[bool] = []
    with connection.execute_wrapper(submitted_meanwhile):
        assert claims.claim(operation.pk) is None

    assert released == [True]
    after = claims.claim(operation.pk)
    assert after is not None and after.handle == {"machine": "vm-1"}


def test_worker_that_lost_its_claim_writes_nothing(world: World) -> None:
    operation = approved(world)
    late = claims.claim(operation.pk)
    assert late is not None
    Operation.objects.update(claimed_until=LONG_AGO)
    world.work_off()

    assert not claims.finish(late, Operation.State.FAILED)
    assert not claims.release(late, again_in=0, error="late")
    operation.refresh_from_db()
    assert operation.state == "succeeded"


def test_unreachable_endpoint_makes_the_order_wait_and_go_on_by_itself(world: World) -> None:
    operation = approved(world)
    world.dc.go_offline()
    step(operation.pk, outcomes=OUTCOMES)
    operation.refresh_from_db()
    assert (operation.state, operation.waits_for) == ("running", "endpoint")
    assert Request.objects.get().state == "building"

    world.dc.come_back()
    Endpoint.objects.update(rests_until=None)
    Operation.objects.update(waits_for="", next_try_at=LONG_AGO)
    world.work_off()

    assert Request.objects.get().state == "done"
    assert len(world.native()) == 1


def test_name_that_the_hypervisor_refuses_ends_with_a_sentence_and_no_remains(world: World) -> None:
    world.dc.make_machine_by_hand("churn-scoring")
    approved(world)

    world.work_off()

    request = Request.objects.get()
    assert request.state == "failed"
    assert "name" in request.failure
    assert request.machine is not None
    assert request.machine.stage == "failed"
    assert [vm["uuid"] for vm in world.native()] != [str(request.machine.uuid)]
    assert len(world.native()) == 1


@pytest.mark.parametrize("call", ["clone", "clone.task"])
def test_what_is_too_busy_to_copy_is_asked_again(world: World, call: str) -> None:
    """Whether it refuses the copy, or takes it on and breaks it off."""
    operation = approved(world)
    world.dc.add_fault(call, "busy", count=1)
    world.work_off()
    operation.refresh_from_db()
    assert operation.waits_for == "busy"

    Operation.objects.update(waits_for="", next_try_at=LONG_AGO)
    world.work_off()

    assert Request.objects.get().state == "done"
    assert len(world.native()) == 1
    assert {disk["machine_ref"] for disk in world.dc.disks()} == {world.native()[0]["ref"]}


@pytest.mark.parametrize("kind", ["power_on", "remove"])
def test_work_that_broke_off_as_too_busy_is_begun_again(world: World, kind: str) -> None:
    machine = world.machine()
    world.dc.power_by_hand(machine.native_ref, "off")
    world.dc.add_fault(f"{kind}.task", "busy", count=1)
    asked = order(
        machine, Operation.Kind(kind), purpose=Operation.Purpose.HOLDER, by=world.owner, key="busy",
        destructive=kind == "remove",
    )  # fmt: skip
    nothing = Outcome(lambda *_: None, lambda *_: None)

    for _ in range(20):
        Operation.objects.update(waits_for="", next_try_at=LONG_AGO)
        step(asked.pk, outcomes={**OUTCOMES, (kind, "holder"): nothing})

    asked.refresh_from_db()
    assert asked.state == "succeeded"


def test_work_on_one_machine_is_done_in_order(world: World) -> None:
    machine = world.machine()
    first = order(machine, Operation.Kind.RESTART, purpose=Operation.Purpose.HOLDER, by=world.owner, key="one")
    second = order(machine, Operation.Kind.SHUTDOWN, purpose=Operation.Purpose.HOLDER, by=world.owner, key="two")

    assert claims.claim(second.pk) is None
    assert claims.claim(first.pk) is not None


def test_decision_with_the_same_key_is_one_operation(world: World) -> None:
    machine = world.machine()

    asked = {
        order(machine, Operation.Kind.RESTART, purpose=Operation.Purpose.HOLDER, by=world.owner, key="once").pk
        for _ in range(2)
    }

    assert len(asked) == 1


def test_consequences_that_fail_leave_the_work_to_be_ended_again(world: World) -> None:
    operation = approved(world)

    def breaks(operation: Operation, facts: object) -> None:
        raise ZeroDivisionError

    broken = {**OUTCOMES, ("create", "order"): Outcome(breaks, breaks)}
    for _ in range(30):
        Operation.objects.filter(waits_for="").update(next_try_at=LONG_AGO)
        step(operation.pk, outcomes=broken)
    operation.refresh_from_db()
    assert (operation.state, operation.waits_for) == ("running", "portal")

    Operation.objects.update(waits_for="", next_try_at=LONG_AGO)
    world.work_off()

    assert Request.objects.get().state == "done"
    assert len(world.native()) == 1


@pytest.mark.parametrize("code", ["denied", "unknown"])
def test_final_fault_while_cloning_leaves_no_machine(world: World, code: str) -> None:
    approved(world)
    world.dc.add_fault("clone.task", "denied" if code == "denied" else "fault", message="Something odd")

    world.work_off()

    assert world.native() == []
    assert Request.objects.get().state == "failed"
    assert Machine.objects.get(name="churn-scoring").stage == "failed"


def test_removal_of_what_is_gone_already_succeeds(world: World) -> None:
    machine = world.machine()
    world.dc.delete_by_hand(machine.native_ref)
    removal = order(
        machine, Operation.Kind.REMOVE, purpose=Operation.Purpose.EXPIRY, by=world.admin, key="remove", destructive=True
    )
    Machine.objects.update(stage="removing")

    world.work_off()

    removal.refresh_from_db()
    assert removal.state == "succeeded"
    assert not Span.objects.filter(ended_at=None).exists()


def test_deadline_ends_an_order_that_never_succeeds(world: World) -> None:
    operation = approved(world)
    world.dc.add_fault("clone", "busy", count=50)
    Operation.objects.update(deadline_at=LONG_AGO)

    for _ in range(6):
        Operation.objects.update(waits_for="", next_try_at=datetime.now(UTC) - timedelta(seconds=1))
        step(operation.pk, outcomes=OUTCOMES)

    assert Request.objects.get().state == "failed"
