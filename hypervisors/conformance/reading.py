"""Promises about looking: scans, single machines, and an endpoint that does not answer."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_hex
from uuid import uuid4

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import created, drive, new_name, new_order
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import Power, PowerOff, PowerOn, RemoveMachine
from hypervisors.errors import NotFound, Unreachable

LONGEST_NAME = 255
LONGEST_TEXT = 10_000


@promise(80)
def check_names_what_answers(bench: Bench) -> None:
    """Check tells product and version in one line."""
    said = bench.connect(read_only=True).check()
    claim(bool(said.strip()) and "\n" not in said, repr(said))


@promise(81)
def a_scan_lists_every_machine(bench: Bench) -> None:
    """Reference, name and UUID of all machines are those of the hypervisor's own tools."""
    bench.make_by_hand(new_name())
    created(bench, bench.connect(), new_order(bench))
    scan = bench.connect(read_only=True).inventory()
    found = {seen.ref: (seen.uuid, seen.name) for seen in scan.machines}
    claim(found == {ref: (seen.uuid, seen.name) for ref, seen in bench.machines().items()}, f"{found}")


@promise(82)
def a_scan_without_gaps_is_complete(bench: Bench) -> None:
    """When everything could be read, the scan says so."""
    scan = bench.connect(read_only=True).inventory()
    claim(scan.complete and not scan.gaps, f"Gaps: {scan.gaps}")


@promise(83)
def a_scan_changes_nothing(bench: Bench) -> None:
    """Before and after a scan the hypervisor's own tools show the same."""
    ref = bench.make_by_hand(new_name(), on=True)
    before = (dict(bench.machines()), bench.disks(), bench.shown_on(ref))
    bench.connect(read_only=True).inventory()
    claim((dict(bench.machines()), bench.disks(), bench.shown_on(ref)) == before, "Something changed.")


@promise(84)
def images_are_not_machines(bench: Bench) -> None:
    """What machines are made from is listed as an image with its size, and not as a machine."""
    scan = bench.connect(read_only=True).inventory()
    sizes = {image.ref: image.disk_mib for image in scan.images}
    claim(sizes.get(bench.image_ref) == bench.image_mib, f"Images: {sizes}")
    claim(bench.image_ref not in {seen.ref for seen in scan.machines}, "The image is a machine.")


@promise(85)
def pools_and_hosts_are_listed(bench: Bench) -> None:
    """The pool that machines are made in is listed, and its hosts with their memory."""
    scan = bench.connect(read_only=True).inventory()
    claim(bench.pool_ref in {pool.ref for pool in scan.pools}, "The pool is missing.")
    claim(any(host.pool_ref == bench.pool_ref and host.memory_mib > 0 for host in scan.hosts), "No host.")


@promise(86)
def one_machine_is_told_as_in_a_scan(bench: Bench) -> None:
    """A single look tells the same as a scan."""
    hv, ref = bench.connect(read_only=True), bench.make_by_hand(new_name(), note="a note")
    told = next(seen for seen in hv.inventory().machines if seen.ref == ref)
    alone = hv.machine(ref)
    same = ("ref", "uuid", "name", "power", "vcpus", "memory_mib", "disk_mib", "pool_ref", "note", "created_at")
    differing = [key for key in same if getattr(alone, key) != getattr(told, key)]
    claim(not differing, f"Not the same: {differing}")


@promise(87)
def power_is_told(bench: Bench) -> None:
    """On is on and off is off, in a scan made after the change."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    drive(bench, hv, PowerOn(ref))
    claim(hv.machine(ref).power is Power.ON, "It should be on.")
    drive(bench, hv, PowerOff(ref))
    claim(hv.machine(ref).power is Power.OFF, "It should be off.")


@promise(88)
def a_machine_that_is_gone_is_not_found(bench: Bench) -> None:
    """Looking at what was removed is NotFound."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    drive(bench, hv, RemoveMachine(ref, order.stamp.uuid))
    refused(lambda: hv.machine(ref), NotFound)


@promise(89)
def a_reference_of_nothing_is_not_found(bench: Bench) -> None:
    """A reference that never was one is NotFound, whatever it looks like."""
    hv = bench.connect(read_only=True)
    for ref in ("", "conf-nothing", "' OR 1=1 --", str(uuid4()), "x" * 5_000):
        refused(lambda ref=ref: hv.machine(ref), NotFound)  # type: ignore[misc]


