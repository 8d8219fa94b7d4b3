"""One machine per order, on a data centre that would happily make two."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from hypervisors.contract import CreateMachine, Handle, Progress, Target
from hypervisors.errors import AccessDenied, Busy, NameTaken, NoCapacity, NotFound, Unreachable, WrongState
from hypervisors.simulated import creating
from hypervisors.simulated.adapter import Simulated
from hypervisors.simulated.client import Client
from hypervisors.simulated.datacentre import DataCentre

Drive = Callable[[Any], Progress]

WRITES = ("clone", "reconfigure", "annotate", "power_on", "rename")
"""The changing calls of a creation, in their order."""

fork = multiprocessing.get_context("fork")


def run(target: Target, order: CreateMachine, *, die_before: int = 0, die_after: int = 0) -> None:
    """A worker: makes the machine, or is killed before or after its n-th changing call."""
    hv, done = Simulated(target), 0
    real = hv.client._call

    def counted(name: str, *, changing: bool = False, target: str = "") -> Any:
        nonlocal done
        done += changing
        if changing and done in {die_before, die_after + 1 if die_after else 0}:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(name, changing=changing, target=target)

    hv.client._call = counted  # type: ignore[method-assign]
    follow(hv, order, hv.submit(order))


def follow(hv: Simulated, order: CreateMachine, handle: Handle) -> None:
    while not hv.poll(order, handle).done:
        pass


def in_process(*args: Any, **kwargs: Any) -> Any:
    process = fork.Process(target=run, args=args, kwargs=kwargs)
    process.start()
    return process


def test_create_takes_these_changing_calls(dc: DataCentre, drive: Drive, order: CreateMachine) -> None:
    drive(order)

    assert tuple(call["call"] for call in dc.calls(changing=True)) == WRITES


@pytest.mark.parametrize("step", range(1, len(WRITES) + 1), ids=WRITES)
def test_create_killed_before_a_step_ends_with_one_machine(
    step: int, dc: DataCentre, drive: Drive, order: CreateMachine, target: Target
) -> None:
    worker = in_process(target, order, die_before=step)
    worker.join(20)
    assert worker.exitcode == -signal.SIGKILL

    drive(order)

    assert [machine["name"] for machine in dc.machines()] == ["web-1"]
    assert len(dc.disks()) == 1


@pytest.mark.parametrize("step", range(1, len(WRITES)), ids=WRITES[:-1])
def test_create_killed_after_a_step_leaves_a_machine_that_is_found(
    step: int, hv: Simulated, order: CreateMachine, target: Target
) -> None:
    worker = in_process(target, order, die_after=step)
    worker.join(20)

    assert [seen.uuid for seen in hv.find(order.stamp)] == [order.stamp.uuid]


@pytest.mark.parametrize("step", range(1, len(WRITES)), ids=WRITES[:-1])
def test_discard_clears_what_a_killed_worker_left(
    step: int, dc: DataCentre, hv: Simulated, order: CreateMachine, target: Target
) -> None:
    in_process(target, order, die_after=step).join(20)
    if step >= WRITES.index("power_on") + 1:
        with pytest.raises(Busy):  # a running machine is stopped first
            hv.discard(order.stamp)
    hv.discard(order.stamp)

    assert (dc.machines(), dc.disks()) == ([], [])


def test_create_by_processes_at_the_same_time_makes_one(dc: DataCentre, order: CreateMachine, target: Target) -> None:
    dc.set("latency_ms", 5)  # widens the gap between look and clone
    workers = [in_process(target, order) for _ in range(4)]
    for worker in workers:
        worker.join(30)

    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert [machine["name"] for machine in dc.machines()] == ["web-1"]


def test_data_centre_itself_would_make_doubles(dc: DataCentre, order: CreateMachine) -> None:
    client = Client(dc.path, who="somebody", timeout=5)
    for name in ("one", "two"):
        client.clone(order.image_ref, name=name, uuid=str(order.stamp.uuid), stamp="op-1", pool_ref=order.pool_ref)
    client.close()

    assert len({machine["uuid"] for machine in dc.machines()}) == 1 < len(dc.machines())


def test_submit_that_looked_too_early_takes_its_own_clone_back(
    dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = drive(order).ref
    calls, real = count(), creating.find
    monkeypatch.setattr(creating, "find", lambda client, stamp: real(client, stamp) if next(calls) else [])

    handle = hv.submit(replace(order, name="web-2"))

    assert handle["machine"] == finished
    assert [machine["ref"] for machine in dc.machines()] == [finished]


def test_lost_answer_to_the_clone_makes_no_second(
    dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive
) -> None:
    dc.add_fault("clone", "lost_answer")
    with pytest.raises(Unreachable):
        hv.submit(order)

    drive(order)

    assert len(dc.machines()) == 1


def test_half_made_machine_is_seen_while_it_is_copied(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.set("duration.clone", 60)
    handle = hv.submit(order)

    progress = hv.poll(order, handle)

    assert (progress.done, dc.machines()[0]["building"]) == (False, 1)


def test_copying_shows_its_progress(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.set("duration.clone", 60)
    handle = hv.submit(order)
    with dc.storage.write() as db:
        db.execute("UPDATE tasks SET started_at = started_at - 30, ends_at = ends_at - 30")

    progress = hv.poll(order, handle)

    assert (progress.step, 46 <= progress.percent <= 50) == ("copying", True)


def test_failed_copy_tells_its_reason_again_and_again(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.add_fault("clone.task", "no_space")
    handle = hv.submit(order)

    for _ in range(2):
        with pytest.raises(NoCapacity):
            hv.poll(order, handle)


def test_discard_takes_the_disk_of_a_failed_copy(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.add_fault("clone.task", "no_space")
    hv.submit(order)
    assert [disk["machine_ref"] for disk in dc.disks()] == [""]

    hv.discard(order.stamp)

    assert dc.disks() == []


def test_submit_after_a_failed_copy_starts_anew(
    dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive
) -> None:
    dc.add_fault("clone.task", "no_space")
    hv.submit(order)

    drive(order)

    assert (len(dc.machines()), len(dc.disks())) == (1, 1)


def test_discard_touches_nothing_when_there_are_doubles(
    dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive
) -> None:
    dc.clone_by_hand(drive(order).ref, "web-1-copy", same_uuid=True)

    with pytest.raises(WrongState):
        hv.discard(order.stamp)

    assert len(dc.machines()) == 2


def test_find_tells_doubles(dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive) -> None:
    dc.clone_by_hand(drive(order).ref, "web-1-copy", same_uuid=True)

    assert len(hv.find(order.stamp)) == 2


def test_discard_leaves_what_an_order_with_a_longer_name_left(
    dc: DataCentre, hv: Simulated, order: CreateMachine
) -> None:
    longer = replace(order.stamp, operation=f"{order.stamp.operation}0")
    dc.add_loose_disk(f"{creating.working_name(longer)}/disk.vmdk", size_mib=1)

    hv.discard(order.stamp)

    assert len(dc.disks()) == 1


def test_two_orders_for_one_name_make_one_machine_and_a_sentence(
    dc: DataCentre, hv: Simulated, order: CreateMachine, drive: Drive
) -> None:
    dc.set("duration.clone", 0.05)
    other = replace(order, stamp=replace(order.stamp, operation="op-2", uuid=uuid4()))
    handle = hv.submit(other)  # the name is still free for both
    dc.set("duration.clone", 0)
    drive(order)

    with pytest.raises(NameTaken):
        follow(hv, other, handle)


def test_pool_without_memory_is_refused_before_the_copy(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    with pytest.raises(NoCapacity):
        hv.submit(replace(order, memory_mib=65_537))

    assert dc.calls(changing=True) == []


def test_overcommit_makes_room(dc: DataCentre, drive: Drive, order: CreateMachine) -> None:
    dc.set("overcommit", 1.5)

    assert drive(replace(order, memory_mib=65_537)).done


def test_poll_of_a_machine_that_somebody_deleted_is_not_found(
    dc: DataCentre, hv: Simulated, order: CreateMachine
) -> None:
    handle = hv.submit(order)
    dc.delete_by_hand(handle["machine"])

    with pytest.raises(NotFound):
        hv.poll(order, handle)


def test_denied_clone_is_access_denied(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.add_fault("clone", "denied")

    with pytest.raises(AccessDenied):
        hv.submit(order)


def test_task_limit_is_busy(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    dc.set("concurrency", 1)
    dc.set("duration.clone", 60)
    hv.submit(order)
    other = replace(order, name="web-2", stamp=replace(order.stamp, operation="op-2", uuid=uuid4()))

    with pytest.raises(Busy):
        hv.submit(other)

    assert len(dc.machines()) == 1


def test_pool_without_memory_at_the_start_is_told_by_poll(dc: DataCentre, hv: Simulated, order: CreateMachine) -> None:
    handle = hv.submit(order)
    dc.make_machine_by_hand("hungry", pool_ref=order.pool_ref, memory_mib=65_536)

    with pytest.raises(NoCapacity):
        follow(hv, order, handle)
