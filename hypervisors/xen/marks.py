"""What we write into `other_config`, and how what others manage is told.

XAPI chooses a VM's UUID. The tie holds the VM's own UUID beside ours: a copy takes both along and has another UUID of
its own, so that its tie is broken.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypervisors import retired
from hypervisors.checks import IDENTIFIER
from hypervisors.contract import Holding, Stamp
from hypervisors.words import line
from hypervisors.xen import mapping

OPERATION, UUID_OF_OURS, TIE, CREATED = (
    "leasehold.operation", "leasehold.uuid", "leasehold.tie", "leasehold.created_at",
)  # fmt: skip
HOLDER, PURPOSE, ENDS_ON, PORTAL = (
    "leasehold.holder", "leasehold.purpose", "leasehold.ends_on", "leasehold.portal_ref",
)  # fmt: skip
KEY = "leasehold.key"
"""Of the order that made a disk or a NIC."""
ASKED = "leasehold.asked_mib"
"""Size that was last asked for a disk: storage may round it up."""
SEED = "leasehold.seed"
RETIRED = "leasehold.retired"
"""Of a disk: key of the order that retired it, and the disk's own UUID."""
PREFIX = "leasehold."
HALF_MADE = re.compile(r"lh-[a-z0-9-]{1,64}-[0-9a-f]{8}")

Record = Mapping[str, Any]


def working_name(stamp: Stamp) -> str:
    """Of a machine until it is finished, and of its first disk for good."""
    return f"lh-{stamp.operation}-{stamp.uuid.hex[:8]}"


def seed_name(stamp: Stamp) -> str:
    return f"{working_name(stamp)}-seed"


def snapshot_note(uuid: str, name: str) -> str:
    """Names of snapshots may hold anything."""
    return f"lh-snapshot-{uuid}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def device_note(uuid: str, key: str) -> str:
    """One name for disks and NICs: it is a matter of a moment."""
    return f"lh-device-{uuid}-{key}"


def doomed_name(uuid: str) -> str:
    """Of disks whose machine or snapshot is being removed: destroying one leaves its disks behind."""
    return f"lh-removing-{uuid}"


def tied(vm: Record) -> UUID | None:
    """Our UUID, while the tie holds."""
    said = mapping.cells(vm.get("other_config"))
    return mapping.uuid(said.get(UUID_OF_OURS)) if said.get(TIE) == vm["uuid"] else None


def uuid_of(vm: Record) -> UUID | None:
    return tied(vm) or mapping.uuid(vm["uuid"])


def retired_label(label: str, key: str) -> str:
    return f"{retired.PREFIX}{key}-{label}"


def retired_by(vdi: Record) -> str:
    """Key of the order that retired this disk; empty for a copy of one, and once people have given it another label."""
    key, _, uuid = mapping.cells(vdi["other_config"]).get(RETIRED, "").partition(":")
    ours = uuid == vdi["uuid"] and str(vdi["name_label"]).startswith(retired_label("", key))
    return key if ours and IDENTIFIER.fullmatch(key) else ""


def operation_of(vm: Record) -> str:
    said = mapping.cells(vm.get("other_config")).get(OPERATION, "")
    return said if IDENTIFIER.fullmatch(said) else ""


def carries(vm: Record, stamp: Stamp) -> bool:
    """Half-made ones carry it in their name before it is written."""
    if vm["is_a_template"] and vm["name_label"] == working_name(stamp):
        return True
    return operation_of(vm) == stamp.operation and uuid_of(vm) == stamp.uuid


def stamp(found: Stamp, vm_uuid: str) -> dict[str, str]:
    return {OPERATION: found.operation, UUID_OF_OURS: str(found.uuid), TIE: vm_uuid}


def holding(found: Holding) -> dict[str, str]:
    """Empty values too: what they stand for goes away."""
    said = {HOLDER: found.holder, PURPOSE: found.purpose, ENDS_ON: found.ends_on, PORTAL: found.portal_ref}
    return {key: line(value, 1000) for key, value in said.items()}


SYSTEM_DOMAIN = "is_system_domain"
OPENSTACK = "nova_uuid"
REPLICA = "xo:backup:job"
MANAGED_TAG = "managed-by:"


def managed_by(vm: Record) -> str:
    """Empty for what nobody but people manages. Appliances and high availability only start and stop what people own,
    and are no managers."""
    said = mapping.cells(vm.get("other_config"))
    if said.get(SYSTEM_DOMAIN) == "true":  # XAPI's own mark of driver and storage domains
        return "XAPI: a system domain"
    if OPENSTACK in said:  # Nova's name for its instance
        return "OpenStack"
    if REPLICA in said and "start" in mapping.cells(
        vm.get("blocked_operations")
    ):  # a backup job's, blocked from running
        return "Xen Orchestra: a replica"
    for tag in map(str, vm.get("tags") or ()):  # what a site writes on desktops of a broker, which carry no mark
        if tag.startswith(MANAGED_TAG):
            return line(tag.removeprefix(MANAGED_TAG), 100) or "another system"
    return ""


def folder(vm: Record) -> str:
    """XenCenter's folder, as it writes it."""
    return line(mapping.cells(vm.get("other_config")).get("folder", "").strip("/"))


def labels(vm: Record) -> dict[str, str]:
    """Tags, and XenCenter's custom fields."""
    field = "XenCenter.CustomFields."
    said = mapping.cells(vm.get("other_config"))
    found = {line(str(tag)): "" for tag in vm.get("tags") or ()}
    found |= {line(key.removeprefix(field)): line(value) for key, value in said.items() if key.startswith(field)}
    return {name: value for name, value in found.items() if name}
