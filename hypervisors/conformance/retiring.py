"""Promises about disk files of no machine: renamed out of the way, given their name back, removed."""

from __future__ import annotations

from secrets import token_hex

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import drive, new_name, twice
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    DiskFile,
    Hypervisor,
    Order,
    RemoveDiskFile,
    RestoreDiskFile,
    RetireDiskFile,
    TakeSnapshot,
)
from hypervisors.errors import InvalidRequest, NameTaken, NotFound, ObserveOnly, WrongState
from hypervisors.retired import is_retired


def _told(hv: Hypervisor) -> dict[str, DiskFile]:
    return {file.ref: file for file in hv.disk_files().files}


def _loose(bench: Bench, hv: Hypervisor) -> DiskFile:
    ref = bench.loose_disk_by_hand(new_name())
    found = _told(hv)
    claim(ref in found, f"{ref!r} is not among {sorted(found)}")
    return found[ref]


def _key() -> str:
    return f"conf-{token_hex(4)}"


def _retired(bench: Bench, hv: Hypervisor) -> tuple[DiskFile, str, str]:
    """A file as it was, its key, and its reference since."""
    file, key = _loose(bench, hv), _key()
    return file, key, drive(bench, hv, RetireDiskFile(file.ref, key)).ref


def _left_alone(bench: Bench, hv: Hypervisor, order: Order) -> None:
    """It is WrongState, and all files are as they were."""
    before = _told(hv)
    refused(lambda: drive(bench, hv, order), WrongState)
    claim(_told(hv) == before, "Something was touched.")


@promise(300, "retire_files")
def a_loose_file_is_retired(bench: Bench) -> None:
    """It is told once, under its new reference and a name with the key, as large as it was and as loose."""
    hv = bench.connect()
    before = set(_told(hv))
    file, key, ref = _retired(bench, hv)
    found = _told(hv)
    claim(set(found) - before == {ref}, f"{set(found) - before} is not {ref!r}")
    now = found[ref]
    claim(is_retired(now.name, key) and now.name != file.name, f"{now}")
    claim((now.size_mib, now.datastore_ref) == (file.size_mib, file.datastore_ref), f"{file}, then {now}")
    claim(not now.used_by and not now.kept_for, f"{now}")


@promise(301, "retire_files")
def a_file_is_retired_once(bench: Bench) -> None:
    """The same order again finds the file under its new name, and changes nothing."""
    hv = bench.connect()
    file, key = _loose(bench, hv), _key()
    ref = twice(bench, hv, RetireDiskFile(file.ref, key)).ref
    claim(ref in _told(hv) and (ref == file.ref or file.ref not in _told(hv)), f"{ref!r}")


@promise(302, "retire_files")
def a_retired_file_is_restored(bench: Bench) -> None:
    """It is told as it was before it was retired; ordered again, nothing changes."""
    hv = bench.connect()
    file, key, ref = _retired(bench, hv)
    restored = twice(bench, hv, RestoreDiskFile(ref, key, file.name)).ref
    found = _told(hv)
    claim(restored == file.ref and (ref == file.ref or ref not in found), f"{restored!r}, {ref!r}")
    now = found[restored]
    claim((now.name, now.label, now.size_mib) == (file.name, file.label, file.size_mib), f"{file}, then {now}")
    claim(not now.used_by and not now.kept_for, f"{now}")


@promise(303, "retire_files")
def a_retired_file_keeps_what_is_on_it(bench: Bench) -> None:
    """What was written on it stands there while it is retired, and after it was restored."""
    hv = bench.connect()
    file, key = _loose(bench, hv), _key()
    bench.scribble_file(file.ref, "not lost")
    ref = drive(bench, hv, RetireDiskFile(file.ref, key)).ref
    retired = bench.scribbled_file(ref)
    restored = bench.scribbled_file(drive(bench, hv, RestoreDiskFile(ref, key, file.name)).ref)
    claim((retired, restored) == ("not lost", "not lost"), f"{retired!r}, {restored!r}")


@promise(304, "retire_files")
def a_retired_file_is_removed(bench: Bench) -> None:
    """Nothing of it is left in storage, and no other file is gone; removing it again is done at once."""
    hv, before = bench.connect(), bench.disks()
    _file, key, ref = _retired(bench, hv)
    twice(bench, hv, RemoveDiskFile(ref, key))
    claim(ref not in _told(hv) and bench.disks() == before, f"{bench.disks() ^ before}")


@promise(305, "retire_files")
def only_retired_files_are_removed(bench: Bench) -> None:
    """A file that was never retired, and one of another key, are InvalidRequest and still there."""
    hv = bench.connect()
    loose, (_file, key, ref) = _loose(bench, hv), _retired(bench, hv)
    before = _told(hv)
    for order in (RemoveDiskFile(loose.ref, key), RemoveDiskFile(loose.ref, _key()), RemoveDiskFile(ref, _key())):
        refused(lambda order=order: drive(bench, hv, order), InvalidRequest)  # type: ignore[misc]
    claim(_told(hv) == before, "Something was touched.")


@promise(306, "retire_files")
def the_files_of_a_machine_are_not_retired(bench: Bench) -> None:
    """A file that a machine uses is WrongState, whether it runs or not; nothing is touched."""
    hv = bench.connect()
    refs = {bench.make_by_hand(new_name(), on=True), bench.make_by_hand(new_name())}
    own = [file.ref for file in _told(hv).values() if refs & set(file.used_by)]
    claim(len(own) == len(refs), f"{own}")
    for ref in own:
        _left_alone(bench, hv, RetireDiskFile(ref, _key()))


