"""Promises about snapshots: taken, reverted to, removed, and never in anybody's way."""

from __future__ import annotations

from datetime import timedelta

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import created, discard, drive, new_name, new_order, twice
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    Hypervisor,
    PowerOff,
    PowerOn,
    RemoveMachine,
    RemoveSnapshot,
    RevertSnapshot,
    SnapshotFacts,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, NotFound


def taken(bench: Bench, hv: Hypervisor, *, on: bool = False, text: str = "") -> tuple[str, str]:
    """References of a machine and of a snapshot of it, taken when this text stood on its disk."""
    ref = bench.make_by_hand(new_name())
    if text:
        bench.scribble(ref, text)
    if on:
        drive(bench, hv, PowerOn(ref))
    return ref, drive(bench, hv, TakeSnapshot(ref, "before")).ref


def _told(hv: Hypervisor, ref: str) -> dict[str, SnapshotFacts]:
    return {seen.name: seen for seen in hv.machine(ref).snapshots}


def _reads(bench: Bench, ref: str, text: str) -> None:
    found = bench.scribbled(ref)
    claim(found == text, f"On its disk stands {found!r}, and {text!r} should.")


@promise(160, "snapshots")
def a_snapshot_is_taken(bench: Bench) -> None:
    """A stopped machine has a snapshot of this name; it is told, and its reference is the order's answer."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv)
    claim(bench.hardware(ref).snapshots == {"before"}, f"{bench.hardware(ref)}")
    claim([(seen.ref, seen.name) for seen in hv.machine(ref).snapshots] == [(snapshot, "before")], f"{_told(hv, ref)}")


@promise(161, "snapshots")
def a_snapshot_is_taken_once(bench: Bench) -> None:
    """The same name again is the same snapshot."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    twice(bench, hv, TakeSnapshot(ref, "before"))
    claim(len(hv.machine(ref).snapshots) == 1, f"{_told(hv, ref)}")


@promise(162, "snapshots")
def a_snapshot_of_a_running_machine_lets_it_run(bench: Bench) -> None:
    """The machine runs on, and has its snapshot."""
    hv = bench.connect()
    ref, _snapshot = taken(bench, hv, on=True)
    found = bench.hardware(ref)
    claim(found.power == "on" and found.snapshots == {"before"}, f"{found}")


@promise(163, "snapshots")
def revert_brings_the_disk_back(bench: Bench) -> None:
    """What was written after the snapshot is gone, what stood there before is back; the machine is off."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv, text="before the update")
    bench.scribble(ref, "after the update")
    twice(bench, hv, RevertSnapshot(ref, snapshot))
    _reads(bench, ref, "before the update")
    claim(bench.hardware(ref).power == "off", "It runs.")


@promise(164, "snapshots")
def revert_stops_a_running_machine(bench: Bench) -> None:
    """A machine that runs is off afterwards, when the snapshot holds no memory."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv, text="before the update")
    bench.scribble(ref, "after the update")
    drive(bench, hv, PowerOn(ref))
    drive(bench, hv, RevertSnapshot(ref, snapshot))
    claim(bench.hardware(ref).power == "off", f"{bench.hardware(ref)}")
    _reads(bench, ref, "before the update")


@promise(165, "snapshots")
def revert_follows_the_memory(bench: Bench) -> None:
    """To a snapshot of a running machine: it runs on from there if the snapshot tells of memory, and is off if not."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv, on=True)
    expected = "on" if _told(hv, ref)["before"].with_memory else "off"
    drive(bench, hv, PowerOff(ref))
    drive(bench, hv, RevertSnapshot(ref, snapshot))
    claim(bench.hardware(ref).power == expected, f"It should be {expected}: {bench.hardware(ref)}")


@promise(166, "snapshots")
def revert_keeps_all_snapshots(bench: Bench) -> None:
    """One can go back, and forward again."""
    hv = bench.connect()
    ref, first = taken(bench, hv, text="one")
    bench.scribble(ref, "two")
    second = drive(bench, hv, TakeSnapshot(ref, "later")).ref
    drive(bench, hv, RevertSnapshot(ref, first))
    claim(bench.hardware(ref).snapshots == {"before", "later"}, f"{bench.hardware(ref)}")
    drive(bench, hv, RevertSnapshot(ref, second))
    _reads(bench, ref, "two")


@promise(167, "snapshots")
def a_removed_snapshot_is_gone(bench: Bench) -> None:
    """The machine has no snapshot, and on its disk stands what stood there; again is done at once."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv, text="before the update")
    bench.scribble(ref, "after the update")
    twice(bench, hv, RemoveSnapshot(ref, snapshot))
    claim(not bench.hardware(ref).snapshots and not hv.machine(ref).snapshots, f"{bench.hardware(ref)}")
    _reads(bench, ref, "after the update")


