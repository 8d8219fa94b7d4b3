"""Snapshots of all disks of a machine, without its memory."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim

from hypervisors.contract import RemoveSnapshot, RevertSnapshot, SnapshotFacts, TakeSnapshot
from hypervisors.errors import InvalidRequest, NotFound
from hypervisors.vmware import machines
from hypervisors.vmware.mapping import escaped
from hypervisors.vmware.verbs import Target, Verb
from hypervisors.words import line


def _all(target: Target) -> list[SnapshotFacts]:
    return list(machines.snapshots(target.row.get("snapshot")))


def _is_taken(target: Target, order: TakeSnapshot) -> str | None:
    return next((one.ref for one in _all(target) if one.name == order.name), None)


def _check_name(order: TakeSnapshot) -> None:
    if not order.name.strip() or order.name != line(order.name, 80):
        raise InvalidRequest("A snapshot needs a name of one line, 80 characters at the most.")


def _take(target: Target, order: TakeSnapshot) -> Any:
    return target.vm.CreateSnapshot_Task(escaped(order.name), "", False, False)


def _surplus(target: Target, order: TakeSnapshot, made: str) -> Any:
    """A vCenter takes two snapshots of one name: the older one counts, and ours goes if it is not that."""
    refs = [one.ref for one in _all(target) if one.name == order.name]
    if made not in refs[1:]:
        return None
    return target.client.object(vim.vm.Snapshot, made).RemoveSnapshot_Task(False, True)


def _revert(target: Target, order: RevertSnapshot) -> Any:
    if order.snapshot_ref not in {one.ref for one in _all(target)}:
        raise NotFound("The machine has no such snapshot.")
    return target.client.object(vim.vm.Snapshot, order.snapshot_ref).RevertToSnapshot_Task(None, None)


def _is_gone(target: Target, order: RemoveSnapshot) -> str | None:
    return "" if order.snapshot_ref not in {one.ref for one in _all(target)} else None


def _remove(target: Target, order: RemoveSnapshot) -> Any:
    """Its children stay, and lie on what was before it."""
    return target.client.object(vim.vm.Snapshot, order.snapshot_ref).RemoveSnapshot_Task(False, True)


def _never(_target: Target, _order: object) -> None:
    """A machine does not show how often it was reverted."""


TAKE = Verb("snapshot", _is_taken, _take, check=_check_name, surplus=_surplus)
REVERT = Verb("reverting", _never, _revert, once=True)
REMOVE = Verb("snapshot", _is_gone, _remove)
