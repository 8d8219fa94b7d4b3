"""Looking: images and machines told apart, hostile text, changes since a token, use, events and rights."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hypervisors.contract import (
    AddDisk,
    AddNic,
    Annotate,
    DetachSeed,
    Event,
    GrowDisk,
    RemoveDisk,
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
    Suspend,
    TakeSnapshot,
    What,
)  # fmt: skip
from hypervisors.errors import NotFound, Unreachable
from hypervisors.xen import telling, usage
from hypervisors.xen.adapter import Xen
from tests.hypervisors.xen.bench import XenBench
from tests.hypervisors.xen.conftest import Desk, calls_of
from tests.rigs.xapi import XapiRig

pytestmark = pytest.mark.rig

HOSTILE = "<b>&amp;\"'\\ ]]> größer 漢字 {{7*7}} %s"


def names(xen: Xen) -> set[str]:
    return {machine.name for machine in xen.inventory().machines}


def test_images_have_disks_of_their_own_and_are_not_built_in(xen: Xen) -> None:
    images = {image.name: image.disk_mib for image in xen.inventory().images}

    assert images == dict.fromkeys(("debian-12", "debian-12-deaf", "debian-12-stuck", "debian-12-plain"), 4096)


def test_neither_snapshots_nor_dom0_nor_half_made_ones_are_listed(bench: XenBench, xen: Xen, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-web-1")
    xapi.VM.snapshot(xapi.VM.get_by_uuid(ref), "hand-snapshot")
    xapi.VM.clone(xapi.VM.get_by_uuid(bench.image_ref), "lh-op-1-12345678")
    before = {image.name for image in xen.inventory().images}

    assert names(xen) == {"hand-web-1"}
    assert not any(name.startswith(("lh-", "hand-")) for name in before)
    for vm in xapi.VM.get_all_records().values():
        if vm["is_a_snapshot"] or vm["is_control_domain"]:
            with pytest.raises(NotFound):
                xen.machine(vm["uuid"])


def test_storage_that_no_host_has_is_a_gap(bench: XenBench, xen: Xen, xapi: Any) -> None:
    sr = xapi.SR.get_by_name_label("Local storage of xen-2")[0]
    drive = xapi.SR.get_record(sr)["PBDs"][0]
    xapi.PBD.unplug(drive)
    try:
        scan, files = xen.inventory(), xen.disk_files()
    finally:
        xapi.PBD.plug(drive)

    assert not scan.complete and "Local storage of xen-2" in scan.gaps[0]
    assert not files.complete


def test_host_in_maintenance_is_told_as_such(bench: XenBench, xen: Xen, xapi: Any) -> None:
    host = xapi.host.get_by_name_label("xen-2")[0]
    xapi.host.disable(host)
    try:
        told = {one.name: one.connected for one in xen.inventory().hosts}
    finally:
        xapi.host.enable(host)

    assert told == {"xen-1": True, "xen-2": False}


def test_hostile_text_is_told_as_it_is_or_cut(rig: XapiRig, bench: XenBench, xen: Xen, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-web-1", on=True)
    vm = xapi.VM.get_by_uuid(ref)
    xapi.VM.set_name_label(vm, HOSTILE)
    xapi.VM.set_tags(vm, [HOSTILE, "x" * 5000, "managed-by"])
    rig.tell("agent", vm=ref, networks={"0/ip": "192.0.2.7", "1/ip": "<script>", "2/ipv6/0": "fe80::1%eth0"})
    try:
        seen = next(machine for machine in xen.inventory().machines if machine.ref == ref)
    finally:
        xapi.VM.set_name_label(vm, "hand-web-1")

    assert seen.name == HOSTILE
    assert set(seen.labels) == {HOSTILE, "x" * 255, "managed-by"}
    assert seen.addresses == ["192.0.2.7", "fe80::1"]
    assert xen.machine(ref).addresses == seen.addresses


def test_terminal_codes_are_taken_out_of_names(rig: XapiRig, bench: XenBench, xen: Xen) -> None:
    ref = bench.make_by_hand("hand-web-1")
    rig.tell("set_fields", cls="VM", name=ref, fields={"name_label": "hand\u2028web\x7f\x9b31m"})

    told = xen.machine(ref).name

    rig.tell("set_fields", cls="VM", name=ref, fields={"name_label": "hand-web-1"})
    assert told == "hand web 31m"


def test_record_that_is_none_is_a_gap_and_spoils_no_other(rig: XapiRig, bench: XenBench, xen: Xen) -> None:
    bench.make_by_hand("hand-web-1")
    other = bench.make_by_hand("hand-web-2")
    rig.tell("set_fields", cls="VM", name=other, fields={"memory_dynamic_max": -1, "VCPUs_at_startup": -1})

    scan = xen.inventory()

    assert {machine.name: machine.memory_mib for machine in scan.machines} == {"hand-web-1": 256, "hand-web-2": 0}


# Changes


def test_unchanged_sweep_is_one_call(rig: XapiRig, bench: XenBench, xen: Xen) -> None:
    bench.make_by_hand("hand-web-1", on=True)
    token = xen.changes("").token
    rig.tell("reset_log")

    told = xen.changes(token)

    assert (told.whole, told.machines, told.gone) == (False, [], [])
    assert calls_of(rig) == ["event.from"]


def test_many_changed_machines_cost_as_many_calls_as_one(rig: XapiRig, bench: XenBench, xen: Xen, xapi: Any) -> None:
    refs = [bench.make_by_hand(f"hand-web-{number}", on=True) for number in range(4)]
    counts = []
    for changed in (1, 4):
        token = xen.changes("").token
        for ref in refs[:changed]:
            xapi.VM.set_name_description(xapi.VM.get_by_uuid(ref), f"changed with {changed}")
        rig.tell("reset_log")
        assert len(xen.changes(token).machines) == changed
        counts.append(len(calls_of(rig)))

    assert counts[0] == counts[1] <= 4


def test_what_a_guest_reports_leads_to_its_machine(rig: XapiRig, bench: XenBench, xen: Xen) -> None:
    """XAPI tells of the report, and not whose it is."""
    ref = bench.make_by_hand("hand-web-1", on=True)
    bench.make_by_hand("hand-web-2", on=True)
    token = xen.changes("").token
    rig.tell("agent", vm=ref, networks={"0/ip": "192.0.2.77"})

    told = xen.changes(token)

    assert [(machine.ref, machine.addresses) for machine in told.machines] == [(ref, ["192.0.2.77"])]


def test_devices_and_snapshots_lead_to_their_machine(bench: XenBench, xen: Xen, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-web-1")
    bench.make_by_hand("hand-web-2")
    vm = xapi.VM.get_by_uuid(ref)
    token = xen.changes("").token
    xapi.VDI.resize(bench._disks(xapi.VM.get_record(vm))[0], str(5 << 30))
    grown = xen.changes(token)
    snapshot = xapi.VM.snapshot(vm, "hand-snapshot")
    taken = xen.changes(grown.token)
    bench._destroy(snapshot, xapi.VM.get_record(snapshot))
    removed = xen.changes(taken.token)

    assert [machine.disk_mib for machine in grown.machines] == [5120]
    assert [[one.name for one in machine.snapshots] for machine in taken.machines] == [["hand-snapshot"]]
    assert [machine.snapshots for machine in removed.machines] == [[]]
    assert not (grown.whole or taken.whole or removed.whole)


def test_machine_that_became_an_image_is_gone(bench: XenBench, xen: Xen, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-web-1")
    token = xen.changes("").token
    xapi.VM.set_is_a_template(xapi.VM.get_by_uuid(ref), True)

    told = xen.changes(token)

    assert (told.whole, told.machines, told.gone) == (False, [], [ref])


def test_machine_that_came_and_went_is_nothing(bench: XenBench, xen: Xen, xapi: Any) -> None:
    token = xen.changes("").token
    ref = bench.make_by_hand("hand-web-1")
    bench._destroy(xapi.VM.get_by_uuid(ref), xapi.VM.get_record(xapi.VM.get_by_uuid(ref)))

    told = xen.changes(token)

    assert (told.machines, told.gone) == ([], [])


def test_journal_that_does_not_add_up_is_read_from_its_beginning(bench: XenBench, xen: Xen) -> None:
    """As after the pool's database was taken from a backup: its positions are those of another life."""
    bench.make_by_hand("hand-web-1")
    version, _, packed = xen.changes("").token.split(":")
    bench.make_by_hand("hand-web-2")

    told = xen.changes(f"{version}:99999999999999999999,00000000000000000000:{packed}")

    assert told.whole
    assert {machine.name for machine in told.machines} == {"hand-web-1", "hand-web-2"}


