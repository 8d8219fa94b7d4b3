"""Promises about new machines: one per order, whatever happens on the way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

from hypervisors.conformance.bench import Bench
from hypervisors.conformance.driving import HOLDING, created, discard, drive, follow, new_order, watch
from hypervisors.conformance.promises import claim, promise, refused
from hypervisors.contract import Power, Stamp
from hypervisors.errors import HypervisorError, InvalidRequest, NameTaken, NoCapacity, NotFound


@promise(1)
def a_create_makes_one_machine(bench: Bench) -> None:
    """An order makes exactly one machine, with the name that was asked for."""
    before = set(bench.machines())
    order = new_order(bench)
    ref = created(bench, bench.connect(), order)
    new = {ref: seen.name for ref, seen in bench.machines().items() if ref not in before}
    claim(new == {ref: order.name}, f"New machines: {new}")


@promise(2)
def a_new_machine_has_the_chosen_uuid(bench: Bench) -> None:
    """The UUID that we chose is the hypervisor's own idea of the machine's UUID."""
    order = new_order(bench)
    ref = created(bench, bench.connect(), order)
    claim(bench.machines()[ref].uuid == order.stamp.uuid, "The native UUID is another one.")


@promise(3)
def a_new_machine_carries_its_stamp(bench: Bench) -> None:
    """The operation can be read back from the machine."""
    hv, order = bench.connect(), new_order(bench)
    claim(hv.machine(created(bench, hv, order)).stamp_operation == order.stamp.operation, "The stamp is missing.")


@promise(4)
def a_new_machine_has_its_size(bench: Bench) -> None:
    """vCPU, memory and disk are what was ordered, not what the image had."""
    hv, order = bench.connect(), new_order(bench, vcpus=2)
    facts = hv.machine(created(bench, hv, order))
    claim((facts.vcpus, facts.memory_mib, facts.disk_mib) == (2, order.memory_mib, order.disk_mib), f"{facts}")


@promise(5)
def a_new_machine_runs(bench: Bench) -> None:
    """Done means powered on."""
    hv = bench.connect()
    ref = created(bench, hv, new_order(bench))
    claim(bench.machines()[ref].on and hv.machine(ref).power is Power.ON, "It is off.")


@promise(6)
def a_new_machine_shows_its_holding(bench: Bench) -> None:
    """Holder, purpose and end date are where the hypervisor's own tools show them."""
    shown = bench.shown_on(created(bench, bench.connect(), new_order(bench)))
    missing = [text for text in (HOLDING.holder, HOLDING.purpose, HOLDING.ends_on) if text not in shown]
    claim(not missing, f"Not shown: {missing}")


@promise(7)
def progress_only_grows(bench: Bench) -> None:
    """Percent stays within 0 and 100, never falls, and is 100 at the end."""
    hv, order = bench.connect(), new_order(bench)
    percents = [said.percent for said in watch(bench, hv, order, hv.submit(order))]
    claim(percents == sorted(percents) and percents[0] >= 0 and percents[-1] == 100, f"Percents: {percents}")


@promise(8)
def handles_are_plain(bench: Bench) -> None:
    """A handle is a flat mapping of texts that survives a trip through JSON."""
    handle = bench.connect().submit(new_order(bench))
    flat = all(isinstance(part, str) for pair in handle.items() for part in pair)
    claim(flat and json.loads(json.dumps(dict(handle))) == dict(handle), f"{handle!r}")


@promise(9)
def a_second_submit_makes_no_second(bench: Bench) -> None:
    """Submitting a finished order again changes nothing and leads to the same machine."""
    hv, order = bench.connect(), new_order(bench)
    ref, before = created(bench, hv, order), bench.machines()
    claim(created(bench, hv, order) == ref and bench.machines() == before, "There is another machine.")


@promise(10)
def a_submit_under_way_makes_no_second(bench: Bench) -> None:
    """Submitting again while the first is under way joins it."""
    hv, order, before = bench.connect(), new_order(bench), len(bench.machines())
    hv.submit(order)
    drive(bench, hv, order)
    claim(len(bench.machines()) == before + 1, "There are two.")


@promise(11)
def two_submits_at_once_make_one(bench: Bench) -> None:
    """Two workers with the same order at the same moment end with one machine."""
    order, before = new_order(bench), len(bench.machines())

    def work() -> str:
        hv = bench.connect()
        try:
            return created(bench, hv, order)
        finally:
            hv.close()

    with ThreadPoolExecutor(2) as pool:
        refs = {future.result() for future in [pool.submit(work), pool.submit(work)]}
    claim(len(refs) == 1 and len(bench.machines()) == before + 1, f"Machines: {refs}")


@promise(12)
def a_lost_connection_loses_nothing(bench: Bench) -> None:
    """Another process, with a connection of its own and no handle, takes the work to its end."""
    order, before = new_order(bench), len(bench.machines())
    first = bench.connect()
    first.poll(order, first.submit(order))
    first.close()
    created(bench, bench.connect(), order)
    claim(len(bench.machines()) == before + 1, "There are two.")


@promise(13)
def an_unknown_handle_is_no_matter(bench: Bench) -> None:
    """With a handle that the hypervisor does not know, poll looks at the machine itself."""
    hv, order = bench.connect(), new_order(bench)
    known = hv.submit(order)
    done = follow(bench, hv, order, dict.fromkeys(known, ""))
    claim(hv.machine(done.ref).uuid == order.stamp.uuid, "It led elsewhere.")


