"""Cloning an image under a name of our own, so that of any number of attempts one clone comes.

XAPI's clone is not atomic, and its task bears no name of ours. So a note, a task of our own making, is left at the pool
before it, and one that names the clone's task after it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from hypervisors.contract import CreateMachine, Stamp
from hypervisors.errors import Busy, InvalidRequest, NameTaken, NoCapacity, NotFound, WrongState
from hypervisors.xen import estate, facts, mapping, marks
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import Step, Work, begin, clear, look

Record = Mapping[str, Any]

CLONED = 60
"""Percent that are reached with the clone."""
COPYING_OPERATIONS = ("clone", "copy")
QUICK = 2.0
"""Seconds in which most clones are made: so long submit waits, to stamp them at once."""
YOUNG = 5.0
"""Seconds that another worker may need from its note to its clone."""


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


def clone(work: Work, order: CreateMachine) -> Step | str:
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
    if made := estate.stamped_quickly(client, order.stamp):  # by a worker that was done before we announced ourselves
        clear(client, own)
        return made[0]
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


def share(percent: int) -> int:
    """Of the whole, while it is copied."""
    return 5 + percent * (CLONED - 10) // 100


def clear_notes(client: Client, stamp: Stamp) -> None:
    for note in _notes(client, stamp)[0]:
        clear(client, note.ref)


def stop(client: Client, stamp: Stamp) -> None:
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
