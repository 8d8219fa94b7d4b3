"""Making a machine: cloned under a name of its own, made ready while still a template, started, and renamed at the end.

XAPI's clone is not atomic: a task without a name of ours runs first, then there is a template, then it is stamped. So a
task of our own, which says what we are about, is left at the pool before, and one that names the clone's task after.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypervisors import seeds
from hypervisors.contract import CreateMachine, MachineFacts, Power, Stamp
from hypervisors.errors import Busy, HypervisorError, InvalidRequest, NameTaken, NoCapacity, NotFound, WrongState
from hypervisors.words import check_name, holding_block
from hypervisors.xen import devices, estate, facts, mapping, marks, power, removal, seeding
from hypervisors.xen.client import Client
from hypervisors.xen.estate import Places
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import Step, Work, begin, clear, look

Record = Mapping[str, Any]

CLONED, SEEDING, STARTING = 60, 70, 80
"""Percent that are reached before each part."""
COPYING_OPERATIONS = ("clone", "copy")
QUICK = 2.0
"""Seconds in which most clones are made: so long submit waits, to stamp them at once."""
YOUNG = 5.0
"""Seconds that another worker may need from its note to its clone."""
RACES = {
    "HANDLE_INVALID", "UUID_INVALID", "VM_BAD_POWER_STATE", "PROVISION_ONLY_ALLOWED_ON_TEMPLATE", "VM_IS_TEMPLATE",
    "DEVICE_ALREADY_EXISTS", "INVALID_DEVICE", "VDI_IN_USE",
}  # fmt: skip
"""What comes back when another worker with the same order was first."""


def share(percent: int) -> int:
    """Of the whole, while it is copied."""
    return 5 + percent * (CLONED - 10) // 100


def check(order: CreateMachine) -> None:
    """What can be refused without asking the pool."""
    check_name(order.name)
    marks.check(order.stamp)
    for what, size in (("vCPUs", order.vcpus), ("memory", order.memory_mib), ("disk", order.disk_mib)):
        if size < 1:
            raise InvalidRequest(f"The machine needs more than no {what}.")
    if order.seed is not None:
        seeds.check(order.seed)


def find(client: Client, places: Places, stamp: Stamp) -> list[MachineFacts]:
    """One that is not stamped yet carries our words in its name."""
    found = []
    for ref in estate.stamped(client, stamp):
        with suppress(NotFound):
            told = facts.machine(estate.around(client, places, ref), ref)
            found.append(replace(told, uuid=stamp.uuid, stamp_operation=stamp.operation))
    return found


def advance(work: Work, order: CreateMachine) -> Step:
    check(order)
    ref = _keep_one(work, order.stamp, _known(work, order.stamp) or estate.stamped(work.client, order.stamp))
    if not ref:
        work.check_failed()
        ref_or_step = _clone(work, order)
        if isinstance(ref_or_step, Step):
            return ref_or_step
        ref = ref_or_step
    vm = work.client.record("VM", ref)
    try:
        return _make_ready(work, order, ref, vm)
    except HypervisorError as error:
        if mapping.code(error) in RACES and _changed(work.client, ref, vm):
            return Step(percent=CLONED, step="defining")
        raise


def _known(work: Work, stamp: Stamp) -> list[str]:
    """By the handle, which saves the search."""
    with suppress(NotFound):
        if uuid := work.handle.get("vm", ""):
            ref = work.client.by_uuid("VM", uuid)
            return [ref] if marks.carries(work.client.record("VM", ref), stamp) else []
    return []


def _changed(client: Client, ref: str, before: Record) -> bool:
    try:
        return client.record("VM", ref) != before
    except NotFound:
        return True


def _keep_one(work: Work, stamp: Stamp, refs: Sequence[str]) -> str:
    """Two workers may both have cloned. Both choose the same one: what got furthest, else the smallest UUID."""
    seen: list[tuple[bool, bool, str, str]] = []
    for ref in refs:
        with suppress(NotFound):
            vm = work.client.record("VM", ref)
            seen.append((bool(vm["is_a_template"]), marks.tied(vm) is None, str(vm["uuid"]), ref))
    for is_template, _, _, ref in sorted(seen)[1:]:
        if is_template:
            removal.discard_one(work, ref)
    return min(seen)[3] if seen else ""


# Cloning


class Note(NamedTuple):
    """A task of our own making. `clone` is the task that it names, once there is one."""

    ref: str
    clone: str
    created: str


def _notes(client: Client, stamp: Stamp) -> tuple[list[Note], set[str]]:
    """Those of this order, and all clones that any order's notes name."""
    own, named = [], set()
    for ref, task in client.records("task").items():
        if marks.HALF_MADE.fullmatch(str(task["name_label"])):
            named.add(str(task["name_description"]))
            if task["name_label"] == marks.working_name(stamp):
                own.append(Note(ref, str(task["name_description"]), str(task["created"])))
    return own, named