@promise(90)
def a_renamed_machine_is_the_same(bench: Bench) -> None:
    """A new name changes neither reference nor UUID."""
    hv, ref = bench.connect(read_only=True), bench.make_by_hand(new_name())
    before = hv.machine(ref)
    bench.rename_by_hand(ref, new := new_name())
    after = hv.machine(ref)
    claim((after.ref, after.uuid, after.name) == (before.ref, before.uuid, new), f"{after}")


@promise(91)
def hostile_text_comes_back_as_text(bench: Bench) -> None:
    """Markup, quotes and very long notes come back as they are or cut, never without end and never as an error."""
    name, note = f"<b>'{token_hex(4)}\"&amp;", "<script>alert(1)</script>\n" + "x" * 200_000
    hv, ref = bench.connect(read_only=True), bench.make_by_hand(name, note=note)
    scan = hv.inventory()
    seen = next(seen for seen in scan.machines if seen.ref == ref)
    claim(scan.complete and seen.name == name, f"{scan.gaps} {seen.name!r}")
    claim(seen.note.startswith("<script>alert(1)</script>") and len(seen.note) <= LONGEST_TEXT, f"{seen.note[:60]!r}")


@promise(92)
def text_is_cut_to_length(bench: Bench) -> None:
    """A name of any length comes back, cut to what a register can hold and without control characters."""
    name = f"{new_name()}-{'x' * 230}"
    ref = bench.make_by_hand(name)
    told = bench.connect(read_only=True).machine(ref).name
    claim(name.startswith(told) and len(told) <= LONGEST_NAME and told.isprintable(), repr(told))


@promise(93)
def times_are_aware(bench: Bench) -> None:
    """Every time that comes back is in UTC and says so."""
    hv = bench.connect()
    made = hv.machine(created(bench, hv, new_order(bench))).created_at
    claim(made is not None and made.utcoffset() == timedelta(0), f"{made!r}")


@promise(94)
def use_is_told_or_not(bench: Bench) -> None:
    """CPU use is a percentage where the adapter says that it knows it, and None elsewhere."""
    hv = bench.connect(read_only=True)
    use = hv.machine(bench.make_by_hand(new_name(), on=True)).cpu_percent
    right = use is not None and 0 <= use <= 100 if hv.capabilities.cpu_usage else use is None
    claim(right, f"{use!r}")


@promise(95)
def an_endpoint_in_the_dark_is_unreachable(bench: Bench) -> None:
    """Every call to an endpoint that does not answer is Unreachable, which may be tried again."""
    hv, ref = bench.connect(), bench.make_by_hand(new_name())
    order = new_order(bench)
    calls = (hv.check, hv.inventory, lambda: hv.machine(ref), lambda: hv.submit(order), lambda: hv.find(order.stamp))
    bench.go_dark()
    try:
        errors = [refused(call, Unreachable) for call in calls]
    finally:
        bench.come_back()
    claim(all(error.retryable for error in errors), "It may be tried again.")


@promise(96)
def a_connection_survives_the_dark(bench: Bench) -> None:
    """The same connection works again once the endpoint answers again."""
    hv = bench.connect()
    hv.check()
    bench.go_dark()
    try:
        refused(hv.check, Unreachable)
    finally:
        bench.come_back()
    claim(bool(hv.check()), "No answer.")


@promise(97)
def an_order_survives_the_dark(bench: Bench) -> None:
    """Work that was under way when the endpoint went dark is taken to its end afterwards: one machine."""
    hv, order, before = bench.connect(), new_order(bench), len(bench.machines())
    handle = hv.submit(order)
    bench.go_dark()
    try:
        refused(lambda: hv.poll(order, handle), Unreachable)
    finally:
        bench.come_back()
    created(bench, hv, order)
    claim(len(bench.machines()) == before + 1, "There are two, or none.")


@promise(98)
def closing_twice_is_safe(bench: Bench) -> None:
    """A connection can be closed twice, used or not."""
    hv = bench.connect()
    hv.check()
    hv.close()
    hv.close()
    bench.connect().close()