@pytest.mark.parametrize("spoil", ["cut", "flipped", "position", "words"])
def test_spoilt_token_tells_everything(bench: XenBench, xen: Xen, spoil: str) -> None:
    bench.make_by_hand("hand-web-1")
    version, position, packed = xen.changes("").token.split(":")
    body = bytearray(base64.b85decode(packed))
    body[20] ^= 1
    token = {
        "cut": f"{version}:{position}:{packed[:-7]}",
        "flipped": f"{version}:{position}:{base64.b85encode(bytes(body)).decode()}",
        "position": f"{version}:1,2,3:{packed}",
        "words": "x1:<script>:",
    }[spoil]

    assert xen.changes(token).whole


# Use, events, rights


def test_use_is_told_of_every_host(bench: XenBench, xen: Xen, xapi: Any) -> None:
    refs = [bench.make_by_hand(f"hand-web-{number}", on=True) for number in range(2)]
    hosts = xapi.host.get_all()
    for ref, host in zip(refs, hosts, strict=True):
        vm = xapi.VM.get_by_uuid(ref)
        xapi.VM.hard_shutdown(vm)
        xapi.VM.start_on(vm, host, False, False)

    samples = {sample.ref: sample for sample in xen.usage(refs)}

    assert set(samples) == set(refs)
    for sample in samples.values():
        assert sample.seconds and 0 <= (sample.cpu_seconds or 0) <= sample.seconds
        assert sample.memory_mib is not None and 0 <= sample.memory_mib <= 256
        assert abs(datetime.now(UTC) - sample.at) < timedelta(seconds=30)