@promise(307, "retire_files")
def the_files_of_images_are_not_retired(bench: Bench) -> None:
    """What an image lies on is WrongState; nothing is touched."""
    hv = bench.connect()
    own = [file.ref for file in _told(hv).values() if bench.image_ref in {file.ref, *file.used_by}]
    claim(bool(own), "The image has no file.")
    for ref in own:
        _left_alone(bench, hv, RetireDiskFile(ref, _key()))


@promise(308, "retire_files", "snapshots")
def the_files_of_snapshots_are_not_retired(bench: Bench) -> None:
    """All that a machine with snapshots needs is WrongState; nothing is touched."""
    hv, before = bench.connect(), set(_told(bench.connect()))
    ref = bench.make_by_hand(new_name())
    for name in ("one", "two"):
        drive(bench, hv, TakeSnapshot(ref, name))
    for file in sorted(set(_told(hv)) - before):
        _left_alone(bench, hv, RetireDiskFile(file, _key()))


@promise(309, "retire_files")
def a_file_that_is_used_again_stays(bench: Bench) -> None:
    """A machine took the retired file meanwhile: removing and restoring it are WrongState, and the machine keeps it."""
    hv = bench.connect()
    file, key, ref = _retired(bench, hv)
    machine = bench.make_by_hand(new_name())
    bench.attach_by_hand(machine, ref)
    claim(machine in _told(hv)[ref].used_by, f"{_told(hv)[ref]}")
    _left_alone(bench, hv, RemoveDiskFile(ref, key))
    _left_alone(bench, hv, RestoreDiskFile(ref, key, file.name))
    claim(len(bench.hardware(machine).disks_mib) == 2, f"{bench.hardware(machine)}")


@promise(310, "retire_files")
def a_name_that_is_taken_is_not_given_back(bench: Bench) -> None:
    """Something else has the name by now: NameTaken and both are as they were, or both have it where that can be."""
    hv = bench.connect()
    name = new_name()
    loose, key = bench.loose_disk_by_hand(name), _key()
    file = _told(hv)[loose]
    ref = drive(bench, hv, RetireDiskFile(file.ref, key)).ref
    other = bench.loose_disk_by_hand(name)
    before = _told(hv)
    try:
        drive(bench, hv, RestoreDiskFile(ref, key, file.name))
    except NameTaken:
        claim(_told(hv) == before, "It was refused, and something was touched.")
    else:
        claim(other != file.ref and {file.ref, other} <= set(_told(hv)), f"One of the two is gone: {_told(hv)}")


@promise(311, "retire_files")
def a_file_gets_no_name_but_its_own(bench: Bench) -> None:
    """Any other name than the one it had is InvalidRequest, as is another key; it stays retired."""
    hv = bench.connect()
    file, key, ref = _retired(bench, hv)
    before = _told(hv)
    for name in (f"{file.name}x", f"../{file.name}", "", "\n"):
        refused(lambda name=name: drive(bench, hv, RestoreDiskFile(ref, key, name)), InvalidRequest)  # type: ignore[misc]
    refused(lambda: drive(bench, hv, RestoreDiskFile(ref, _key(), file.name)), InvalidRequest)
    claim(_told(hv) == before, "Something was touched.")


@promise(312, "retire_files")
def a_file_is_retired_by_one_order(bench: Bench) -> None:
    """One that another order has retired is WrongState; malformed keys are InvalidRequest; nothing is touched."""
    hv = bench.connect()
    _file, _key_of_it, ref = _retired(bench, hv)
    _left_alone(bench, hv, RetireDiskFile(ref, _key()))
    loose = _loose(bench, hv)
    before = _told(hv)
    for key in ("", "../file", "A", "x" * 65):
        refused(lambda key=key: drive(bench, hv, RetireDiskFile(loose.ref, key)), InvalidRequest)  # type: ignore[misc]
        refused(lambda key=key: drive(bench, hv, RemoveDiskFile(loose.ref, key)), InvalidRequest)  # type: ignore[misc]
    claim(_told(hv) == before, "Something was touched.")


@promise(313, "retire_files")
def a_file_that_is_gone_is_not_found(bench: Bench) -> None:
    """Retiring and restoring what is gone, or never was, is NotFound."""
    hv = bench.connect()
    file, key, ref = _retired(bench, hv)
    drive(bench, hv, RemoveDiskFile(ref, key))
    orders = RetireDiskFile(file.ref, key), RestoreDiskFile(ref, key, file.name), RetireDiskFile("conf-nothing", key)
    for order in orders:
        refused(lambda order=order: drive(bench, hv, order), NotFound)  # type: ignore[misc]


@promise(314, "retire_files")
def no_file_is_touched_by_who_only_watches(bench: Bench) -> None:
    """A read-only target refuses all three orders; the file is as it was."""
    hv, watching = bench.connect(), bench.connect(read_only=True)
    file = _loose(bench, hv)
    before = _told(hv)
    for order in (
        RetireDiskFile(file.ref, "conf"), RestoreDiskFile(file.ref, "conf", file.name), RemoveDiskFile(file.ref, "conf")
    ):  # fmt: skip
        refused(lambda order=order: watching.submit(order), ObserveOnly)  # type: ignore[misc]
        refused(lambda order=order: watching.poll(order, {}), ObserveOnly)  # type: ignore[misc]
    claim(_told(hv) == before, "Something was touched.")