def _clone(work: Work, order: CreateMachine) -> Step | str:
    """Goes on with an earlier clone, or begins one. The reference of what was cloned, when it is there at once."""
    client = work.client
    image_ref, image = _image(client, order)
    notes, named = _notes(client, order.stamp)
    for note in notes:
        if note.clone:
            seen = look(client, note.clone)
            if seen.failed is not None and not seen.failed.retryable:
                raise seen.failed
            if seen.pending:
                return Step(task=note.clone, percent=share(seen.percent), step="copying")
            if seen.result:
                return seen.result
            clear(client, note.clone)
            clear(client, note.ref)
    old = [note for note in notes if not note.clone]
    if old:
        _wait_for_others(client, image, named, old)
        for note in old:
            clear(client, note.ref)
    _refuse_early(work, order, image)
    return _begin_clone(work, order, image_ref, image)


def _begin_clone(work: Work, order: CreateMachine, image_ref: str, image: Record) -> Step | str:
    client, name = work.client, marks.working_name(order.stamp)
    sr = _elsewhere(client, order, image)
    copying = ("VM.copy", image_ref, name, sr) if sr else ("VM.clone", image_ref, name)
    own = _announce(client, order.stamp)
    task = begin(client, *copying)
    client.call("task.create", name, task)
    clear(client, own)
    until = time.monotonic() + min(QUICK, client.target.timeout / 4)
    while time.monotonic() < until:
        seen = look(client, task)
        if seen.failed is not None:
            raise seen.failed
        if not seen.pending:
            return seen.result or Step(percent=share(100), step="copying")
        time.sleep(0.05)
    return Step(task=task, percent=share(0), step="copying")


def _announce(client: Client, stamp: Stamp) -> str:
    """Of workers that do so at once one goes on: who sees another's note takes back its own, the smallest last."""
    own = str(client.call("task.create", marks.working_name(stamp), ""))
    for _ in range(5):
        others = [note for note in _notes(client, stamp)[0] if note.ref != own]
        if not others:
            return own
        if any(note.clone or note.ref < own for note in others):
            break
        time.sleep(0.05)
    clear(client, own)
    raise Busy("Another worker is about to copy the image for this order.")


def _wait_for_others(client: Client, image: Record, named: set[str], notes: Sequence[Note]) -> None:
    """A note without a clone: a worker is about to clone, or was killed then. What it began may be under way."""
    under_way = {ref for ref, what in mapping.cells(image["current_operations"]).items() if what in COPYING_OPERATIONS}
    if under_way - named:
        raise Busy("The image is being copied; whether for this order, is seen when it is done.")
    pool = next(iter(client.records("pool").values()))
    now = mapping.when(client.call("host.get_servertime", pool["master"]))
    times = [mapping.when(note.created) for note in notes]
    if now is not None and any(made is not None and abs((now - made).total_seconds()) < YOUNG for made in times):
        raise Busy("Another worker is about to copy the image for this order.")


def _image(client: Client, order: CreateMachine) -> tuple[str, Record]:
    try:
        ref, vm = estate.lookup(client, order.image_ref)
    except NotFound as error:
        raise NotFound("The image does not exist on this pool any more.", native=error.native) from error
    if not vm["is_a_template"] or vm["is_default_template"] or facts.is_half_made(vm):
        raise InvalidRequest("This is not an image.")
    return ref, vm


