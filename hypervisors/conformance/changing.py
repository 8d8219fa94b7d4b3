"""Promises about orders on machines that exist: power, annotation, removal."""

from __future__ import annotations

from uuid import uuid4

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import HOLDING, created, discard, drive, follow, new_name, new_order
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    Annotate,
    CreateMachine,
    Order,
    PowerOff,
    PowerOn,
    RemoveMachine,
    Restart,
    Shutdown,
    Stamp,
)
from hypervisors.errors import InvalidRequest, ObserveOnly, WrongState


@promise(40)
def power_on_starts(bench: Bench) -> None:
    """A stopped machine runs afterwards."""
    ref = bench.make_by_hand(new_name())
    drive(bench, bench.connect(), PowerOn(ref))
    claim(bench.machines()[ref].on, "It is off.")


@promise(41)
def power_on_of_a_running_machine_succeeds(bench: Bench) -> None:
    """Starting what runs is done at once."""
    ref = bench.make_by_hand(new_name(), on=True)
    drive(bench, bench.connect(), PowerOn(ref))
    claim(bench.machines()[ref].on, "It is off.")


@promise(42)
def power_off_stops(bench: Bench) -> None:
    """Pulling the plug stops even a guest that does not listen."""
    ref = bench.make_by_hand(new_name(), on=True)
    drive(bench, bench.connect(), PowerOff(ref))
    claim(not bench.machines()[ref].on, "It runs.")


@promise(43)
def power_off_of_a_stopped_machine_succeeds(bench: Bench) -> None:
    """Stopping what is off is done at once."""
    ref = bench.make_by_hand(new_name())
    drive(bench, bench.connect(), PowerOff(ref))
    claim(not bench.machines()[ref].on, "It runs.")


@promise(44)
def shutdown_of_a_stopped_machine_succeeds(bench: Bench) -> None:
    """Asking what is off to stop is done at once."""
    ref = bench.make_by_hand(new_name())
    drive(bench, bench.connect(), Shutdown(ref))
    claim(not bench.machines()[ref].on, "It runs.")


@promise(45)
def shutdown_loses_patience_with_a_deaf_guest(bench: Bench) -> None:
    """A guest that does not stop in time has its plug pulled."""
    ref = bench.make_by_hand(new_name(), on=True)
    drive(bench, bench.connect(), Shutdown(ref, patience=0))
    claim(not bench.machines()[ref].on, "It runs.")


@promise(46)
def shutdown_has_patience(bench: Bench) -> None:
    """Before its patience is over it does not pull the plug."""
    hv, order = bench.connect(), Shutdown(bench.make_by_hand(new_name(), on=True), patience=600)
    said = hv.poll(order, hv.submit(order))
    claim(not said.done and bench.machines()[order.ref].on, "The plug was pulled.")


@promise(47)
def restart_leaves_it_running(bench: Bench) -> None:
    """A machine that was restarted runs, and is the same one."""
    ref = bench.make_by_hand(new_name(), on=True)
    before = bench.machines()[ref]
    drive(bench, bench.connect(), Restart(ref))
    claim(bench.machines()[ref] == before, "It is off, or another one.")


@promise(48)
def restart_of_a_stopped_machine_is_refused(bench: Bench) -> None:
    """What is off cannot be restarted: WrongState, and it stays off."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    refused(lambda: drive(bench, hv, Restart(ref)), WrongState)
    claim(not bench.machines()[ref].on, "It was started.")


@promise(49)
def power_orders_forgive_an_unknown_handle(bench: Bench) -> None:
    """Poll with an empty handle leads to the same end."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    hv.submit(PowerOn(ref))
    follow(bench, hv, PowerOn(ref), {})
    hv.submit(PowerOff(ref))
    follow(bench, hv, PowerOff(ref), {})
    claim(not bench.machines()[ref].on, "It runs.")


@promise(50)
def annotate_shows_the_holding(bench: Bench) -> None:
    """Holder, purpose and end date are where the hypervisor's own tools show them."""
    ref = bench.make_by_hand(new_name())
    drive(bench, bench.connect(), Annotate(ref, HOLDING))
    shown = bench.shown_on(ref)
    claim(all(text in shown for text in (HOLDING.holder, HOLDING.purpose, HOLDING.ends_on)), shown)


@promise(51)
def annotate_keeps_the_notes_of_people(bench: Bench) -> None:
    """What people wrote stays, however often we write."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), note="Do not touch: Aylin, 2 May")
    drive(bench, hv, Annotate(ref, HOLDING))
    drive(bench, hv, Annotate(ref, HOLDING))
    claim(bench.note_of(ref).count("Do not touch: Aylin, 2 May") == 1, bench.note_of(ref))
    claim(hv.machine(ref).note.strip() == "Do not touch: Aylin, 2 May", hv.machine(ref).note)


@promise(52)
def annotate_writes_the_stamp(bench: Bench) -> None:
    """A machine that was found is found again by the stamp that it was given."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    stamp = Stamp("conf-adopted", bench.machines()[ref].uuid)
    drive(bench, hv, Annotate(ref, HOLDING, stamp))
    claim([seen.ref for seen in hv.find(stamp)] == [ref], "It is not found.")


