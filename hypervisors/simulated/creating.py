"""A new machine, step by step. What was done is read from the machine itself, so any process can go on at any point.

The clone is made under a name derived from the stamp, which the data centre gives out once: two submits at the same
moment cannot both get it. The last step gives the machine the wanted name; until then the name says "unfinished".
"""

from __future__ import annotations

from hypervisors import seeds
from hypervisors.contract import CreateMachine, Handle, Progress, Stamp
from hypervisors.simulated import mapping, tasks
from hypervisors.simulated.client import Client, Seen
from hypervisors.simulated.faults import NativeFault


def working_name(stamp: Stamp) -> str:
    """At most 76 characters: room enough for the longest operation."""
    return f"lh-{stamp.operation}-{stamp.uuid.hex[:8]}"


def find(client: Client, stamp: Stamp) -> list[Seen]:
    return client.find(stamp=stamp.operation, uuid=str(stamp.uuid))


def submit(client: Client, order: CreateMachine) -> Handle:
    """Goes on with what an earlier submit left, or starts the clone."""
    found = find(client, order.stamp)
    if found:
        return _handle(client, found)
    _refuse_early(client, order)
    for disk in client.loose_disks(f"{working_name(order.stamp)}/"):
        client.delete_disk(disk)
    try:
        task, ref = client.clone(
            order.image_ref, name=working_name(order.stamp), uuid=str(order.stamp.uuid), stamp=order.stamp.operation,
            pool_ref=order.pool_ref, network_ref=order.network_ref, datastore_ref=order.datastore_ref,
        )  # fmt: skip
    except NativeFault as fault:
        if fault.code != "duplicate_name":
            raise
        # Another submit of the same order came first: its machine is ours too.
        found = find(client, order.stamp)
        if not found:
            raise
        return _handle(client, found)
    return _keep_one(client, order.stamp, task=task, ref=ref)


def _handle(client: Client, found: list[Seen]) -> Handle:
    ref = found[0].row["ref"]
    task = client.task("", target=ref, kind="clone")
    return {"machine": ref} if task is None else {"machine": ref, "task": task["ref"]}


def _refuse_early(client: Client, order: CreateMachine) -> None:
    """What would fail only after the long copy is asked before it."""
    client.check_name(order.name)
    if order.seed is not None:
        seeds.check(order.seed)
    if order.datastore_ref and all(row["ref"] != order.datastore_ref for row in client.datastores()):
        raise NativeFault("not_found", f"The datastore {order.datastore_ref} does not exist.")
    image = next((row for row in client.images() if row["ref"] == order.image_ref), None)
    if image is None:
        raise NativeFault("not_found", f"The image {order.image_ref} does not exist.")
    if order.disk_mib < image["disk_mib"]:
        raise NativeFault("invalid_size", f"The image needs {image['disk_mib']} MiB of disk.")
    if order.vcpus < 1 or order.memory_mib < 4:
        raise NativeFault("invalid_size", "A machine needs at least one vCPU and 4 MiB of memory.")
    if order.memory_mib > client.free_memory(order.pool_ref):
        raise NativeFault("no_memory", f"{order.memory_mib} MiB of memory are not free in this pool.")


def _keep_one(client: Client, stamp: Stamp, *, task: str, ref: str) -> Handle:
    """Another submit may have finished, and given the name back, between our look and our clone: then ours goes.

    Only one of the two can be in this place: whoever made the other one is past its last step.
    """
    others = [seen for seen in find(client, stamp) if seen.row["ref"] != ref]
    if not others:
        return {"machine": ref, "task": task}
    if (running := client.task(task)) is not None and running["state"] == "running":
        client.cancel(task)
    else:
        client.remove(ref)
    return _handle(client, others)