@promise(168, "snapshots")
def a_snapshot_in_the_middle_is_removed_alone(bench: Bench) -> None:
    """The others stay, and each brings back what it held."""
    hv, ref, refs = bench.connect(), bench.make_by_hand(new_name()), {}
    for text in ("one", "two", "three"):
        bench.scribble(ref, text)
        refs[text] = drive(bench, hv, TakeSnapshot(ref, text)).ref
    bench.scribble(ref, "four")
    drive(bench, hv, RemoveSnapshot(ref, refs["two"]))
    claim(bench.hardware(ref).snapshots == {"one", "three"}, f"{bench.hardware(ref)}")
    _reads(bench, ref, "four")
    for text in ("one", "three"):
        drive(bench, hv, RevertSnapshot(ref, _told(hv, ref)[text].ref))
        _reads(bench, ref, text)


@promise(169, "snapshots")
def a_snapshot_that_is_gone_is_not_found(bench: Bench) -> None:
    """Reverting to a snapshot that was removed, or never was, is NotFound, and the disk is as it was."""
    hv = bench.connect()
    ref, snapshot = taken(bench, hv)
    drive(bench, hv, RemoveSnapshot(ref, snapshot))
    bench.scribble(ref, "kept")
    for gone in (snapshot, "conf-nothing"):
        refused(lambda gone=gone: drive(bench, hv, RevertSnapshot(ref, gone)), NotFound)  # type: ignore[misc]
    _reads(bench, ref, "kept")


@promise(170, "snapshots")
def only_its_own_snapshots_count(bench: Bench) -> None:
    """Another machine's snapshot is NotFound to revert to, counts as gone to remove, and stays."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    other, snapshot = taken(bench, hv)
    bench.scribble(ref, "kept")
    bench.scribble(other, "kept too")
    refused(lambda: drive(bench, hv, RevertSnapshot(ref, snapshot)), NotFound)
    drive(bench, hv, RemoveSnapshot(ref, snapshot))
    claim(bench.hardware(other).snapshots == {"before"}, "Another machine has lost its snapshot.")
    _reads(bench, ref, "kept")
    _reads(bench, other, "kept too")


@promise(171, "snapshots")
def snapshots_are_no_machines(bench: Bench) -> None:
    """A scan tells as many machines and images as before."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = _listed(hv)
    drive(bench, hv, TakeSnapshot(ref, "before"))
    claim(_listed(hv) == before, "A snapshot is listed as a machine or an image.")


def _listed(hv: Hypervisor) -> tuple[set[str], set[str]]:
    scan = hv.inventory()
    return {machine.ref for machine in scan.machines}, {image.ref for image in scan.images}


@promise(172, "snapshots")
def a_scan_tells_snapshots(bench: Bench) -> None:
    """Oldest first, each with the one before it, and any time in UTC, in a scan and in a single look alike."""
    hv = bench.connect()
    ref, first = taken(bench, hv)
    drive(bench, hv, TakeSnapshot(ref, "later"))
    alone = hv.machine(ref).snapshots
    told = next(machine for machine in hv.inventory().machines if machine.ref == ref).snapshots
    claim([(seen.name, seen.parent_ref) for seen in told] == [("before", ""), ("later", first)], f"{told}")
    claim(list(told) == list(alone), f"{alone}")
    aware = [at.utcoffset() == timedelta(0) for seen in told if (at := seen.created_at) is not None]
    claim(all(aware), f"{told}")