def test_use_of_a_host_that_does_not_answer_is_left_out(rig: XapiRig, bench: XenBench, xen: Xen, xapi: Any) -> None:
    ref = bench.make_by_hand("hand-web-1", on=True)
    vm = xapi.VM.get_by_uuid(ref)
    xapi.VM.hard_shutdown(vm)
    xapi.VM.start_on(vm, xapi.host.get_by_name_label("xen-2")[0], False, False)
    rig.tell("set_fields", cls="host", name="xen-2", fields={"address": "127.0.0.8"})
    try:
        assert xen.usage([ref]) == []
    finally:
        rig.tell("set_fields", cls="host", name="xen-2", fields={"address": "127.0.0.3"})


@pytest.mark.parametrize(
    "told",
    [[], {}, {"meta": {"step": "x", "legend": []}, "data": []}, {"meta": {"step": 5, "legend": 7}, "data": []},
     {"meta": {"step": 5, "legend": []}, "data": [{"t": 1, "values": ["many"]}]}],
    ids=str,
)  # fmt: skip
def test_figures_that_are_none_are_no_answer(told: Any) -> None:
    with pytest.raises(Unreachable):
        list(usage.samples(told, {"x"}))


def test_seconds_in_which_a_machine_was_not_there_do_not_count() -> None:
    uuid = "2f7f2a3c-0000-4000-8000-000000000001"
    legend = [f"AVERAGE:vm:{uuid}:{name}" for name in ("cpu0", "cpu1", "memory", "vif_0_rx", "vbd_xvda_read")]
    nan = float("nan")
    rows = [{"t": 100, "values": [0.5, 1.0, 1 << 30, 10, 20]}, {"t": 95, "values": [nan] * 5}]

    sample = next(iter(usage.samples({"meta": {"step": 5, "legend": legend}, "data": rows}, {uuid})))

    assert (sample.seconds, sample.cpu_seconds, sample.memory_mib) == (5, 7.5, 1024)
    assert (sample.received_bytes, sample.read_bytes, sample.sent_bytes) == (50, 100, None)


