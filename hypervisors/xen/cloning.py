"""Cloning an image under a name of our own, so that of any number of attempts one clone comes.

XAPI's clone is not atomic: for a while there is only its task, which bears no name of ours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from hypervisors.contract import CreateMachine, Stamp
from hypervisors.errors import Busy, InvalidRequest, NameTaken, NoCapacity, NotFound, WrongState
from hypervisors.xen import estate, facts, mapping, marks, notes
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import Look, Step, Work, look

Record = Mapping[str, Any]

CLONED = 60
"""Percent that are reached with the clone."""
COPYING_OPERATIONS = ("clone", "copy")
QUICK = 2.0
"""Seconds in which most clones are made: so long submit waits, to stamp them at once."""


def clone(work: Work, order: CreateMachine) -> Step | str:
    """Goes on with an earlier clone, or begins one. The reference of what was cloned, when it is there at once."""
    client, name = work.client, marks.working_name(order.stamp)
    image_ref, image = _image(client, order)

    def call() -> Sequence[object]:
        _refuse_early(work, order, image)
        sr = _elsewhere(client, order, image)
        return ("VM.copy", image_ref, name, sr) if sr else ("VM.clone", image_ref, name)

    task, seen = notes.once(
        client, name, call,
        made=lambda: bool(estate.stamped_quickly(client, order.stamp)),
        under_way=lambda named: bool(_copies(image) - named),
    )  # fmt: skip
    if not task:
        raise Busy("Another worker has just made this machine.")
    return _cloned(client, task, seen or Look(pending=True))


def _cloned(client: Client, task: str, seen: Look) -> Step | str:
    until = time.monotonic() + min(QUICK, client.target.timeout / 4)
    while seen.pending and time.monotonic() < until:
        time.sleep(0.05)
        seen = look(client, task)
    if seen.failed is not None:
        raise seen.failed
    if seen.pending:
        return Step(task=task, percent=share(seen.percent), step="copying")
    return seen.result or Step(percent=share(100), step="copying")


def _copies(image: Record) -> set[str]:
    """Tasks that copy it."""
    return {ref for ref, what in mapping.cells(image["current_operations"]).items() if what in COPYING_OPERATIONS}


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


def stop(client: Client, stamp: Stamp) -> None:
    """Raises Busy while a copy may be under way."""
    own, named = notes.of(client, marks.working_name(stamp))
    for note in own:
        if note.task and look(client, note.task).pending:
            with suppress(WrongState, NotFound):
                client.call("task.cancel", note.task)
            raise Busy("The copy of the image is being broken off.")
    if own and not any(note.task for note in own):
        images = [vm for vm in client.records("VM").values() if vm["is_a_template"] and not facts.is_half_made(vm)]
        if any(_copies(vm) - named for vm in images):
            raise Busy("An image is being copied; whether for this order, is seen when it is done.")
