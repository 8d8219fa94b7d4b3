"""A machine's properties, and what we make of them. No text is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pyVmomi import vim

from hypervisors.contract import DiskFacts, MachineFacts, NicFacts, Power, SnapshotFacts
from hypervisors.vmware.events import Maker
from hypervisors.vmware.mapping import POWER, managed_by, unescaped
from hypervisors.vmware.rows import Row, reference
from hypervisors.words import block, foreign_part, line

SIGNS = (
    "name",
    "parent",
    "runtime.host",
    "runtime.powerState",
    "config.template",
    "config.changeVersion",
    "config.modified",
    "guest.ipAddress",
    "guest.hostName",
    "snapshot",
    "customValue",
)
"""Read of every machine in every sweep: cheap, and together they move whenever anything of it does."""
DETAILS = (
    "runtime.connectionState",
    "config.instanceUuid",
    "config.hardware.numCPU",
    "config.hardware.numCoresPerSocket",
    "config.hardware.memoryMB",
    "config.hardware.device",
    "config.annotation",
    "config.extraConfig",
    "config.managedBy",
    "guest.net",
)
"""Read only where a sign moved: four fifths of the work is the list of devices."""
NEEDED = frozenset({"name", "runtime.powerState", "config.instanceUuid", "config.hardware.device"})
"""What a machine cannot be told without."""

OPERATION, UUID_KEY, MADE_AT, STAGE = "leasehold.operation", "leasehold.uuid", "leasehold.created", "leasehold.stage"
"""Keys of a machine's extra configuration."""
FIELDS = ("Leasehold holder", "Leasehold purpose", "Leasehold until")
"""Custom fields that are ours."""
KEYED = "leasehold-disk-"
"""What the file of a disk begins with that an AddDisk made; its key follows."""


def paths(*, dated: bool) -> tuple[str, ...]:
    """Of one machine in full. Servers before 6.7 do not know when a machine was made."""
    return (*SIGNS, *DETAILS, *(("config.createDate",) if dated else ()))


@dataclass(frozen=True)
class Known:
    """What is known of the estate when a machine's facts are put together."""

    clusters: Mapping[str, str] = field(default_factory=dict)
    """Host -> the cluster that it is in."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Folder -> its path, as people see it."""
    fields: Mapping[int, str] = field(default_factory=dict)
    """Custom fields, by key."""
    makers: Mapping[str, Maker] = field(default_factory=dict)


def signs(row: Row) -> tuple[object, ...]:
    """What differs when the machine does."""
    return tuple(_plain(row.get(path)) for path in SIGNS)


def _plain(found: Any) -> object:
    if isinstance(found, vim.vm.SnapshotInfo):
        return tuple((one.ref, one.name, one.parent_ref) for one in snapshots(found))
    if isinstance(found, list):
        return tuple((one.key, one.value) for one in found)
    return found if isinstance(found, str | bool | None) else reference(found) or str(found)


def facts(row: Row, known: Known) -> MachineFacts:
    host = reference(row.get("runtime.host"))
    extra = extra_config(row)
    name = unescaped(row.get("name", ""))
    power = POWER.get(str(row.get("runtime.powerState")), Power.UNKNOWN)
    manager = row.get("config.managedBy")
    maker = known.makers.get(row.ref, Maker())
    return MachineFacts(
        ref=row.ref,
        uuid=uuid_of(row),
        name=line(name),
        power=power,
        vcpus=row.get("config.hardware.numCPU", 0),
        memory_mib=row.get("config.hardware.memoryMB", 0),
        disks=[disk_facts(disk) for disk in disks(row)],
        pool_ref=known.clusters.get(host, ""),
        host_ref=host,
        addresses=_addresses(row),
        guest_name=line(row.get("guest.hostName") or ""),
        note=block(foreign_part(row.get("config.annotation") or "")),
        created_at=_created(row.get("config.createDate"), extra.get(MADE_AT, ""), maker.at),
        created_by=maker.who,
        managed_by=managed_by(name, *((manager.extensionKey, manager.type) if manager else ("", ""))),
        is_template=bool(row.get("config.template")),
        stamp_operation=line(extra.get(OPERATION, ""), 64),
        nics=[nic_facts(card, on=power is Power.ON) for card in cards(row)],
        snapshots=list(snapshots(row.get("snapshot"))),
        folder=line(known.folders.get(reference(row.get("parent")), "")),
        labels=_labels(row.get("customValue"), known.fields),
    )


def extra_config(row: Row) -> dict[str, str]:
    return {one.key: str(one.value) for one in row.get("config.extraConfig") or ()}


