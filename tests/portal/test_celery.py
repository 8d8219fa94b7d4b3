"""The schedule names tasks that exist, and messages reach a queue that a worker reads."""

import inspect

import pytest

import lifecycle.tasks  # noqa: F401 - registers the tasks
from portal.celery import QUEUES, SCHEDULE, TRAVEL, app, beat_schedule

TASKS = {name.rpartition(".")[2] for name in app.tasks if name.startswith("lifecycle.tasks.")}


def test_exactly_the_tasks_that_need_no_argument_are_scheduled() -> None:
    bare = {name for name in TASKS if not inspect.signature(app.tasks[f"lifecycle.tasks.{name}"].run).parameters}

    assert {*SCHEDULE, *TRAVEL} == bare


def test_a_tick_expires_before_the_next_one() -> None:
    for entry in beat_schedule().values():
        assert entry["options"]["expires"] <= entry["schedule"]


@pytest.mark.parametrize(("shiftable", "travels"), [(True, True), (False, False)])
def test_journeys_through_time_are_worked_off_only_where_allowed(settings, shiftable: bool, travels: bool) -> None:
    settings.CLOCK_SHIFTABLE = shiftable

    assert ("travel" in beat_schedule()) is travels


@pytest.mark.parametrize(("demo", "seconds"), [(True, 2), (False, 5)])
def test_the_demo_looks_more_often(settings, demo: bool, seconds: int) -> None:
    settings.DEMO = demo

    assert beat_schedule()["sweep"]["schedule"] == seconds


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_goes_to_a_queue_that_is_read(task: str) -> None:
    route = app.amqp.router.route({}, f"lifecycle.tasks.{task}")

    assert route["queue"] in QUEUES


def test_the_command_line_s_own_reading_of_the_address_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere/3")

    assert {each().transport_cls for each in (app.connection_for_read, app.connection_for_write)} == {"memory"}


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_task_is_bounded_and_given_back_when_its_process_dies(task: str) -> None:
    found = app.tasks[f"lifecycle.tasks.{task}"]

    assert (found.acks_late, found.reject_on_worker_lost) == (True, True)
    assert 0 < (found.soft_time_limit or 0) < (found.time_limit or 0) <= 1830


def test_a_worker_takes_one_message_at_a_time() -> None:
    assert app.conf.worker_prefetch_multiplier == 1


def test_what_hypervisors_delay_has_workers_of_its_own() -> None:
    """Neither a slow hypervisor nor a long scan is in the way of what expires or was approved."""
    of = {task: app.amqp.router.route({}, f"lifecycle.tasks.{task}")["queue"].name for task in TASKS}

    assert of["work_operation"] == "provisioning"
    assert of["sync_endpoint"] == "sync"
    assert {of[task] for task in ("sweep", "advance_leases", "lapse_requests", "send_notices")} == {"clockwork"}