def poll(client: Client, order: CreateMachine, handle: Handle) -> Progress:
    """Takes the next step that the machine's own state asks for."""
    found = find(client, order.stamp)
    if not found:
        raise _why_gone(client, handle)
    row = next((seen.row for seen in found if seen.row["ref"] == handle.get("machine")), found[0].row)
    if row["building"]:
        task = client.task(handle.get("task", ""), target=row["ref"], kind="clone")
        percent = tasks.percent(task, now=client.now()) if task is not None else 0
        return Progress(False, 5 + percent * 85 // 100, "copying" if percent else "placing")
    if row["name"] != working_name(order.stamp):
        return Progress(True, 100, "starting", row["ref"])
    return _step_or_join(client, order, next(seen for seen in found if seen.row["ref"] == row["ref"]))


def _step_or_join(client: Client, order: CreateMachine, seen: Seen) -> Progress:
    try:
        return _step(client, order, seen)
    except NativeFault as fault:
        ref = seen.row["ref"]
        if fault.code != "wrong_state":
            raise
        # Another worker with the same order may have taken this step since we looked.
        if tuple(client.machine(ref).row) == tuple(seen.row) and client.task("", target=ref) is None:
            raise
        return Progress(False, 96, "starting")


def _step(client: Client, order: CreateMachine, seen: Seen) -> Progress:
    row, ref = seen.row, seen.row["ref"]
    if row["power"] != "on" and client.task("", target=ref, kind="power_on") is not None:
        return Progress(False, 96, "starting")
    if row["power"] == "off" and not _has_size(order, seen):
        client.reconfigure(
            ref, vcpus=order.vcpus, memory_mib=order.memory_mib, disk_mib=order.disk_mib, hostname=_hostname(order)
        )
        return Progress(False, 92, "defining")
    if row["power"] == "off" and order.seed is not None and row["seed"] != mapping.seed_text(order.seed):
        client.put_seed(ref, mapping.seed_text(order.seed))
        return Progress(False, 93, "seeding")
    if not mapping.carries(row, order.holding):
        client.annotate(ref, mapping.fields(order.holding))
        return Progress(False, 94, "annotating")
    if row["power"] != "on":
        client.power_on(ref)
        return Progress(False, 96, "starting")
    client.rename(ref, order.name)
    return Progress(True, 100, "starting", ref)


def _hostname(order: CreateMachine) -> str:
    """What the guest calls itself, once it has read its seed."""
    return order.seed.hostname if order.seed else order.name


def _has_size(order: CreateMachine, seen: Seen) -> bool:
    row = seen.row
    has = (row["vcpus"], row["memory_mib"], seen.disks[0]["size_mib"] if seen.disks else 0, row["guest_name"])
    return has == (order.vcpus, order.memory_mib, order.disk_mib, _hostname(order))


def _why_gone(client: Client, handle: Handle) -> NativeFault:
    task = client.task(handle.get("task", ""))
    if task is not None and task["state"] == "error":
        return NativeFault(task["code"], task["message"])
    return NativeFault("not_found", "Nothing of this machine is left.")


def discard(client: Client, stamp: Stamp) -> None:
    """Starts or goes on with the clearing; busy until nothing is left."""
    found = find(client, stamp)
    if len(found) > 1 and any(seen.row["name"] != working_name(stamp) for seen in found):
        raise NativeFault("doubles", "A finished machine and others carry the same stamp and UUID.")
    for seen in found:
        _clear(client, seen)
    if found and find(client, stamp):
        raise NativeFault("busy", "Still clearing away.")
    for disk in client.loose_disks(f"{working_name(stamp)}/"):
        client.delete_disk(disk)


def _clear(client: Client, seen: Seen) -> None:
    """The next step towards nothing, unless one is under way, or came to its end since we looked."""
    row, ref = seen.row, seen.row["ref"]
    task = client.task("", target=ref)
    try:
        if task is not None:
            if task["kind"] == "clone":
                client.cancel(task["ref"])
        elif row["power"] != "off":
            client.power_off(ref)
        else:
            client.remove(ref)
    except NativeFault as fault:
        if fault.code not in {"not_found", "wrong_state"} or _still_as(client, seen):
            raise


def _still_as(client: Client, seen: Seen) -> bool:
    try:
        return tuple(client.machine(seen.row["ref"]).row) == tuple(seen.row)
    except NativeFault as fault:
        if fault.code != "not_found":
            raise
        return False
