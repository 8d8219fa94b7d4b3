"""Promises about power beyond on and off: reset, suspend, resume."""

from __future__ import annotations

from collections.abc import Sequence

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import drive, follow, new_name, twice
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import Order, Power, PowerOff, PowerOn, Reset, Restart, Resume, Shutdown, Suspend
from hypervisors.errors import InvalidRequest, NotFound, WrongState


def suspended(bench: Bench) -> str:
    """A machine that is. Returns its reference."""
    ref = bench.make_by_hand(new_name(), on=True)
    drive(bench, bench.connect(), Suspend(ref))
    return ref


def power(bench: Bench, ref: str, expected: str) -> None:
    found = bench.hardware(ref).power
    claim(found == expected, f"It is {found}, and should be {expected}.")


@promise(100)
def reset_leaves_it_running(bench: Bench) -> None:
    """A machine that was reset runs, and is the same one."""
    ref = bench.make_by_hand(new_name(), on=True)
    before = bench.machines()[ref]
    drive(bench, bench.connect(), Reset(ref))
    claim(bench.machines()[ref] == before, "It is off, or another one.")


@promise(101)
def reset_of_a_stopped_machine_is_refused(bench: Bench) -> None:
    """What is off cannot be reset: WrongState, and it stays off."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    refused(lambda: drive(bench, hv, Reset(ref)), WrongState)
    power(bench, ref, "off")


@promise(102, "suspend")
def suspend_suspends(bench: Bench) -> None:
    """A machine that was suspended is neither on nor off, and a look says so."""
    hv, ref = bench.connect(), suspended(bench)
    power(bench, ref, "suspended")
    claim(hv.machine(ref).power is Power.SUSPENDED, f"Told: {hv.machine(ref).power}")


@promise(103, "suspend")
def suspending_twice_succeeds(bench: Bench) -> None:
    """Suspending what is suspended is done at once."""
    ref = bench.make_by_hand(new_name(), on=True)
    twice(bench, bench.connect(), Suspend(ref))
    power(bench, ref, "suspended")


@promise(104, "suspend")
def suspend_of_a_stopped_machine_is_refused(bench: Bench) -> None:
    """What is off cannot be suspended: WrongState."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    refused(lambda: drive(bench, hv, Suspend(ref)), WrongState)
    power(bench, ref, "off")


@promise(105, "suspend")
def resume_lets_it_run_on(bench: Bench) -> None:
    """A suspended machine runs after it was resumed; resuming it again changes nothing."""
    ref = suspended(bench)
    twice(bench, bench.connect(), Resume(ref))
    power(bench, ref, "on")


@promise(106, "suspend")
def resume_of_a_running_machine_succeeds(bench: Bench) -> None:
    """Resuming what runs is done at once."""
    ref = bench.make_by_hand(new_name(), on=True)
    drive(bench, bench.connect(), Resume(ref))
    power(bench, ref, "on")


@promise(107, "suspend")
def resume_of_a_stopped_machine_is_refused(bench: Bench) -> None:
    """What is off cannot be resumed: WrongState, and it stays off."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    refused(lambda: drive(bench, hv, Resume(ref)), WrongState)
    power(bench, ref, "off")


@promise(108, "suspend")
def power_on_of_a_suspended_machine_lets_it_run(bench: Bench) -> None:
    """Powered on, a suspended machine runs."""
    ref = suspended(bench)
    drive(bench, bench.connect(), PowerOn(ref))
    power(bench, ref, "on")


@promise(109, "suspend")
def power_off_of_a_suspended_machine_ends_it(bench: Bench) -> None:
    """The plug of a suspended machine can be pulled: it is off, and its memory is given up."""
    ref = suspended(bench)
    drive(bench, bench.connect(), PowerOff(ref))
    power(bench, ref, "off")


@promise(110, "suspend")
def shutdown_of_a_suspended_machine_ends_it(bench: Bench) -> None:
    """A guest that cannot hear does not keep a machine from stopping."""
    ref = suspended(bench)
    drive(bench, bench.connect(), Shutdown(ref, patience=0))
    power(bench, ref, "off")


@promise(111, "suspend")
def a_suspended_machine_cannot_be_started_anew(bench: Bench) -> None:
    """Restart and reset of a suspended machine are WrongState, and it stays suspended."""
    hv, ref = bench.connect(), suspended(bench)
    for order in (Restart(ref), Reset(ref)):
        refused(lambda order=order: drive(bench, hv, order), WrongState)  # type: ignore[misc]
    power(bench, ref, "suspended")


@promise(112)
def power_of_what_others_manage_is_refused(bench: Bench) -> None:
    """Power orders on a machine that something else manages are InvalidRequest, and it runs on."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True, managed_by="VDI pool")
    orders: Sequence[Order] = (PowerOff(ref), Shutdown(ref, patience=0), Restart(ref), Reset(ref))
    for order in orders:
        refused(lambda order=order: drive(bench, hv, order), InvalidRequest)  # type: ignore[misc]
    power(bench, ref, "on")


@promise(113)
def power_of_an_image_is_refused(bench: Bench) -> None:
    """An image is no machine that could be started: InvalidRequest, or NotFound where it is none at all."""
    hv = bench.connect()
    for order in (PowerOn(bench.image_ref), PowerOff(bench.image_ref)):
        refused(lambda order=order: drive(bench, hv, order), InvalidRequest, NotFound)  # type: ignore[misc]


@promise(114, "suspend")
def suspending_forgives_an_unknown_handle(bench: Bench) -> None:
    """Poll with an empty handle leads to the same end."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    hv.submit(Suspend(ref))
    follow(bench, hv, Suspend(ref), {})
    hv.submit(Resume(ref))
    follow(bench, hv, Resume(ref), {})
    power(bench, ref, "on")
