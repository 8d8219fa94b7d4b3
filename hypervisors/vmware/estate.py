"""What is there: one look at everything, machines that changed, single machines. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim

from hypervisors.contract import (
    Changes,
    DatastoreFacts,
    HostFacts,
    ImageFacts,
    Inventory,
    MachineFacts,
    NetworkFacts,
    PoolFacts,
    Stamp,
)
from hypervisors.errors import NotFound
from hypervisors.marks import changed, mark, pack, unpack
from hypervisors.vmware import machines
from hypervisors.vmware.client import Client
from hypervisors.vmware.events import makers
from hypervisors.vmware.machines import Known
from hypervisors.vmware.mapping import unescaped
from hypervisors.vmware.places import custom_fields, folder_paths, machine_folders, pool_ref, upwards
from hypervisors.vmware.rows import Row, Wanted, reference
from hypervisors.words import line

MIB = 1 << 20
AROUND: Mapping[type[Any], Sequence[str]] = {
    vim.HostSystem: (
        "name",
        "parent",
        "hardware.cpuInfo.numCpuThreads",
        "hardware.memorySize",
        "runtime.connectionState",
        "runtime.inMaintenanceMode",
    ),
    vim.ComputeResource: ("name",),
    vim.Folder: ("name", "parent"),
    vim.Datacenter: ("name", "parent"),
    vim.Network: ("name", "tag"),
    vim.Datastore: (
        "name",
        "summary.capacity",
        "summary.freeSpace",
        "summary.multipleHostAccess",
        "summary.url",
        "info",
    ),
}
"""Everything that is not a machine, in one view."""
PLACES: Mapping[type[Any], Sequence[str]] = dict.fromkeys(
    (vim.HostSystem, vim.Folder, vim.Datacenter), ("name", "parent")
)
"""As much of it as a machine's facts need."""


@dataclass
class Scan:
    """What was read beside the machines."""

    rows: Sequence[Row]
    gaps: list[str] = field(default_factory=list)

    def of(self, *kinds: str) -> Iterator[Row]:
        return (row for row in self.rows if row.kind in kinds)

    def known(self, client: Client, refs: Iterable[str]) -> Known:
        """What the facts of these machines need."""
        clusters = {row.ref: pool_ref(row.get("parent")) for row in self.of("HostSystem")}
        return Known(
            clusters,
            folder_paths(self.of("Folder", "Datacenter", "StoragePod")),
            custom_fields(client),
            makers(client, refs),
        )


def inventory(client: Client) -> Inventory:
    scan, refs = _everything(client, AROUND)
    known = scan.known(client, refs)
    now, told = {}, []
    for row in _details(client, refs, scan.gaps):
        told.append(machines.facts(row, known))
        if not row.get("config.template"):
            now[row.ref] = mark(machines.signs(row))
    return Inventory(
        pools=[PoolFacts(kinded(row), line(unescaped(row.get("name", "")))) for row in scan.of(*POOLS)],
        hosts=[_host(row) for row in scan.of("HostSystem")],
        datastores=[_datastore(row) for row in scan.of("Datastore")],
        networks=[_network(row) for row in scan.of(*NETS) if takes_machines(row)],
        images=[_image(one) for one in told if one.is_template],
        machines=[one for one in told if not one.is_template],
        complete=not scan.gaps,
        gaps=scan.gaps,
        token=pack(now),
    )


UPLINKS = "SYSTEM/DVS.UPLINKPG"
POOLS = ("ClusterComputeResource", "ComputeResource")
NETS = ("Network", "DistributedVirtualPortgroup", "OpaqueNetwork")


def _everything(client: Client, around: Mapping[type[Any], Sequence[str]]) -> tuple[Scan, list[str]]:
    """What is around the machines, and the machines by reference."""
    with client.view(vim.VirtualMachine, *around) as view:
        scan = Scan(list(client.read(client.through(view, around, list_too=True))))
    listed = next(row.get("view", ()) for row in scan.of("ContainerView"))
    return scan, [reference(one) for one in listed if isinstance(one, vim.VirtualMachine)]


def changes(client: Client, token: str) -> Changes:
    before = unpack(token)
    return _whole(client) if before is None else _changed(client, before)


def _whole(client: Client) -> Changes:
    scan, refs = _everything(client, PLACES)
    known, now, told = scan.known(client, refs), {}, []
    for row in _details(client, refs, scan.gaps):
        if not row.get("config.template"):
            now[row.ref] = mark(machines.signs(row))
            told.append(machines.facts(row, known))
    return Changes(token=pack(now), whole=True, machines=told, complete=not scan.gaps, gaps=scan.gaps)


def _changed(client: Client, before: Mapping[str, str]) -> Changes:
    """Signs of all machines, in one look; details only of those whose signs are not those that were marked."""
    with client.view(vim.VirtualMachine, *PLACES) as view:
        rows = client.read(client.through(view, {vim.VirtualMachine: machines.SIGNS, **PLACES}))
        scan = Scan(list(rows))
    now = {row.ref: mark(machines.signs(row)) for row in scan.of("VirtualMachine") if not row.get("config.template")}
    moved, gone = changed(before, now)
    known = scan.known(client, moved) if moved else Known()
    told = [machines.facts(row, known) for row in _details(client, moved, scan.gaps)]
    unread = dict.fromkeys(set(moved) - {one.ref for one in told}, UNREAD)
    return Changes(
        token=pack(now | unread),
        whole=False,
        machines=[one for one in told if not one.is_template],
        gone=gone,
        complete=not scan.gaps,
        gaps=scan.gaps,
    )


UNREAD = "?"
"""Mark of a machine that could not be read: whatever it is next time, it has changed."""


