"""What workers take, in which order, and what the sweep finds; on the simulated data centre."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from lifecycle import tasks
from lifecycle.audit.models import Entry
from lifecycle.estate.models import Endpoint
from lifecycle.leases.models import Lease
from lifecycle.notices.models import Notice
from lifecycle.operations import actions, brakes, claims, work
from lifecycle.operations.engine import step
from lifecycle.operations.models import Heartbeat, Operation
from lifecycle.requests.models import Request
from lifecycle.wiring import OUTCOMES
from tests.lifecycle.operations.test_engine import LONG_AGO, approved
from tests.lifecycle.world import World

SOON = timedelta(hours=1)


def ready() -> list[int]:
    return list(claims.ready().values_list("pk", flat=True))


def waits() -> dict[int, str]:
    return dict(Operation.objects.values_list("pk", "waits_for"))


def elsewhere(world: World) -> Endpoint:
    """A second data centre that answers just as well."""
    twin = Endpoint.objects.get(pk=world.endpoint.pk)
    twin.pk, twin.name, twin.secret_id = None, "Rostock", uuid.uuid4()
    twin.save()
    return twin


def test_woken_worker_works_until_nothing_is_left(world: World) -> None:
    for name in ("churn-scoring", "etl-night", "geo-index"):
        approved(world, name)

    work.work(None, outcomes=OUTCOMES, stay=30)

    assert set(Request.objects.values_list("state", flat=True)) == {"done"}
    assert len(world.native()) == 3


def test_worker_leaves_in_time_and_wakes_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args, **_: sent.append((name, args)))
    for name in ("churn-scoring", "etl-night", "geo-index"):
        approved(world, name)
    sent.clear()

    work.work(None, outcomes=OUTCOMES, stay=0.02)

    assert sent == [("lifecycle.tasks.work_operation", [None])]


def test_full_endpoint_takes_no_more_and_says_so(world: World) -> None:
    Endpoint.objects.update(parallel=1)
    world.dc.set("duration.clone", 3600)
    first, second = approved(world, "first"), approved(world, "second")
    step(first.pk, outcomes=OUTCOMES)

    assert second.pk not in ready()
    brakes.tell()
    assert waits()[second.pk] == "full"

    Operation.objects.filter(pk=first.pk).update(state="succeeded")
    assert second.pk in ready()
    brakes.tell()
    assert waits()[second.pk] == ""


def test_work_of_the_endpoint_with_fewer_workers_comes_first(world: World) -> None:
    held, waiting, other = approved(world, "held"), approved(world, "waiting"), approved(world, "other")
    Operation.objects.filter(pk=other.pk).update(endpoint=elsewhere(world))
    Operation.objects.update(next_try_at=LONG_AGO)
    assert ready() == [held.pk, waiting.pk, other.pk]

    claims.claim(held.pk)

    assert ready() == [other.pk, waiting.pk]


def test_endpoint_that_rests_is_left_alone_and_then_tried_by_one(world: World) -> None:
    first, second = approved(world, "first"), approved(world, "second")
    now = datetime.now(UTC)
    Endpoint.objects.update(rests_until=now + SOON, failures=3, failing_since=now - SOON)
    assert ready() == []
    brakes.tell()
    assert set(waits().values()) == {"endpoint"}

    Endpoint.objects.update(rests_until=LONG_AGO)
    assert ready() == [first.pk, second.pk]
    claims.claim(first.pk)
    assert ready() == []


def test_unreachable_endpoint_is_found_again_without_help(world: World) -> None:
    approved(world)
    world.dc.go_offline()
    work.work(None, outcomes=OUTCOMES, stay=0.3)
    assert Endpoint.objects.get().failures == 1

    world.dc.come_back()
    Endpoint.objects.update(rests_until=LONG_AGO)
    work.sweep()
    work.work(None, outcomes=OUTCOMES, stay=10)

    assert Endpoint.objects.get().failures == 0
    assert Request.objects.get().state == "done"


@pytest.mark.parametrize(("hold", "free", "reason"), [
    (lambda w: actions.pause(by=w.admin, reason="Fire drill"), lambda w: actions.resume(by=w.admin), "paused"),
    (lambda w: Endpoint.objects.update(mode="observe"), lambda w: Endpoint.objects.update(mode="manage"), "observe"),
])  # fmt: skip
def test_held_work_is_not_touched_and_says_why(
    world: World, hold: Callable[[World], object], free: Callable[[World], object], reason: str
) -> None:
    operation = approved(world)
    hold(world)

    assert ready() == []
    brakes.tell()
    assert waits() == {operation.pk: reason}

    free(world)
    brakes.tell()
    assert waits() == {operation.pk: ""}
    assert ready() == [operation.pk]


def test_sweep_of_nothing_new_writes_nothing_onto_the_rows(world: World) -> None:
    operation = approved(world)
    actions.pause(by=world.admin, reason="Fire drill")
    brakes.tell()
    before = Operation.objects.values().get(pk=operation.pk)

    brakes.tell()

    assert Operation.objects.values().get(pk=operation.pk) == before


def test_claim_that_ran_out_is_taken_over_on_the_record(world: World) -> None:
    operation = approved(world)
    claims.claim(operation.pk)
    Operation.objects.update(claimed_until=LONG_AGO)

    assert claims.claim(operation.pk) is not None

    entry = Entry.objects.get(verb="operation.taken_over")
    assert entry.object_id == operation.pk


def test_claim_lives_as_long_as_its_holder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renewing thread has a connection of its own, which would not see this test's transaction."""
    monkeypatch.setattr(claims, "RENEW", 0.01)
    renewed, operation = threading.Event(), approved(world)
    taken = claims.claim(operation.pk)
    assert taken is not None

    def note(held: Operation, **changes: object) -> bool:
        assert held is taken
        assert set(changes) == {"claimed_until"}
        renewed.set()
        return True

    monkeypatch.setattr(claims, "note", note)
    with claims.kept(taken):
        assert renewed.wait(5)
    renewed.clear()
    assert not renewed.wait(0.05)


