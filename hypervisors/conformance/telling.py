"""Promises about facts, about the cost of looking, and about what an adapter cannot or may not do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import HOLDING, created, drive, new_name, new_order
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import (
    NEEDS,
    AddDisk,
    AddNic,
    Annotate,
    DetachSeed,
    GrowDisk,
    Hypervisor,
    MachineFacts,
    Order,
    PowerOff,
    PowerOn,
    RemoveDisk,
    RemoveMachine,
    RemoveNic,
    RemoveSnapshot,
    Rename,
    Reset,
    Resize,
    Restart,
    Resume,
    RevertSnapshot,
    Seed,
    Shutdown,
    Stamp,
    Suspend,
    TakeSnapshot,
)
from hypervisors.errors import NotFound, ObserveOnly, Unreachable, Unsupported

HOSTILE = "<script>alert('x')</script> & \"größer\""


def orders_on(bench: Bench, ref: str) -> Sequence[Order]:
    """One order of each kind on a machine that exists."""
    return (
        PowerOn(ref), PowerOff(ref), Shutdown(ref, patience=0), Restart(ref), Reset(ref), Suspend(ref), Resume(ref),
        Resize(ref, 2, bench.memory_mib * 2), AddDisk(ref, "data", 16), GrowDisk(ref, "disk", 4096),
        RemoveDisk(ref, "disk"), AddNic(ref, "second", bench.network_ref), RemoveNic(ref, "nic"),
        TakeSnapshot(ref, "before"), RevertSnapshot(ref, "snapshot"), RemoveSnapshot(ref, "snapshot"),
        Rename(ref, new_name()), Annotate(ref, HOLDING), DetachSeed(ref, Stamp("conf-any", uuid4())),
        RemoveMachine(ref, uuid4()),
    )  # fmt: skip


def _can(hv: Hypervisor, order: Order) -> bool:
    need = NEEDS.get(type(order), "")
    return not need or bool(getattr(hv.capabilities, need))


def _looks(hv: Hypervisor) -> dict[str, Callable[[], object]]:
    """Looks that need a capability, by its name."""
    return {
        "changes": lambda: hv.changes(""),
        "usage": lambda: hv.usage(["conf-any"]),
        "events": lambda: hv.events(datetime.now(UTC)),
        "disk_files": hv.disk_files,
        "rights": hv.missing_rights,
    }


def _told(hv: Hypervisor, ref: str) -> MachineFacts:
    return next(machine for machine in hv.inventory().machines if machine.ref == ref)


@promise(260)
def hardware_is_told(bench: Bench) -> None:
    """vCPUs, memory, disks in their order and MAC addresses are those of the hypervisor's own tools."""
    hv = bench.connect()
    for ref in (bench.make_by_hand(new_name()), created(bench, hv, new_order(bench, vcpus=2))):
        seen, told = bench.hardware(ref), _told(hv, ref)
        claim((told.vcpus, told.memory_mib) == (seen.vcpus, seen.memory_mib), f"{told}, {seen}")
        claim(tuple(disk.size_mib for disk in told.disks) == seen.disks_mib, f"{told.disks}, {seen}")
        claim({nic.mac for nic in told.nics} == seen.macs, f"{told.nics}, {seen}")


@promise(261)
def labels_keep_hostile_text(bench: Bench) -> None:
    """What people wrote into custom fields comes back as it is, beside our own; where there are none, none are told."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, Annotate(ref, HOLDING))
    expected = {"conf-label": HOSTILE} if bench.label_by_hand(ref, "conf-label", HOSTILE) else {}
    found = _told(hv, ref).labels
    claim({name: found[name] for name in found if name == "conf-label"} == expected, f"{found}")
    claim(HOLDING.holder not in found.values(), f"What we wrote is told as that of others: {found}")


@promise(262)
def annotate_keeps_the_labels_of_others(bench: Bench) -> None:
    """Custom fields of others are the same before and after we write ours."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    bench.label_by_hand(ref, "conf-label", HOSTILE)
    before = dict(hv.machine(ref).labels)
    drive(bench, hv, Annotate(ref, HOLDING))
    claim(dict(hv.machine(ref).labels) == before, f"{before}, then {hv.machine(ref).labels}")