@promise(173, "snapshots")
def a_reverted_machine_is_the_same(bench: Bench) -> None:
    """Reference, UUID and stamp are what they were, and it starts."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, PowerOff(ref))
    snapshot = drive(bench, hv, TakeSnapshot(ref, "before")).ref
    drive(bench, hv, RevertSnapshot(ref, snapshot))
    claim([(seen.ref, seen.uuid) for seen in hv.find(order.stamp)] == [(ref, order.stamp.uuid)], "It is not found.")
    drive(bench, hv, PowerOn(ref))
    claim(bench.machines()[ref].on, "It does not start.")


@promise(174, "snapshots")
def snapshots_leave_nothing_in_storage(bench: Bench) -> None:
    """Taken, reverted to and removed, a snapshot leaves as many disks as there were."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = len(bench.disks())
    snapshot = drive(bench, hv, TakeSnapshot(ref, "before")).ref
    drive(bench, hv, RevertSnapshot(ref, snapshot))
    drive(bench, hv, RemoveSnapshot(ref, _told(hv, ref)["before"].ref))
    claim(len(bench.disks()) == before, f"{bench.disks()}")


@promise(175, "snapshots")
def a_removed_machine_takes_its_snapshots_along(bench: Bench) -> None:
    """Nothing of a machine with snapshots is left."""
    hv, order, before = bench.connect(), new_order(bench), (dict(bench.machines()), bench.disks())
    ref = created(bench, hv, order)
    drive(bench, hv, TakeSnapshot(ref, "one"))
    drive(bench, hv, TakeSnapshot(ref, "two"))
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim((dict(bench.machines()), bench.disks()) == before, f"{bench.disks() - before[1]}")


@promise(176, "snapshots")
def a_discarded_machine_takes_its_snapshots_along(bench: Bench) -> None:
    """Discard leaves nothing of a machine with a snapshot."""
    hv, order, before = bench.connect(), new_order(bench), (dict(bench.machines()), bench.disks())
    drive(bench, hv, TakeSnapshot(created(bench, hv, order), "one"))
    discard(bench, hv, order.stamp)
    claim((dict(bench.machines()), bench.disks()) == before, f"{bench.disks() - before[1]}")


@promise(177, "snapshots")
def a_snapshot_has_the_name_that_people_gave_it(bench: Bench) -> None:
    """Markup, quotes and letters beyond ASCII come back as they were given."""
    hv, ref, name = bench.connect(), bench.make_by_hand(new_name()), "vor <dem> & 'größten' \"Update\""
    twice(bench, hv, TakeSnapshot(ref, name))
    claim(set(_told(hv, ref)) == {name} == bench.hardware(ref).snapshots, f"{_told(hv, ref)}")


@promise(178, "snapshots")
def a_snapshot_needs_a_name(bench: Bench) -> None:
    """No name, and one with control characters, are InvalidRequest."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    for name in ("", " ", "two\nlines", "nul\x00"):
        refused(lambda name=name: drive(bench, hv, TakeSnapshot(ref, name)), InvalidRequest)  # type: ignore[misc]
    claim(not bench.hardware(ref).snapshots, f"{bench.hardware(ref)}")


@promise(179, "snapshots")
def a_machine_with_snapshots_keeps_its_disk(bench: Bench) -> None:
    """A snapshot changes neither the number nor the reference nor the size of its disks."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = [(disk.ref, disk.size_mib) for disk in hv.machine(ref).disks]
    drive(bench, hv, TakeSnapshot(ref, "before"))
    after = [(disk.ref, disk.size_mib) for disk in hv.machine(ref).disks]
    claim(after == before, f"{before}, then {after}")


@promise(293, "snapshots")
def the_line_of_snapshots_closes(bench: Bench) -> None:
    """When one in the middle is removed, the next one comes after the one before it."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    refs = [drive(bench, hv, TakeSnapshot(ref, name)).ref for name in ("one", "two", "three")]
    drive(bench, hv, RemoveSnapshot(ref, refs[1]))
    told = [(seen.name, seen.parent_ref) for seen in hv.machine(ref).snapshots]
    claim(told == [("one", ""), ("three", refs[0])], f"{told}")
