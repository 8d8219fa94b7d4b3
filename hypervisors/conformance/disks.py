"""Promises about disks of a machine that exists: one more, larger, gone."""

from __future__ import annotations

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import created, discard, drive, new_name, new_order, twice
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    AddDisk,
    DiskFacts,
    GrowDisk,
    Hypervisor,
    Order,
    PowerOff,
    PowerOn,
    RemoveDisk,
    RemoveMachine,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, NotFound, WrongState

SIZE = 16
"""MiB of a disk that is added."""


def first_disk(hv: Hypervisor, ref: str) -> DiskFacts:
    found = hv.machine(ref).disks
    claim(bool(found), "It has no disk.")
    return found[0]


def with_second_disk(bench: Bench, hv: Hypervisor, *, on: bool = False) -> tuple[str, str]:
    """References of a machine and of the disk that was added to it."""
    ref = bench.make_by_hand(new_name(), on=on)
    return ref, drive(bench, hv, AddDisk(ref, "data", SIZE)).ref


def done_or_wrong_state(bench: Bench, hv: Hypervisor, order: Order) -> bool:
    """For what a hypervisor may refuse in this state; refused, it has not begun."""
    ref = getattr(order, "ref", "")
    before = bench.hardware(ref)
    try:
        drive(bench, hv, order)
    except WrongState:
        claim(bench.hardware(ref) == before, f"It was refused, and begun: {bench.hardware(ref)}")
        return False
    return True


@promise(130, "disks")
def a_disk_is_added(bench: Bench) -> None:
    """A stopped machine has one more disk of the size that was asked for; it is told with its key."""
    hv = bench.connect()
    ref, disk = with_second_disk(bench, hv)
    told = {seen.ref: (seen.size_mib, seen.key) for seen in hv.machine(ref).disks}
    claim(bench.hardware(ref).disks_mib[1:] == (SIZE,), f"{bench.hardware(ref)}")
    claim(len(told) == 2 and told.get(disk) == (SIZE, "data"), f"{disk!r} is not among {told}")


@promise(131, "disks")
def a_disk_is_added_once(bench: Bench) -> None:
    """The same key again adds none, and names the disk that is there."""
    ref = bench.make_by_hand(new_name())
    twice(bench, bench.connect(), AddDisk(ref, "data", SIZE))
    claim(len(bench.hardware(ref).disks_mib) == 2, f"{bench.hardware(ref)}")


@promise(132, "disks")
def two_keys_are_two_disks(bench: Bench) -> None:
    """Another key is another disk, told apart."""
    hv = bench.connect()
    ref, one = with_second_disk(bench, hv)
    other = drive(bench, hv, AddDisk(ref, "logs", SIZE * 2)).ref
    told = {seen.key: seen.ref for seen in hv.machine(ref).disks if seen.key}
    claim(sorted(bench.hardware(ref).disks_mib[1:]) == [SIZE, SIZE * 2], f"{bench.hardware(ref)}")
    claim(told == {"data": one, "logs": other}, f"{told}")


@promise(133, "disks")
def a_disk_is_added_to_a_running_machine(bench: Bench) -> None:
    """It runs on, and has the disk, also after it was stopped."""
    hv = bench.connect()
    ref, disk = with_second_disk(bench, hv, on=True)
    claim(bench.hardware(ref).power == "on" and len(bench.hardware(ref).disks_mib) == 2, f"{bench.hardware(ref)}")
    drive(bench, hv, PowerOff(ref))
    claim(disk in {seen.ref for seen in hv.machine(ref).disks}, "It went away with the power.")