@promise(263)
def the_folder_is_told(bench: Bench) -> None:
    """Where people filed a machine is told with their word for it; where there are no folders, nothing is."""
    hv, ref, folder = bench.connect(), bench.make_by_hand(new_name()), new_name()
    filed = bench.file_by_hand(ref, folder)
    told = _told(hv, ref).folder
    claim(told.split("/")[-1] == folder if filed else not told, repr(told))


@promise(264)
def places_are_those_of_the_scan(bench: Bench) -> None:
    """A running machine's pool and host, and its disk's datastore, are in the same scan; its host is connected."""
    hv = bench.connect()
    ref = created(bench, hv, new_order(bench))
    scan = hv.inventory()
    told = next(machine for machine in scan.machines if machine.ref == ref)
    hosts = {host.ref: host.connected for host in scan.hosts}
    claim(told.pool_ref in {pool.ref for pool in scan.pools} and hosts.get(told.host_ref) is True, f"{told}, {hosts}")
    stores = {store.ref: store for store in scan.datastores}
    claim({disk.datastore_ref for disk in told.disks} <= set(stores), f"{told.disks}, {stores}")
    claim(all(0 <= store.free_mib <= store.capacity_mib for store in stores.values()), f"{stores}")


@promise(265)
def networks_are_listed(bench: Bench) -> None:
    """The network that machines can have a NIC in is listed with a name, once."""
    listed = bench.connect(read_only=True).inventory().networks
    named = [network.name for network in listed if network.ref == bench.network_ref]
    claim(len(named) == 1 and bool(named[0]), f"{listed}")


@promise(266)
def what_others_manage_is_told(bench: Bench) -> None:
    """A machine that something else manages says so, and any other does not."""
    hv = bench.connect(read_only=True)
    managed, plain = bench.make_by_hand(new_name(), managed_by="VDI pool"), bench.make_by_hand(new_name())
    claim(bool(_told(hv, managed).managed_by) and not _told(hv, plain).managed_by, f"{_told(hv, managed)}")


def _calls_of(bench: Bench, call: Callable[[], object]) -> int:
    before = bench.calls()
    call()
    after = bench.calls()
    claim(before is not None and after is not None, "Calls are not counted here.")
    return (after or 0) - (before or 0)


@promise(267)
def a_scan_costs_the_same_for_more_machines(bench: Bench) -> None:
    """The number of requests of a scan does not grow with that of machines."""
    hv = bench.connect(read_only=True)
    hv.check()
    bench.make_by_hand(new_name(), on=True)
    few = _calls_of(bench, hv.inventory)
    for _ in range(3):
        bench.make_by_hand(new_name(), on=True)
        bench.make_by_hand(new_name())
    many = _calls_of(bench, hv.inventory)
    claim(0 < many <= few, f"{few} requests, and {many} with six machines more.")


@promise(268, "changes")
def a_look_for_changes_costs_the_same_for_more_machines(bench: Bench) -> None:
    """The number of requests for what changed does not grow with that of machines."""
    hv = bench.connect(read_only=True)
    hv.check()
    bench.make_by_hand(new_name(), on=True)
    token = hv.changes("").token
    few = _calls_of(bench, lambda: hv.changes(token))
    for _ in range(3):
        bench.make_by_hand(new_name(), on=True)
        bench.make_by_hand(new_name())
    later = hv.changes("").token
    many = _calls_of(bench, lambda: hv.changes(later))
    claim(0 < many <= few, f"{few} requests, and {many} with six machines more.")


@promise(269, "usage")
def use_costs_the_same_for_more_machines(bench: Bench) -> None:
    """The number of requests for use does not grow with that of machines."""
    hv, refs = bench.connect(read_only=True), [bench.make_by_hand(new_name(), on=True)]
    hv.usage(refs)
    few = _calls_of(bench, lambda: hv.usage(refs))
    refs += [bench.make_by_hand(new_name(), on=True) for _ in range(3)]
    many = _calls_of(bench, lambda: hv.usage(refs))
    claim(0 < many <= few, f"{few} requests, and {many} with three machines more.")