@promise(53)
def annotate_refuses_a_foreign_stamp(bench: Bench) -> None:
    """A stamp with another machine's UUID is InvalidRequest, and nothing is written."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.shown_on(ref)
    refused(lambda: drive(bench, hv, Annotate(ref, HOLDING, Stamp("conf-adopted", uuid4()))), InvalidRequest)
    claim(bench.shown_on(ref) == before, "Something was written.")


@promise(54)
def annotate_replaces_its_own_words(bench: Bench) -> None:
    """A second holding takes the place of the first."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, Annotate(ref, HOLDING))
    drive(
        bench, hv, Annotate(ref, type(HOLDING)(holder="Piotr Zielinski", purpose="Another one", ends_on="2032-01-01"))
    )
    shown = bench.shown_on(ref)
    claim("Piotr Zielinski" in shown and HOLDING.holder not in shown and HOLDING.purpose not in shown, shown)


@promise(60)
def remove_takes_machine_and_disks(bench: Bench) -> None:
    """Neither the machine nor a disk of its own is left."""
    hv, before = bench.connect(), (dict(bench.machines()), bench.disks())
    order = new_order(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, PowerOff(ref))
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim((dict(bench.machines()), bench.disks()) == before, "Something is left.")


@promise(61)
def remove_takes_a_running_machine(bench: Bench) -> None:
    """A machine that still runs is stopped first."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim(ref not in bench.machines(), "It is still there.")


@promise(62)
def remove_of_what_is_gone_succeeds(bench: Bench) -> None:
    """Removing twice is done at once the second time."""
    hv, order = bench.connect(), new_order(bench)
    removal = RemoveMachine(created(bench, hv, order), order.stamp.uuid)
    drive(bench, hv, removal)
    drive(bench, hv, removal)
    claim(removal.ref not in bench.machines(), "It is back.")


@promise(63)
def remove_needs_the_uuid(bench: Bench) -> None:
    """Another machine behind the reference is InvalidRequest, and nothing is touched."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    before = (dict(bench.machines()), bench.disks())
    refused(lambda: drive(bench, hv, RemoveMachine(ref, uuid4())), InvalidRequest)
    claim((dict(bench.machines()), bench.disks()) == before, "Something was touched.")


@promise(64)
def remove_touches_nothing_else(bench: Bench) -> None:
    """A copy that somebody made keeps its disks and runs on."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    before = bench.disks()
    copy = bench.copy_by_hand(ref, f"{order.name}-copy")
    disks_of_copy = bench.disks() - before
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim(copy in bench.machines() and bool(disks_of_copy), "The copy is gone, or has no disk.")
    claim(disks_of_copy <= bench.disks() and len(hv.machine(copy).disks) == 1, "The copy was touched.")


@promise(65)
def remove_refuses_what_others_manage(bench: Bench) -> None:
    """A machine that something else manages is neither stopped nor removed."""
    ref = bench.make_by_hand(new_name(), on=True, managed_by="VDI pool")
    hv, before = bench.connect(), dict(bench.machines())
    refused(lambda: drive(bench, hv, RemoveMachine(ref, before[ref].uuid)), InvalidRequest)
    claim(dict(bench.machines()) == before, "It was touched.")


@promise(66)
def remove_follows_no_name(bench: Bench) -> None:
    """Another machine that took the name of a removed one is safe from a repeated removal."""
    hv, order = bench.connect(), new_order(bench)
    removal = RemoveMachine(created(bench, hv, order), order.stamp.uuid)
    drive(bench, hv, removal)
    heir = bench.make_by_hand(order.name)
    drive(bench, hv, removal)
    claim(heir in bench.machines(), "The wrong machine went away.")


def _changes(bench: Bench, ref: str) -> list[Order]:
    create: CreateMachine = new_order(bench)
    removal = RemoveMachine(ref, bench.machines()[ref].uuid)
    return [create, PowerOn(ref), PowerOff(ref), Shutdown(ref, 0), Restart(ref), Annotate(ref, HOLDING), removal]


@promise(70)
def a_watched_endpoint_refuses_every_order(bench: Bench) -> None:
    """On a read-only target each submit is ObserveOnly, and the hypervisor sees no change."""
    on, off = bench.make_by_hand(new_name(), on=True), bench.make_by_hand(new_name())
    hv, before = bench.connect(read_only=True), (dict(bench.machines()), bench.disks(), bench.shown_on(on))
    for order in (*_changes(bench, on), *_changes(bench, off)):
        refused(lambda order=order: hv.submit(order), ObserveOnly)  # type: ignore[misc]
    claim((dict(bench.machines()), bench.disks(), bench.shown_on(on)) == before, "Something changed.")


@promise(71)
def a_watched_endpoint_refuses_every_poll(bench: Bench) -> None:
    """Poll takes steps, so on a read-only target it is ObserveOnly too."""
    on = bench.make_by_hand(new_name(), on=True)
    hv, before = bench.connect(read_only=True), (dict(bench.machines()), bench.disks(), bench.shown_on(on))
    for order in _changes(bench, on):
        refused(lambda order=order: hv.poll(order, {}), ObserveOnly)  # type: ignore[misc]
    claim((dict(bench.machines()), bench.disks(), bench.shown_on(on)) == before, "Something changed.")


@promise(72)
def a_watched_endpoint_refuses_discard(bench: Bench) -> None:
    """Discard is ObserveOnly on a read-only target, and what it would clear stays."""
    order = new_order(bench)
    ref = created(bench, bench.connect(), order)
    refused(lambda: bench.connect(read_only=True).discard(order.stamp), ObserveOnly)
    claim(ref in bench.machines(), "It was cleared.")
    discard(bench, bench.connect(), order.stamp)