@promise(134, "disks")
def a_disk_of_nothing_is_refused(bench: Bench) -> None:
    """A size of 0 and a malformed key are InvalidRequest."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.disks()
    for key, size in (("data", 0), ("data", -5), ("", SIZE), ("../data", SIZE), ("x" * 65, SIZE)):
        refused(lambda key=key, size=size: drive(bench, hv, AddDisk(ref, key, size)), InvalidRequest)  # type: ignore[misc]
    claim(bench.disks() == before, "Something was made.")


@promise(135, "disks")
def a_disk_on_an_unknown_datastore_is_refused(bench: Bench) -> None:
    """A datastore that is not there is named as such, and nothing is made."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = bench.disks()
    refused(lambda: drive(bench, hv, AddDisk(ref, "data", SIZE, "conf-nowhere")), NotFound, InvalidRequest)
    claim(bench.disks() == before, "Something was made.")


@promise(136, "disks")
def a_disk_has_one_reference(bench: Bench) -> None:
    """Through growth and restarts its reference and its key stay."""
    hv = bench.connect()
    ref, disk = with_second_disk(bench, hv)
    for order in (GrowDisk(ref, disk, SIZE * 2), PowerOn(ref), PowerOff(ref)):
        drive(bench, hv, order)
    told = {seen.ref: seen.key for seen in hv.machine(ref).disks}
    claim(told.get(disk) == "data", f"{disk!r} is not among {told}")


@promise(137, "disks")
def a_disk_grows(bench: Bench) -> None:
    """A stopped machine's first disk is as large as was asked for."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    disk = first_disk(hv, ref)
    twice(bench, hv, GrowDisk(ref, disk.ref, disk.size_mib + SIZE))
    claim(bench.hardware(ref).disks_mib == (disk.size_mib + SIZE,), f"{bench.hardware(ref)}")
    claim(first_disk(hv, ref).size_mib == disk.size_mib + SIZE, f"{first_disk(hv, ref)}")


@promise(138, "disks")
def growing_keeps_what_is_on_it(bench: Bench) -> None:
    """What was written stands there after the disk has grown."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    bench.scribble(ref, "kept through growth")
    disk = first_disk(hv, ref)
    drive(bench, hv, GrowDisk(ref, disk.ref, disk.size_mib + SIZE))
    claim(bench.scribbled(ref) == "kept through growth", repr(bench.scribbled(ref)))


@promise(139, "disks")
def a_disk_of_a_running_machine_grows_or_is_refused(bench: Bench) -> None:
    """A running machine's disk grows while it runs on, or the order is WrongState and nothing has changed."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    disk = first_disk(hv, ref)
    if done_or_wrong_state(bench, hv, GrowDisk(ref, disk.ref, disk.size_mib + SIZE)):
        claim(bench.hardware(ref).disks_mib == (disk.size_mib + SIZE,), f"{bench.hardware(ref)}")
    claim(bench.hardware(ref).power == "on", "It was stopped.")


@promise(140, "disks")
def a_disk_is_never_made_smaller(bench: Bench) -> None:
    """Smaller than it is: InvalidRequest; as large as it is: done at once."""
    hv = bench.connect()
    ref, disk = with_second_disk(bench, hv)
    before = bench.hardware(ref)
    refused(lambda: drive(bench, hv, GrowDisk(ref, disk, SIZE - 1)), InvalidRequest)
    drive(bench, hv, GrowDisk(ref, disk, SIZE))
    claim(bench.hardware(ref) == before, f"{bench.hardware(ref)}")


@promise(141, "disks")
def only_its_own_disks_grow(bench: Bench) -> None:
    """A disk of another machine, and one that never was, are NotFound."""
    hv, ref, other = bench.connect(), bench.make_by_hand(new_name()), bench.make_by_hand(new_name())
    before = bench.hardware(other)
    for disk in (first_disk(hv, other), "conf-nothing"):
        disk_ref = disk if isinstance(disk, str) else disk.ref
        order = GrowDisk(ref, disk_ref, 4096)
        refused(lambda order=order: drive(bench, hv, order), NotFound)  # type: ignore[misc]
    claim(bench.hardware(other) == before, "Another machine's disk has grown.")


@promise(142, "disks")
def a_removed_disk_is_gone_from_storage(bench: Bench) -> None:
    """Neither the machine nor the storage has it any more; removing it again is done at once."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = (bench.hardware(ref), bench.disks())
    disk = drive(bench, hv, AddDisk(ref, "data", SIZE)).ref
    twice(bench, hv, RemoveDisk(ref, disk))
    claim((bench.hardware(ref), bench.disks()) == before, f"{bench.hardware(ref)}, {bench.disks() - before[1]}")