def machine(client: Client, ref: str) -> MachineFacts:
    """Raises NotFound."""
    return told(client, [row_of(client, ref)])[0]


def row_of(client: Client, ref: str, more: Sequence[str] = ()) -> Row:
    """All of one machine. Raises NotFound for what is none."""
    machine = client.object(vim.VirtualMachine, ref)
    row = client.read_one(machine, (*full(client), *more)) if is_plain(ref) else None
    if row is None or "name" not in row.props:
        raise NotFound("There is no such machine on this vCenter.")
    return row


def is_plain(ref: str) -> bool:
    """It may be a reference; what is not need not be asked for."""
    return ref.isascii() and ref.isprintable() and 0 < len(ref) <= 200


def found(client: Client, stamp: Stamp) -> list[Row]:
    """Machines with this stamp: by our UUID, which a vCenter allows once, else by the name of a half-made one."""
    by_uuid = client.find_uuid(str(stamp.uuid))
    refs = [reference(by_uuid)] if by_uuid is not None else [reference(one) for one in half_made(client, stamp)]
    rows = client.read_chunks(vim.VirtualMachine, refs, full(client)) if refs else ()
    return [row for row in rows if carries(row, stamp)]


def half_made(client: Client, stamp: Stamp) -> Iterator[Any]:
    for folder in client.keep("folders", lambda: machine_folders(client)):
        one = client.find_child(folder, temporary_name(stamp))
        if isinstance(one, vim.VirtualMachine):
            yield one


def temporary_name(stamp: Stamp) -> str:
    """Of a machine that is being made; it follows from the order, so that it is found whatever was lost."""
    return f"lh-{stamp.operation}"


def carries(row: Row, stamp: Stamp) -> bool:
    """Operation and UUID both; or it is being copied under our name, and has no configuration to tell by yet."""
    if "config.instanceUuid" not in row.props:
        return unescaped(row.get("name", "")) == temporary_name(stamp)
    extra = machines.extra_config(row)
    return extra.get(machines.OPERATION) == stamp.operation and machines.uuid_of(row) == stamp.uuid


def told(client: Client, rows: Sequence[Row]) -> list[MachineFacts]:
    """Facts of a few machines that were read one by one."""
    known = _around(client, [row.ref for row in rows]) if rows else Known()
    return [machines.facts(row, known) for row in rows]


def _around(client: Client, refs: Sequence[str]) -> Known:
    """What the facts of a few machines need of their hosts and folders, by following the references upwards."""
    ways = [
        client.way(vim.VirtualMachine, "runtime.host"),
        client.way(vim.VirtualMachine, "parent", selectSet=upwards()),
    ]
    objects = [client.object(vim.VirtualMachine, ref) for ref in refs]
    rows = list(client.read(Wanted(objects, PLACES, ways, skip=True)))
    return Scan(rows).known(client, refs)


def full(client: Client) -> tuple[str, ...]:
    return machines.paths(dated=client.knows_creation)


def _details(client: Client, refs: Sequence[str], gaps: list[str]) -> Iterator[Row]:
    """What is there without a configuration is being made; it is a machine when that is over."""
    for row in client.read_chunks(vim.VirtualMachine, refs, full(client)):
        if lacking := machines.NEEDED & row.missing.keys():
            gaps.append(f"Machine {row.ref} could not be read: {row.missing[min(lacking)]}.")
        elif "config.hardware.device" in row.props:
            yield row
        elif (state := row.get("runtime.connectionState", "connected")) != "connected":
            gaps.append(f"Machine {row.ref} could not be read: it is {state}.")


def kinded(row: Row) -> str:
    """A reference that names its kind, for objects of which there are several."""
    return f"{row.kind}:{row.ref}"


def _host(row: Row) -> HostFacts:
    return HostFacts(
        ref=row.ref,
        name=line(unescaped(row.get("name", ""))),
        pool_ref=pool_ref(row.get("parent")),
        cpus=row.get("hardware.cpuInfo.numCpuThreads", 0),
        memory_mib=row.get("hardware.memorySize", 0) // MIB,
        connected=row.get("runtime.connectionState") == "connected" and not row.get("runtime.inMaintenanceMode"),
    )


def _datastore(row: Row) -> DatastoreFacts:
    return DatastoreFacts(
        ref=row.ref,
        name=line(unescaped(row.get("name", ""))),
        capacity_mib=row.get("summary.capacity", 0) // MIB,
        free_mib=row.get("summary.freeSpace", 0) // MIB,
        identity=identity(row.get("info")),
        shared=bool(row.get("summary.multipleHostAccess")),
    )


def identity(info: Any) -> str:
    """A file system's own UUID, or the share that is mounted; local folders cannot be told apart from elsewhere."""
    if isinstance(info, vim.host.VmfsDatastoreInfo) and info.vmfs is not None:
        return line(f"vmfs:{info.vmfs.uuid}")
    if isinstance(info, vim.host.NasDatastoreInfo) and info.nas is not None:
        return line(f"nfs:{info.nas.remoteHost}:{info.nas.remotePath}")
    return line(f"vsan:{info.url}") if isinstance(info, vim.host.VsanDatastoreInfo) else ""


def takes_machines(network: Row) -> bool:
    """The ports by which a switch reaches the world are a network too, which no machine can be in."""
    return all(tag.key != UPLINKS for tag in network.get("tag") or ())


def _network(row: Row) -> NetworkFacts:
    return NetworkFacts(kinded(row), line(unescaped(row.get("name", ""))))


def _image(told: MachineFacts) -> ImageFacts:
    return ImageFacts(told.ref, told.name, told.disks[0].size_mib if told.disks else 0)
