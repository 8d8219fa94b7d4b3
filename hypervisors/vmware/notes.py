"""The holding on the machine itself: our part of its notes, our custom fields, our stamp. What others wrote stays."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pyVmomi import vim

from hypervisors.contract import Annotate, DetachSeed, Holding
from hypervisors.errors import InvalidRequest
from hypervisors.seeds import GUESTINFO, guestinfo_spent
from hypervisors.vmware import machines, places
from hypervisors.vmware.client import where_allowed
from hypervisors.vmware.shape import reconfigure
from hypervisors.vmware.verbs import Target, Verb
from hypervisors.words import line, with_holding

logger = logging.getLogger(__name__)


def options(values: Mapping[str, str]) -> list[Any]:
    return [vim.option.OptionValue(key=key, value=value) for key, value in values.items()]


def _wanted(target: Target, order: Annotate) -> tuple[str, dict[str, str]]:
    """Notes and keys as they should be."""
    note = with_holding(target.row.get("config.annotation") or "", order.holding)
    if order.stamp is None:
        return note, {}
    return note, {machines.OPERATION: order.stamp.operation, machines.UUID_KEY: str(order.stamp.uuid)}


def _is_annotated(target: Target, order: Annotate) -> str | None:
    if order.stamp is not None and machines.uuid_of(target.row) != order.stamp.uuid:
        raise InvalidRequest("The stamp belongs to another machine; nothing was written.")
    note, keys = _wanted(target, order)
    now = machines.extra_config(target.row)
    if note != target.row.get("config.annotation") or any(now.get(key) != value for key, value in keys.items()):
        return None
    fill_fields(target, order.holding)
    return ""


def _annotate(target: Target, order: Annotate) -> Any:
    note, keys = _wanted(target, order)
    return reconfigure(target, annotation=note, extraConfig=options(keys))


def fill_fields(target: Target, holding: Holding) -> None:
    """Where the account may not, the notes alone have to do."""
    manager = target.client.content.customFieldsManager
    if manager is None:
        return
    values = dict(zip(machines.FIELDS, (holding.holder, holding.purpose, holding.ends_on), strict=True))
    known = {name: key for key, name in places.custom_fields(target.client).items()}
    now = {one.key: one.value for one in target.row.get("customValue") or ()}
    with where_allowed():
        for name, value in values.items():
            if name not in known:
                known[name] = _defined(target, manager, name)
            if now.get(known[name]) != line(value):
                manager.SetField(target.vm, known[name], line(value))


def _defined(target: Target, manager: Any, name: str) -> int:
    """Another worker may define it at the same moment."""
    try:
        return int(manager.AddCustomFieldDef(name, vim.VirtualMachine, None, None).key)
    except vim.fault.DuplicateName:
        return next(key for key, found in places.custom_fields(target.client).items() if found == name)


def _is_detached(target: Target, order: DetachSeed) -> str | None:
    now = {key: value for key, value in machines.extra_config(target.row).items() if key in GUESTINFO and value}
    spent = {key: value for key, value in guestinfo_spent(order.stamp.uuid).items() if value}
    return "" if now in ({}, spent) else None


def _detach(target: Target, order: DetachSeed) -> Any:
    return reconfigure(target, extraConfig=options(guestinfo_spent(order.stamp.uuid)))


ANNOTATE = Verb("annotating", _is_annotated, _annotate)
DETACH_SEED = Verb("seeding", _is_detached, _detach)
