"""Making a machine: cloned under a name of its own, made ready while still a template, started, and renamed at the end.

What was done is read from the VM itself, so that any worker can go on at any point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypervisors.checks import check_creation, check_stamp
from hypervisors.contract import CreateMachine, MachineFacts, Power, Stamp
from hypervisors.errors import HypervisorError, NotFound, WrongState
from hypervisors.xen import cloning, estate, facts, fitting, mapping, marks, notes, power, removal, seeding
from hypervisors.xen.client import Client
from hypervisors.xen.estate import Places
from hypervisors.xen.work import Step, Work

Record = Mapping[str, Any]

STARTING = 80
"""Percent that are reached when it starts."""
RACES = {
    "HANDLE_INVALID", "UUID_INVALID", "VM_BAD_POWER_STATE", "PROVISION_ONLY_ALLOWED_ON_TEMPLATE", "VM_IS_TEMPLATE",
    "DEVICE_ALREADY_EXISTS", "INVALID_DEVICE", "VDI_IN_USE",
}  # fmt: skip
"""What comes back when another worker with the same order was first."""


def starting(percent: int) -> int:
    """Of the whole, while it starts."""
    return STARTING + percent * (99 - STARTING) // 100


def find(client: Client, places: Places, stamp: Stamp) -> list[MachineFacts]:
    """One that is not stamped yet carries our words in its name."""
    found = []
    for ref in estate.stamped(client, stamp):
        with suppress(NotFound):
            told = facts.machine(estate.around(client, places, ref), ref)
            found.append(replace(told, uuid=stamp.uuid, stamp_operation=stamp.operation))
    return found


def advance(work: Work, order: CreateMachine) -> Step:
    check_creation(order)
    ref = _keep_one(work, order.stamp, _known(work, order.stamp) or estate.stamped(work.client, order.stamp))
    if not ref:
        work.check_failed()
        if "vm" in work.handle:
            raise NotFound("Nothing of this machine is left.")
        ref_or_step = cloning.clone(work, order)
        if isinstance(ref_or_step, Step):
            return ref_or_step
        ref = ref_or_step
    vm = work.client.record("VM", ref)
    try:
        return _make_ready(work, order, ref, vm)
    except HypervisorError as error:
        if mapping.code(error) in RACES and _changed(work.client, ref, vm):
            return Step(percent=cloning.CLONED, step="defining")
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


def _make_ready(work: Work, order: CreateMachine, ref: str, vm: Record) -> Step:
    client, kept = work.client, {"vm": str(vm["uuid"])}
    if vm["is_a_template"]:
        seen = estate.around(client, work.places, ref, vm)
        fitting.stamp(client, order, ref, vm)
        fitting.resize(client, ref, vm, order.vcpus, order.memory_mib)
        sr = fitting.disk(client, order, seen.disks(vm))
        fitting.network(work, order, ref, seen)
        seeding.attach(client, order, ref, seen, sr)
        client.call("VM.provision", ref)
        vm = client.record("VM", ref)
    elif vm["name_label"] != marks.working_name(order.stamp):
        notes.drop(client, marks.working_name(order.stamp))
        return Step(done=True, percent=100, step="starting", ref=kept["vm"])
    if mapping.POWER.get(vm["power_state"]) is not Power.ON:
        if work.handle.get("step") != "starting":
            work.failed = None
        return replace(power.start(work, ref, vm), percent=STARTING, step="starting", kept=kept)
    notes.drop(client, marks.working_name(order.stamp))
    if order.seed is not None:  # of two workers that made one, only one could attach it
        removal.clear_disks(client, client.named("VDI", marks.seed_name(order.stamp)))
    client.call("VM.set_name_label", ref, order.name)
    return Step(done=True, percent=100, step="starting", ref=kept["vm"])


def discard(client: Client, places: Places, stamp: Stamp) -> None:
    check_stamp(stamp)
    work = Work(client, places, {})
    found = {ref: client.record("VM", ref) for ref in estate.stamped(client, stamp)}
    if len(found) > 1 and any(
        not vm["is_a_template"] and vm["name_label"] != marks.working_name(stamp) for vm in found.values()
    ):
        raise WrongState("A finished machine and others carry the same stamp; a person must look. Nothing was touched.")
    cloning.stop(client, stamp)
    for ref in found:
        removal.discard_one(work, ref)
    for name in (marks.working_name(stamp), marks.seed_name(stamp)):
        removal.clear_disks(client, client.named("VDI", name))
    for vm in found.values():
        removal.clear_doomed(client, str(vm["uuid"]))
    notes.drop(client, marks.working_name(stamp))