@promise(143, "disks")
def the_first_disk_stays(bench: Bench) -> None:
    """Removing the first disk is InvalidRequest, and it is still there."""
    hv = bench.connect()
    ref, _disk = with_second_disk(bench, hv)
    before = (bench.hardware(ref), bench.disks())
    refused(lambda: drive(bench, hv, RemoveDisk(ref, first_disk(hv, ref).ref)), InvalidRequest)
    claim((bench.hardware(ref), bench.disks()) == before, f"{bench.hardware(ref)}")


@promise(144, "disks")
def a_running_machine_lets_go_of_a_disk_or_is_left(bench: Bench) -> None:
    """A disk of a running machine is removed, or the order is WrongState and nothing has changed."""
    hv = bench.connect()
    ref, disk = with_second_disk(bench, hv, on=True)
    if done_or_wrong_state(bench, hv, RemoveDisk(ref, disk)):
        claim(len(bench.hardware(ref).disks_mib) == 1, f"{bench.hardware(ref)}")
    claim(bench.hardware(ref).power == "on", "It was stopped.")


@promise(145, "disks")
def only_its_own_disks_are_removed(bench: Bench) -> None:
    """A disk of another machine is none of its own: that counts as gone, and the other machine keeps it."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    other, disk = with_second_disk(bench, hv)
    before = (bench.hardware(other), bench.disks())
    drive(bench, hv, RemoveDisk(ref, disk))
    claim((bench.hardware(other), bench.disks()) == before, "Another machine has lost its disk.")


@promise(146, "disks")
def a_removed_machine_takes_its_added_disks_along(bench: Bench) -> None:
    """Nothing of a disk that was added is left in storage."""
    hv, order, before = bench.connect(), new_order(bench), bench.disks()
    ref = created(bench, hv, order)
    drive(bench, hv, AddDisk(ref, "data", SIZE))
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    claim(bench.disks() == before, f"{bench.disks() - before}")


@promise(147, "disks")
def a_discarded_machine_takes_its_added_disks_along(bench: Bench) -> None:
    """Discard leaves nothing of a disk that was added."""
    hv, order, before = bench.connect(), new_order(bench), bench.disks()
    drive(bench, hv, AddDisk(created(bench, hv, order), "data", SIZE))
    discard(bench, hv, order.stamp)
    claim(bench.disks() == before, f"{bench.disks() - before}")


@promise(148, "disks", "snapshots")
def a_disk_with_snapshots_grows_or_is_refused(bench: Bench) -> None:
    """With a snapshot on it a disk grows, or the order is WrongState and nothing has changed."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, TakeSnapshot(ref, "before"))
    disk = first_disk(hv, ref)
    if done_or_wrong_state(bench, hv, GrowDisk(ref, disk.ref, disk.size_mib + SIZE)):
        claim(bench.hardware(ref).disks_mib == (disk.size_mib + SIZE,), f"{bench.hardware(ref)}")
    claim(bench.hardware(ref).snapshots == {"before"}, "The snapshot is gone.")


@promise(149, "disks")
def an_added_disk_leaves_the_first_as_it_is(bench: Bench) -> None:
    """Adding and removing a disk changes nothing on the first one."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    bench.scribble(ref, "not to be touched")
    disk = drive(bench, hv, AddDisk(ref, "data", SIZE)).ref
    added = bench.scribbled(ref)
    drive(bench, hv, RemoveDisk(ref, disk))
    claim((added, bench.scribbled(ref)) == ("not to be touched",) * 2, f"{added!r}, {bench.scribbled(ref)!r}")