def uuid_of(row: Row) -> UUID | None:
    try:
        return UUID(row.get("config.instanceUuid") or "")
    except ValueError:
        return None


def devices(row: Row, kind: type[Any]) -> Iterator[Any]:
    return (device for device in row.get("config.hardware.device") or () if isinstance(device, kind))


def disks(row: Row) -> list[Any]:
    """The first of them is the one that the machine starts from."""
    return list(devices(row, vim.vm.device.VirtualDisk))


def cards(row: Row) -> list[Any]:
    return list(devices(row, vim.vm.device.VirtualEthernetCard))


def chain(disk: Any) -> list[str]:
    """Paths of a disk's file and of those that it lies on, down to the lowest."""
    found, backing = [], disk.backing
    while backing is not None:
        found.append(getattr(backing, "fileName", None) or "")
        backing = getattr(backing, "parent", None)
    return [path for path in found if path]


def disk_ref(disk: Any) -> str:
    """Its place in the machine may be taken by another one day, and its file changes with each snapshot: both together,
    with what stays of the file, name one disk for as long as the machine has it."""
    lowest = next(reversed(chain(disk)), "")
    return f"{disk.key}:{getattr(disk.backing, 'uuid', None) or lowest}"


def mib(disk: Any) -> int:
    return int(disk.capacityInBytes or disk.capacityInKB * 1024) // (1 << 20)


def disk_facts(disk: Any) -> DiskFacts:
    file = next(iter(chain(disk)), "")
    lowest = next(reversed(chain(disk)), "").rpartition("/")[2].removesuffix(".vmdk")
    return DiskFacts(
        ref=disk_ref(disk),
        name=line(file.rpartition("/")[2]),
        size_mib=mib(disk),
        datastore_ref=reference(getattr(disk.backing, "datastore", None)),
        key=lowest.removeprefix(KEYED) if lowest.startswith(KEYED) else "",
    )


def nic_ref(card: Any) -> str:
    return f"{card.key}:{(card.macAddress or '').lower()}"


def nic_facts(card: Any, *, on: bool) -> NicFacts:
    """The NIC of a machine that is off is as it will be when that starts."""
    plug = card.connectable
    return NicFacts(
        ref=nic_ref(card),
        mac=(card.macAddress or "").lower(),
        network_ref=_network_of(card.backing),
        connected=plug is None or bool(plug.connected if on else plug.startConnected),
    )


def _network_of(backing: Any) -> str:
    if isinstance(backing, vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo):
        return f"DistributedVirtualPortgroup:{backing.port.portgroupKey}"
    return network_ref(getattr(backing, "network", None))


def network_ref(network: Any) -> str:
    """Networks are of several kinds, and a call has to name the right one."""
    return f"{type(network).__name__.rpartition('.')[2]}:{reference(network)}" if network is not None else ""


def snapshots(info: Any) -> Iterator[SnapshotFacts]:
    """Oldest first: a child follows its parent."""
    found = [] if info is None else list(_tree(info.rootSnapshotList or (), ""))
    return iter(sorted(found, key=lambda one: one.created_at or datetime.min.replace(tzinfo=UTC)))


def _tree(nodes: Iterable[Any], parent: str) -> Iterator[SnapshotFacts]:
    for node in nodes:
        ref = reference(node.snapshot)
        yield SnapshotFacts(
            ref=ref,
            name=line(unescaped(node.name)),
            created_at=node.createTime.astimezone(UTC) if node.createTime else None,
            parent_ref=parent,
            with_memory=str(node.state) != "poweredOff",
        )
        yield from _tree(node.childSnapshotList or (), ref)


def _addresses(row: Row) -> Sequence[str]:
    told = [address for card in row.get("guest.net") or () for address in card.ipAddress or ()]
    first = row.get("guest.ipAddress")
    return [line(address, 64) for address in dict.fromkeys([*([first] if first else []), *told])]


def _created(told: datetime | None, ours: str, event: datetime | None) -> datetime | None:
    """What the server tells, what we wrote when we made it, or the event of its making."""
    try:
        written = datetime.fromisoformat(ours)
    except ValueError:
        written = None
    found = told or (written if written and written.tzinfo else None) or event
    return found.astimezone(UTC) if found else None


def _labels(values: Any, fields: Mapping[int, str]) -> dict[str, str]:
    told = {fields.get(one.key, ""): line(one.value or "") for one in values or ()}
    return {line(name): value for name, value in told.items() if name and name not in FIELDS}
