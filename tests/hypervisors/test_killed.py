"""A worker that is killed between any two calls leaves something that the next one finishes, or clears away.

`make soak` kills after every single call; here it is the first of each name that may change something.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hypervisors.conformance.driving import created, discard, drive, new_name, new_order
from hypervisors.contract import CreateMachine, RemoveDiskFile, RemoveMachine, RetireDiskFile, Seed
from tests.hypervisors.killing import calls_of, killed, telling
from tests.hypervisors.stages import STAGES, Stage
from tests.rigs.libvirt.fixtures import libvirt_rig
from tests.rigs.vcenter.fixtures import vcenter_rig
from tests.rigs.xapi.fixtures import xapi_rig

__all__ = ["libvirt_rig", "vcenter_rig", "xapi_rig"]

pytestmark = pytest.mark.rig

SEED = Seed("killed", user_data="#cloud-config\n{}\n")


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with STAGES[request.param](request) as stage:
        yield stage


@pytest.fixture(params=[pytest.param(False, id="telling"), pytest.param(True, id="every", marks=pytest.mark.soak)])
def every(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next worker takes nobody for alive any more: here whoever left something has been killed."""
    monkeypatch.setattr("hypervisors.xen.notes.YOUNG", 1.0)
    monkeypatch.setattr("hypervisors.kvm.copying.IDLE_SECONDS", 0.5)


def seen(stage: Stage) -> tuple[set[str], set[str]]:
    return set(stage.bench.machines()), stage.bench.disks()


def order_for(stage: Stage) -> CreateMachine:
    carries_seeds = stage.bench.connect(read_only=True).capabilities.seed
    return new_order(stage.bench, **({"seed": SEED} if carries_seeds else {}))


def test_creation_and_removal_stand_a_kill_after_any_call(stage: Stage, every: bool) -> None:
    bench, before = stage.bench, seen(stage)
    first = order_for(stage)
    creating = calls_of(stage, first)
    removing = calls_of(stage, RemoveMachine(_only(stage, first), first.stamp.uuid))
    assert seen(stage) == before
    points = range(1, len(creating) + 1) if every else telling(creating)
    removals = range(1, len(removing) + 1) if every else telling(removing)
    died = 0
    for turn in range(max(len(points), len(removals))):
        order = order_for(stage)
        if turn < len(points):
            died += killed(stage, order, points[turn])
        ref = created(bench, bench.connect(), order)
        assert _only(stage, order) == ref, f"after {creating[: points[turn % len(points)]]}"
        assert set(bench.machines()) - before[0] == {ref}
        removal = RemoveMachine(ref, order.stamp.uuid)
        if turn < len(removals):
            died += killed(stage, removal, removals[turn])
        drive(bench, bench.connect(), removal)
        assert seen(stage) == before, f"after {removing[: removals[turn % len(removals)]]}"
    assert died >= (len(points) + len(removals)) * 0.8


def test_what_a_killed_worker_made_can_be_discarded(stage: Stage, every: bool) -> None:
    bench, before = stage.bench, seen(stage)
    first = order_for(stage)
    creating = calls_of(stage, first)
    discard(bench, bench.connect(), first.stamp)
    assert seen(stage) == before
    for number in range(1, len(creating) + 1) if every else telling(creating):
        order = order_for(stage)
        killed(stage, order, number)
        discard(bench, bench.connect(), order.stamp)
        assert seen(stage) == before, f"after {creating[:number]}"


def test_renaming_and_removal_of_a_file_stand_a_kill_after_any_call(stage: Stage, every: bool) -> None:
    """The file is there under one name, with what is on it, or gone; never twice."""
    bench, before = stage.bench, stage.bench.disks()
    ref = bench.loose_disk_by_hand(new_name())
    retiring = calls_of(stage, RetireDiskFile(ref, "conf-0"))
    [new] = bench.disks() - before
    removing = calls_of(stage, RemoveDiskFile(new, "conf-0"))
    points = range(1, len(retiring) + 1) if every else telling(retiring)
    removals = range(1, len(removing) + 1) if every else telling(removing)
    for turn in range(max(len(points), len(removals))):
        key, ref = f"conf-{turn + 1}", bench.loose_disk_by_hand(new_name())
        bench.scribble_file(ref, "still there")
        if turn < len(points):
            killed(stage, RetireDiskFile(ref, key), points[turn])
        new = drive(bench, bench.connect(), RetireDiskFile(ref, key)).ref
        assert bench.disks() - before == {new}, f"after {retiring[: points[turn % len(points)]]}"
        assert bench.scribbled_file(new) == "still there"
        if turn < len(removals):
            killed(stage, RemoveDiskFile(new, key), removals[turn])
        drive(bench, bench.connect(), RemoveDiskFile(new, key))
        assert bench.disks() == before, f"after {removing[: removals[turn % len(removals)]]}"


def _only(stage: Stage, order: CreateMachine) -> str:
    """Reference of the one machine that carries the order's stamp."""
    [found] = stage.bench.connect().find(order.stamp)
    return found.ref
