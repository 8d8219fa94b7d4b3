"""Promises about two workers with the same order at the same moment: a claim on an operation is not a fence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import drive, new_name
from hypervisors.conformance.promises import claim, promise
from hypervisors.contract import AddDisk, AddNic, Order, TakeSnapshot


def both(bench: Bench, order: Order) -> set[str]:
    """Two workers, each with a connection of its own, take the order to its end. Returns what they say was made."""

    def work() -> str:
        hv = bench.connect()
        try:
            return drive(bench, hv, order).ref
        finally:
            hv.close()

    with ThreadPoolExecutor(2) as pool:
        return {future.result() for future in [pool.submit(work), pool.submit(work)]}


@promise(290, "disks")
def two_workers_add_one_disk(bench: Bench) -> None:
    """Two workers with the same disk to add end with one disk, in the machine and in storage."""
    ref = bench.make_by_hand(new_name())
    before = len(bench.disks())
    made = both(bench, AddDisk(ref, "data", 16))
    claim(len(made) == 1 and len(bench.hardware(ref).disks_mib) == 2, f"{made}, {bench.hardware(ref)}")
    claim(len(bench.disks()) == before + 1, f"{bench.disks()}")


@promise(291, "nics")
def two_workers_add_one_nic(bench: Bench) -> None:
    """Two workers with the same NIC to add end with one NIC."""
    ref = bench.make_by_hand(new_name())
    before = len(bench.connect().machine(ref).nics)
    made = both(bench, AddNic(ref, new_name(), bench.network_ref))
    claim(len(made) == 1 and len(bench.connect().machine(ref).nics) == before + 1, f"{made}")


@promise(292, "snapshots")
def two_workers_take_one_snapshot(bench: Bench) -> None:
    """Two workers with the same snapshot to take end with one snapshot."""
    ref = bench.make_by_hand(new_name())
    made = both(bench, TakeSnapshot(ref, "before"))
    claim(len(made) == 1 and len(bench.connect().machine(ref).snapshots) == 1, f"{made}")