def _first_disk(client: Client, vm: Record) -> Record:
    for _, _, vdi in _drives(client, vm):
        return vdi
    raise InvalidRequest("The image has no disk.")


def _drives(client: Client, vm: Record) -> list[tuple[Record, str, Record]]:
    seen = Seen()
    for ref in mapping.refs(vm["VBDs"]):
        with suppress(NotFound):
            seen.vbds[ref] = client.record("VBD", ref)
            if seen.vbds[ref]["type"] == "Disk" and seen.vbds[ref]["VDI"] != mapping.NULL:
                seen.vdis[seen.vbds[ref]["VDI"]] = client.record("VDI", seen.vbds[ref]["VDI"])
    return seen.disks(vm)


def _elsewhere(client: Client, order: CreateMachine, image: Record) -> str:
    """The storage to copy to; empty where the image's own disks lie on the one that is wanted."""
    if not order.datastore_ref:
        return ""
    sr = client.by_uuid("SR", order.datastore_ref)
    return sr if any(vdi["SR"] != sr for _, _, vdi in _drives(client, image)) else ""


def _refuse_early(work: Work, order: CreateMachine, image: Record) -> None:
    """What would fail only after the copy is asked before it."""
    client = work.client
    pool = next(iter(client.records("pool").values()))
    if pool["uuid"] != order.pool_ref:
        raise NotFound("This endpoint is another pool.")
    smallest = mapping.mib(_first_disk(client, image)["virtual_size"])
    if order.disk_mib < smallest:
        raise InvalidRequest(f"The disk is smaller than its image, which needs {smallest} MiB.")
    if order.network_ref:
        client.by_uuid("network", order.network_ref)
    _elsewhere(client, order, image)
    if max((mapping.number(one["memory_total"]) for one in client.records("host_metrics").values()), default=0) < (
        order.memory_mib * mapping.MIB
    ):
        raise NoCapacity("No host of the pool has so much memory.")
    check_free(client, order.name)


def check_free(client: Client, name: str) -> None:
    """XAPI allows a name twice; people who order by name do not."""
    for ref in client.named("VM", name):
        with suppress(NotFound):
            if facts.is_machine(client.record("VM", ref)):
                raise NameTaken(f"Another machine of the pool is called {name}.")


# What a clone becomes


def _make_ready(work: Work, order: CreateMachine, ref: str, vm: Record) -> Step:
    client, kept = work.client, {"vm": str(vm["uuid"])}
    if vm["is_a_template"]:
        seen = estate.around(client, work.places, ref, vm)
        _stamp(client, order, ref, vm)
        resize(client, ref, vm, order.vcpus, order.memory_mib)
        sr = _disk(client, order, seen.disks(vm))
        _network(work, order, ref, seen)
        seeding.attach(client, order, ref, seen, sr)
        client.call("VM.provision", ref)
        vm = client.record("VM", ref)
    elif vm["name_label"] != marks.working_name(order.stamp):
        _clear_notes(client, order.stamp)
        return Step(done=True, percent=100, step="starting", ref=kept["vm"])
    if mapping.POWER.get(vm["power_state"]) is not Power.ON:
        if work.handle.get("step") != "starting":
            work.failed = None
        return replace(power.start(work, ref, vm), percent=STARTING, step="starting", kept=kept)
    _clear_notes(client, order.stamp)
    if order.seed is not None:  # of two workers that made one, only one could attach it
        removal.clear_disks(client, client.named("VDI", marks.seed_name(order.stamp)))
    client.call("VM.set_name_label", ref, order.name)
    return Step(done=True, percent=100, step="starting", ref=kept["vm"])


def _stamp(client: Client, order: CreateMachine, ref: str, vm: Record) -> None:
    """One call for all of it. Nobody else writes here yet; what the image's own machine carried goes."""
    before = mapping.cells(vm["other_config"])
    kept = {key: value for key, value in before.items() if not key.startswith(marks.PREFIX) and key != "disks"}
    made = before.get(marks.CREATED) if marks.tied(vm) == order.stamp.uuid else None
    ours = marks.stamp(order.stamp, str(vm["uuid"])) | {key: v for key, v in marks.holding(order.holding).items() if v}
    ours[marks.CREATED] = made or datetime.now(UTC).strftime("%Y%m%dT%H:%M:%SZ")
    if kept | ours != before:
        client.call("VM.set_other_config", ref, kept | ours)
    note = holding_block(order.holding)
    if vm["name_description"] != note:
        client.call("VM.set_name_description", ref, note)


