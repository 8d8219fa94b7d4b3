"""Promises about disk files: whose they are, and which are nobody's."""

from __future__ import annotations

from collections.abc import Iterable

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import created, drive, new_name, new_order
from hypervisors.conformance.promises import claim, promise
from hypervisors.contract import DiskFile, RemoveMachine, Seed, TakeSnapshot


def _loose(files: Iterable[DiskFile]) -> set[str]:
    return {file.ref for file in files if not file.used_by and not file.kept_for}


@promise(250, "disk_files")
def disk_files_name_their_machine(bench: Bench) -> None:
    """The disk of a machine is told as used by it, in a datastore that the scan lists."""
    ref = bench.make_by_hand(new_name())
    hv = bench.connect(read_only=True)
    told = hv.disk_files()
    own = [file for file in told.files if ref in file.used_by]
    claim(told.complete and not told.gaps and len(own) == 1 and own[0].size_mib > 0, f"{own} {told.gaps}")
    claim(own[0].datastore_ref in {store.ref for store in hv.inventory().datastores}, f"{own}")


@promise(251, "disk_files")
def a_loose_disk_is_told_as_such(bench: Bench) -> None:
    """A disk that belongs to nothing is told, once, and is neither used nor kept."""
    ref = bench.loose_disk_by_hand(new_name())
    files = bench.connect(read_only=True).disk_files().files
    claim([(list(file.used_by), file.kept_for) for file in files if file.ref == ref] == [([], "")], f"{ref}: {files}")


@promise(252, "disk_files")
def the_disks_of_images_are_kept(bench: Bench) -> None:
    """Where nobody made a disk by hand, none is loose: images hold theirs."""
    files = list(bench.connect(read_only=True).disk_files().files)
    before = _loose(files)
    bench.make_by_hand(new_name())
    after = list(bench.connect(read_only=True).disk_files().files)
    claim(len(after) == len({file.ref for file in after}), "A file is told twice.")
    images = [file for file in after if bench.image_ref in {file.ref, *file.used_by} or file.kept_for]
    claim(_loose(after) == before and bool(images), f"{_loose(after) - before}")


@promise(253, "disk_files")
def a_removed_machine_has_no_disk_files(bench: Bench) -> None:
    """After a machine was made and removed, the same files are told as before."""
    hv, order = bench.connect(), new_order(bench)
    before = {file.ref for file in hv.disk_files().files}
    drive(bench, hv, RemoveMachine(created(bench, hv, order), order.stamp.uuid))
    after = {file.ref for file in hv.disk_files().files}
    claim(after == before, f"{after ^ before}")


@promise(254, "disk_files", "snapshots")
def the_files_of_a_snapshot_are_not_loose(bench: Bench) -> None:
    """All files of a machine with snapshots are used or kept."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    before = _loose(hv.disk_files().files)
    for name in ("one", "two"):
        drive(bench, hv, TakeSnapshot(ref, name))
    after = list(hv.disk_files().files)
    claim(_loose(after) == before and any(ref in file.used_by for file in after), f"{_loose(after) - before}")


@promise(255, "disk_files", "seed")
def a_seed_is_no_loose_disk(bench: Bench) -> None:
    """What a machine has its seed on is used or kept, or no disk at all."""
    hv = bench.connect()
    before = _loose(hv.disk_files().files)
    created(bench, hv, new_order(bench, seed=Seed("web-01")))
    after = _loose(hv.disk_files().files)
    claim(after == before, f"{after - before}")