def test_worker_whose_clock_is_off_takes_no_work(world: World) -> None:
    approved(world)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        work.work(None, outcomes=OUTCOMES)

    assert Request.objects.get().state == "building"
    assert world.native() == []
    assert Heartbeat.objects.get(name__startswith="worker").ahead == pytest.approx(120, abs=2)


def test_process_whose_clock_is_off_ends_no_lease(world: World) -> None:
    machine = world.machine()
    later = datetime.now(UTC) + timedelta(days=40)

    with time_machine.travel(later):
        tasks.advance_leases()

    assert Lease.objects.get(machine=machine).next_warning_at < later
    assert not Notice.objects.filter(kind="lease_ends").exists()


def test_try_now_ends_the_rest_of_an_endpoint(world: World) -> None:
    operation = approved(world)
    Endpoint.objects.update(rests_until=datetime.now(UTC) + SOON, failures=3, failing_since=LONG_AGO)
    brakes.tell()
    assert ready() == []

    actions.retry_now(Operation.objects.get(pk=operation.pk), by=world.admin)

    assert ready() == [operation.pk]


def test_deadline_is_set_when_work_begins(world: World) -> None:
    operation = approved(world)
    assert operation.deadline_at is None

    step(operation.pk, outcomes=OUTCOMES)

    operation.refresh_from_db()
    assert operation.deadline_at is not None


def test_work_that_never_ends_is_given_up_after_its_deadline(world: World) -> None:
    world.dc.set("duration.clone", 10**6)
    operation = approved(world)
    step(operation.pk, outcomes=OUTCOMES)
    Operation.objects.update(deadline_at=LONG_AGO)

    for _ in range(20):
        Operation.objects.update(waits_for="", next_try_at=LONG_AGO)
        work.work(None, outcomes=OUTCOMES, stay=0.05)

    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "timed_out")
    assert world.native() == []
    assert Request.objects.get().state == "failed"


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite tells no plans worth keeping")
def test_due_work_is_found_by_an_index(world: World) -> None:
    approved(world)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = claims.due().explain()

    assert "operation_due" in plan
    assert "operation_open_by_machine" in plan