def test_events_of_one_second_are_all_told(bench: XenBench, xen: Xen, xapi: Any) -> None:
    """Asked again from the time of the last one, nothing is told twice and nothing is missed."""
    told: list[Event] = []
    since = datetime.now(UTC) - timedelta(seconds=1)
    ref = bench.make_by_hand("hand-web-1")
    vm = xapi.VM.get_by_uuid(ref)
    for _ in range(3):
        xapi.VM.start(vm, False, False)
        told += [event for event in xen.events(told[-1].at if told else since) if event.machine_ref == ref]
        xapi.VM.hard_shutdown(vm)
    told += [event for event in xen.events(told[-1].at) if event.machine_ref == ref]

    assert [event.what for event in told] == [What.CREATED, *[What.STARTED, What.STOPPED] * 3]


def test_events_are_cut_between_seconds(monkeypatch: pytest.MonkeyPatch, bench: XenBench, xen: Xen) -> None:
    monkeypatch.setattr(telling, "MOST", 1)
    since = datetime.now(UTC) - timedelta(seconds=1)
    bench.make_by_hand("hand-web-1", on=True)

    told = xen.events(since)

    assert len({event.at for event in told}) == 1


def test_rights_that_are_missing_are_named(rig: XapiRig, bench: XenBench) -> None:
    rig.tell("account", name="looker", password="look-look", role="read-only")
    xen = Xen(rig.target(username="looker", secret="look-look"))
    try:
        missing = xen.missing_rights()
        scan = xen.inventory()
    finally:
        xen.close()

    assert {"VM.clone", "VM.destroy", "VDI.create", "VM.set_name_label"} <= set(missing)
    assert not {"VM.get_all_records", "event.from"} & set(missing)
    assert scan.complete


def test_rights_are_asked_for_all_that_is_called(rig: XapiRig, bench: XenBench, xen: Xen, desk: Desk) -> None:
    """Whatever an administrator grants by the list is enough."""
    rig.tell("set_resize_online", sr="Shared storage", on=True)
    stamped = desk.order(seed=Seed("web-1"))
    ref = desk.carry_out(xen, stamped).ref
    rig.tell("guest", vm=ref, behaviour="agent")
    disk = desk.carry_out(xen, AddDisk(ref, "data", 16)).ref
    nic = desk.carry_out(xen, AddNic(ref, "second", bench.network_ref)).ref
    for order in (
        DetachSeed(ref, stamped.stamp), GrowDisk(ref, disk, 32), RemoveDisk(ref, disk), RemoveNic(ref, nic),
        Suspend(ref), Resume(ref), Restart(ref), Reset(ref), Shutdown(ref), Resize(ref, 2, 512),
        Rename(ref, "hand-new"), Annotate(ref, stamped.holding),
    ):  # fmt: skip
        desk.carry_out(xen, order)
    snapshot = desk.carry_out(xen, TakeSnapshot(ref, "before")).ref
    desk.carry_out(xen, RevertSnapshot(ref, snapshot))
    desk.carry_out(xen, RemoveSnapshot(ref, snapshot))
    xen.inventory(), xen.disk_files(), xen.usage([ref]), xen.events(datetime.now(UTC)), xen.find(stamped.stamp)
    xen.changes(xen.changes("").token)
    xen.discard(stamped.stamp)

    asked = {call.removeprefix("Async.") for call in calls_of(rig)}
    assert {call for call in asked if not call.startswith(("session.", "PUT", "GET"))} - set(telling.CALLS) == set()
