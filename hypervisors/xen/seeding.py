"""The config drive: a small disk that cloud-init finds by its label.

XAPI wants images of CDs in a library of their own, so it is a disk. It may be written to: of machines with hardware
virtualisation XAPI starts none that has a disk for reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypervisors import seeds
from hypervisors.contract import CreateMachine, DetachSeed
from hypervisors.errors import Busy, NotFound
from hypervisors.xen import devices, estate, facts, mapping, marks, removal
from hypervisors.xen.client import Client
from hypervisors.xen.facts import Seen
from hypervisors.xen.work import DONE, Step, Work, clear, look

Record = Mapping[str, Any]


def attach(client: Client, order: CreateMachine, ref: str, seen: Seen, sr: str) -> None:
    """Made, filled and only then attached: a drive that is there holds the whole of it."""
    if order.seed is None or any(facts.is_seed(vdi) for _, _, vdi in seen.drives(seen.vms[ref])):
        return
    content = seeds.config_drive(order.seed, order.stamp.uuid)
    content += bytes(-len(content) % mapping.MIB)
    name = marks.seed_name(order.stamp)
    loose = [vdi for vdi in client.named("VDI", name) if not mapping.refs(client.record("VDI", vdi)["VBDs"])]
    vdi = loose[0] if loose else devices.make_disk(client, name, sr, len(content), {marks.SEED: order.stamp.operation})
    _fill(client, vdi, content, estate.host_with(client, sr))
    devices.make_drive(client, ref, vdi)


def _fill(client: Client, vdi: str, content: bytes, address: str) -> None:
    """How it went, only the task tells."""
    task = str(client.call("task.create", "Config drive", ""))
    try:
        client.put("/import_raw_vdi", {"vdi": vdi, "format": "raw", "task_id": task}, content, address)
        seen = look(client, task)
    finally:
        clear(client, task)
    if seen.failed is not None:
        raise seen.failed
    if seen.pending:
        raise Busy("The config drive is still being written.")


def detach(work: Work, order: DetachSeed) -> Step:
    """The drive, its disk, and the copies that snapshots hold. A person's clone is not ours to touch."""
    client = work.client
    try:
        ref, vm = estate.lookup(client, order.ref)
    except NotFound:
        removal.clear_disks(client, client.named("VDI", marks.seed_name(order.stamp)))
        return DONE
    estate.writable(vm)
    own = {ref, *mapping.refs(vm["snapshots"])}
    for vdi in client.named("VDI", marks.seed_name(order.stamp)):
        with suppress(NotFound):
            for vbd in mapping.refs(client.record("VDI", vdi)["VBDs"]):
                drive = client.record("VBD", vbd)
                if drive["VM"] not in own:
                    continue
                if drive["currently_attached"]:
                    return devices.unplug(work, "VBD", vbd)
                client.call("VBD.destroy", vbd)
            removal.clear_disks(client, [vdi])
    return DONE