@promise(14)
def a_half_made_machine_is_found(bench: Bench) -> None:
    """From the first moment on, the machine is found by its stamp."""
    hv, order = bench.connect(), new_order(bench)
    hv.submit(order)
    claim([seen.uuid for seen in hv.find(order.stamp)] == [order.stamp.uuid], "It is not found.")


@promise(15)
def finding_needs_the_operation(bench: Bench) -> None:
    """The same UUID under another operation is not ours."""
    hv, order = bench.connect(), new_order(bench)
    created(bench, hv, order)
    claim(not hv.find(replace(order.stamp, operation="conf-other")), "Found by UUID alone.")


@promise(16)
def finding_needs_the_uuid(bench: Bench) -> None:
    """The same operation under another UUID is not ours."""
    hv, order = bench.connect(), new_order(bench)
    created(bench, hv, order)
    claim(not hv.find(replace(order.stamp, uuid=uuid4())), "Found by operation alone.")


@promise(17)
def a_copied_stamp_is_not_found(bench: Bench) -> None:
    """A person's clone copies the stamp, but not the machine's identity."""
    hv, order = bench.connect(), new_order(bench)
    ref = created(bench, hv, order)
    bench.copy_by_hand(ref, f"{order.name}-copy")
    claim([seen.ref for seen in hv.find(order.stamp)] == [ref], "The copy is taken for the machine.")


@promise(18)
def discard_clears_a_half_made_machine(bench: Bench) -> None:
    """Neither machine nor disk is left of an order that was given up."""
    hv, order, before = bench.connect(), new_order(bench), (dict(bench.machines()), bench.disks())
    hv.submit(order)
    discard(bench, hv, order.stamp)
    claim((dict(bench.machines()), bench.disks()) == before, "Something is left.")


@promise(19)
def discard_clears_a_running_machine(bench: Bench) -> None:
    """An order that failed at its very last step is cleared as well."""
    hv, order, before = bench.connect(), new_order(bench), (dict(bench.machines()), bench.disks())
    created(bench, hv, order)
    discard(bench, hv, order.stamp)
    claim((dict(bench.machines()), bench.disks()) == before, "Something is left.")


@promise(20)
def discard_of_nothing_succeeds(bench: Bench) -> None:
    """Where nothing was made, nothing is cleared, and that is fine."""
    before = (dict(bench.machines()), bench.disks())
    discard(bench, bench.connect(), Stamp("conf-never", uuid4()))
    claim((dict(bench.machines()), bench.disks()) == before, "Something went away.")


@promise(21)
def discard_needs_both_parts(bench: Bench) -> None:
    """A stamp that matches only in part clears nothing."""
    hv, order = bench.connect(), new_order(bench)
    created(bench, hv, order)
    before = (dict(bench.machines()), bench.disks())
    discard(bench, hv, replace(order.stamp, uuid=uuid4()))
    discard(bench, hv, replace(order.stamp, operation="conf-other"))
    claim((dict(bench.machines()), bench.disks()) == before, "Something went away.")


@promise(22)
def after_a_discard_the_order_can_be_made(bench: Bench) -> None:
    """Nothing that was left behind stands in the way of the next attempt."""
    hv, order = bench.connect(), new_order(bench)
    hv.submit(order)
    discard(bench, hv, order.stamp)
    ref = created(bench, hv, order)
    claim(bench.machines()[ref].on, "It does not run.")


def _refused_without_trace(bench: Bench, *kinds: type[HypervisorError], **changes: object) -> None:
    """Refused at submit or by a poll; and once discarded, nothing is left."""
    before = (dict(bench.machines()), bench.disks())
    hv, order = bench.connect(), new_order(bench, **changes)
    refused(lambda: drive(bench, hv, order), *kinds)
    discard(bench, hv, order.stamp)
    claim((dict(bench.machines()), bench.disks()) == before, "Something is left.")


@promise(23)
def a_taken_name_is_refused(bench: Bench) -> None:
    """The name of another machine is NameTaken."""
    order = new_order(bench)
    bench.make_by_hand(order.name)
    _refused_without_trace(bench, NameTaken, name=order.name)


@promise(24)
def a_malformed_name_is_refused(bench: Bench) -> None:
    """A name that no hypervisor can carry is InvalidRequest."""
    _refused_without_trace(bench, InvalidRequest, name="conf/../name")
    _refused_without_trace(bench, InvalidRequest, name="")


@promise(25)
def a_disk_below_its_image_is_refused(bench: Bench) -> None:
    """A disk that is smaller than its image is InvalidRequest: nothing is cut off."""
    _refused_without_trace(bench, InvalidRequest, disk_mib=bench.image_mib - 1)


@promise(26)
def an_unknown_image_is_refused(bench: Bench) -> None:
    """An image that is not there is named as such."""
    _refused_without_trace(bench, NotFound, InvalidRequest, image_ref=f"{bench.image_ref}-gone")


@promise(27)
def an_unknown_pool_is_refused(bench: Bench) -> None:
    """A pool that is not there is named as such."""
    _refused_without_trace(bench, NotFound, InvalidRequest, pool_ref="conf-no-pool")


@promise(28)
def more_than_there_is_is_refused(bench: Bench) -> None:
    """More memory than the pool has is NoCapacity."""
    _refused_without_trace(bench, NoCapacity, memory_mib=1 << 30)
