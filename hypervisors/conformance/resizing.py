"""Promises about vCPUs and memory of a machine that exists."""

from __future__ import annotations

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import drive, new_name, twice
from hypervisors.conformance.powering import suspended
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import PowerOff, PowerOn, Resize
from hypervisors.errors import InvalidRequest, WrongState


def _size(bench: Bench, ref: str) -> tuple[int, int]:
    seen = bench.hardware(ref)
    return seen.vcpus, seen.memory_mib


@promise(120, "resize")
def resize_changes_the_size(bench: Bench) -> None:
    """A stopped machine has the vCPUs and the memory that were asked for, by the hypervisor's own tools and by ours."""
    hv, ref, larger = bench.connect(), bench.make_by_hand(new_name()), (2, bench.memory_mib * 2)
    drive(bench, hv, Resize(ref, *larger))
    told = hv.machine(ref)
    claim(_size(bench, ref) == larger == (told.vcpus, told.memory_mib), f"{_size(bench, ref)}, told: {told}")


@promise(121, "resize")
def resizing_twice_changes_nothing(bench: Bench) -> None:
    """The second time, all is as the order wants it."""
    ref, larger = bench.make_by_hand(new_name()), (2, bench.memory_mib * 2)
    twice(bench, bench.connect(), Resize(ref, *larger))
    claim(_size(bench, ref) == larger, f"{_size(bench, ref)}")


@promise(122, "resize")
def resize_makes_smaller(bench: Bench) -> None:
    """What was made larger is made smaller again."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, Resize(ref, 2, bench.memory_mib * 2))
    drive(bench, hv, Resize(ref, 1, bench.memory_mib))
    claim(_size(bench, ref) == (1, bench.memory_mib), f"{_size(bench, ref)}")


@promise(123, "resize")
def resize_of_a_running_machine_is_refused(bench: Bench) -> None:
    """A machine that runs is WrongState, runs on and has the size that it had."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    before = bench.hardware(ref)
    refused(lambda: drive(bench, hv, Resize(ref, 2, bench.memory_mib * 2)), WrongState)
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")


@promise(124, "resize")
def resize_to_what_it_has_succeeds(bench: Bench) -> None:
    """A running machine that has this size already is done at once, and runs on."""
    ref = bench.make_by_hand(new_name(), on=True)
    before = bench.hardware(ref)
    drive(bench, bench.connect(), Resize(ref, before.vcpus, before.memory_mib))
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")


@promise(125, "resize")
def resize_to_nothing_is_refused(bench: Bench) -> None:
    """No vCPU, or no memory, is InvalidRequest."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.hardware(ref)
    for size in ((0, bench.memory_mib), (1, 0), (-1, -1)):
        refused(lambda size=size: drive(bench, hv, Resize(ref, *size)), InvalidRequest)  # type: ignore[misc]
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")


@promise(126, "resize")
def a_resized_machine_starts(bench: Bench) -> None:
    """It runs with its new size, and keeps its disks and NICs."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    before = bench.hardware(ref)
    for order in (PowerOff(ref), Resize(ref, 2, bench.memory_mib * 2), PowerOn(ref)):
        drive(bench, hv, order)
    after = bench.hardware(ref)
    claim((after.power, after.vcpus, after.memory_mib) == ("on", 2, bench.memory_mib * 2), f"{after}")
    claim((after.disks_mib, after.macs) == (before.disks_mib, before.macs), f"{after}")


@promise(127, "resize", "suspend")
def resize_of_a_suspended_machine_is_refused(bench: Bench) -> None:
    """A suspended machine is WrongState: its memory is as large as it is."""
    hv, ref = bench.connect(), suspended(bench)
    before = bench.hardware(ref)
    refused(lambda: drive(bench, hv, Resize(ref, 2, bench.memory_mib * 2)), WrongState)
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")