def resize(client: Client, ref: str, vm: Record, vcpus: int, memory_mib: int) -> None:
    """More vCPUs: first those that may be, then those that are; fewer: the other way round."""
    calls = [("VM.set_VCPUs_max", vm["VCPUs_max"]), ("VM.set_VCPUs_at_startup", vm["VCPUs_at_startup"])]
    for method, present in calls if vcpus >= mapping.number(vm["VCPUs_max"]) else reversed(calls):
        if mapping.number(present) != vcpus:
            client.call(method, ref, str(vcpus))
    limits = [vm[f"memory_{kind}"] for kind in ("static_min", "static_max", "dynamic_min", "dynamic_max")]
    wanted = str(memory_mib * mapping.MIB)
    if limits != [wanted] * 4:
        client.call("VM.set_memory_limits", ref, *[wanted] * 4)


def _disk(client: Client, order: CreateMachine, disks: Sequence[tuple[Record, str, Record]]) -> str:
    """The first disk gets its size, and the name by which the machine is found. Returns where it lies."""
    if not disks:
        raise WrongState("The new machine has lost its disk.")
    _, ref, vdi = disks[0]
    name = marks.working_name(order.stamp)
    if vdi["name_label"] != name:
        client.call("VDI.set_name_label", ref, name)
    wanted = order.disk_mib * mapping.MIB
    if mapping.number(vdi["virtual_size"]) < wanted:
        client.call("VDI.resize", ref, str(wanted))
    return str(vdi["SR"])


def _network(work: Work, order: CreateMachine, ref: str, seen: Seen) -> None:
    client = work.client
    cards = [(seen.vifs[vif]["device"], vif) for vif in mapping.refs(seen.vms[ref]["VIFs"]) if vif in seen.vifs]
    first = min(cards, default=("0", ""))
    if order.network_ref:
        wanted = client.by_uuid("network", order.network_ref)
    elif cards:
        return
    else:
        networks = [(str(one["name_label"]), net) for net, one in client.records("network").items()
                    if not estate.is_internal(one)]  # fmt: skip
        wanted = min(networks, default=("", ""))[1]
    if not wanted or (first[1] and seen.vifs[first[1]]["network"] == wanted):
        return
    if first[1]:
        client.call("VIF.destroy", first[1])
    devices.make_card(client, ref, wanted, device=str(first[0]))


def _clear_notes(client: Client, stamp: Stamp) -> None:
    for note in _notes(client, stamp)[0]:
        clear(client, note.ref)


def discard(client: Client, places: Places, stamp: Stamp) -> None:
    marks.check(stamp)
    work = Work(client, places, {})
    found = {ref: client.record("VM", ref) for ref in estate.stamped(client, stamp)}
    if len(found) > 1 and any(
        not vm["is_a_template"] and vm["name_label"] != marks.working_name(stamp) for vm in found.values()
    ):
        raise WrongState("A finished machine and others carry the same stamp; a person must look. Nothing was touched.")
    _stop_clones(client, stamp)
    for ref in found:
        removal.discard_one(work, ref)
    for name in (marks.working_name(stamp), marks.seed_name(stamp)):
        removal.clear_disks(client, client.named("VDI", name))
    for vm in found.values():
        removal.clear_doomed(client, str(vm["uuid"]))
    _clear_notes(client, stamp)


def _stop_clones(client: Client, stamp: Stamp) -> None:
    """Raises Busy while one may be under way."""
    notes, named = _notes(client, stamp)
    for note in notes:
        if note.clone and look(client, note.clone).pending:
            with suppress(WrongState, NotFound):
                client.call("task.cancel", note.clone)
            raise Busy("The copy of the image is being broken off.")
    if notes and not any(note.clone for note in notes):
        for vm in client.records("VM").values():
            if facts.is_half_made(vm) or not vm["is_a_template"]:
                continue
            _wait_for_others(client, vm, named, ())