@promise(270, "rights")
def an_account_that_may_all_lacks_nothing(bench: Bench) -> None:
    """Rights that are missing are named; of the account that all these promises are kept with, none is."""
    claim(not bench.connect(read_only=True).missing_rights(), f"{bench.connect().missing_rights()}")


@promise(280)
def what_it_cannot_do_is_unsupported(bench: Bench) -> None:
    """Orders and looks that need a capability which it does not declare are Unsupported, and nothing happens."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name(), on=True)
    before = (dict(bench.machines()), bench.disks(), bench.hardware(ref), bench.calls())
    beyond = [order for order in orders_on(bench, ref) if not _can(hv, order)]
    if not hv.capabilities.seed:
        beyond.append(new_order(bench, seed=Seed("web-01")))
    for order in beyond:
        refused(lambda order=order: hv.submit(order), Unsupported)  # type: ignore[misc]
    for capability, look in _looks(hv).items():
        if not getattr(hv.capabilities, capability):
            refused(look, Unsupported)
    after = (dict(bench.machines()), bench.disks(), bench.hardware(ref), bench.calls())
    claim(after == before, "Something happened, or a request went out.")


@promise(281)
def a_watched_endpoint_refuses_every_kind_of_order(bench: Bench) -> None:
    """On a read-only target each order that it could carry out is ObserveOnly, at submit and at poll."""
    ref = bench.make_by_hand(new_name(), on=True)
    hv, before = bench.connect(read_only=True), (dict(bench.machines()), bench.disks(), bench.hardware(ref))
    for order in orders_on(bench, ref):
        if _can(hv, order):
            refused(lambda order=order: hv.submit(order), ObserveOnly)  # type: ignore[misc]
            refused(lambda order=order: hv.poll(order, {}), ObserveOnly)  # type: ignore[misc]
    claim((dict(bench.machines()), bench.disks(), bench.hardware(ref)) == before, "Something changed.")


@promise(282)
def a_watched_endpoint_tells_all_it_can(bench: Bench) -> None:
    """A read-only target may be asked everything that the adapter can tell."""
    hv = bench.connect(read_only=True)
    bench.make_by_hand(new_name(), on=True)
    for capability, look in _looks(hv).items():
        if getattr(hv.capabilities, capability):
            look()


@promise(283)
def orders_on_what_is_gone_are_not_found(bench: Bench) -> None:
    """Each order on a machine that is not there is NotFound; what removes something counts as done."""
    hv = bench.connect()
    done_at_once = (RemoveMachine, RemoveDisk, RemoveNic, RemoveSnapshot, DetachSeed)
    for ref in (str(uuid4()), "conf-nothing"):
        for order in orders_on(bench, ref):
            if _can(hv, order) and not isinstance(order, done_at_once):
                refused(lambda order=order: drive(bench, hv, order), NotFound)  # type: ignore[misc]


@promise(284)
def every_handle_is_plain(bench: Bench) -> None:
    """The handles of orders on machines are flat mappings of texts that survive a trip through JSON."""
    hv = bench.connect()
    for order in (PowerOn, TakeSnapshot, Resize, AddDisk, Rename, Annotate, RemoveMachine):
        ref = bench.make_by_hand(new_name())
        asked = next(one for one in orders_on(bench, ref) if isinstance(one, order))
        if isinstance(asked, RemoveMachine):
            asked = RemoveMachine(ref, bench.machines()[ref].uuid)
        if _can(hv, asked):
            handle = hv.submit(asked)
            flat = all(isinstance(part, str) for pair in handle.items() for part in pair)
            claim(flat and json.loads(json.dumps(dict(handle))) == dict(handle), f"{asked}: {handle!r}")


@promise(285)
def every_look_into_the_dark_is_unreachable(bench: Bench) -> None:
    """Changes, use, events, disk files and rights of an endpoint that does not answer are Unreachable."""
    hv = bench.connect(read_only=True)
    hv.check()
    bench.go_dark()
    try:
        for capability, look in _looks(hv).items():
            if getattr(hv.capabilities, capability):
                refused(look, Unreachable)
    finally:
        bench.come_back()
