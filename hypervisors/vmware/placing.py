"""Where a new machine goes: cluster and folder are given, datastore and host are chosen among those with room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from hypervisors.contract import CreateMachine
from hypervisors.errors import InvalidRequest, NoCapacity, NotFound
from hypervisors.vmware import estate, machines, places
from hypervisors.vmware.client import Client
from hypervisors.vmware.rows import Row, Wanted, reference

MIB = 1 << 20
KINDS: dict[str, type[Any]] = {
    "ClusterComputeResource": vim.ClusterComputeResource,
    "ComputeResource": vim.ComputeResource,
}
DRS = "configurationEx.drsConfig.enabled"


@dataclass(frozen=True)
class Place:
    pool: Any
    folder: Any
    datastore: Any
    host: Any
    """None: the cluster chooses one itself."""


def place(client: Client, order: CreateMachine) -> Place:
    cluster = _cluster(client, order.pool_ref)
    ways = [client.way(vim.ComputeResource, path) for path in ("host", "datastore")]
    rows = list(
        client.read(
            Wanted(
                [cluster],
                {
                    type(cluster): (
                        "resourcePool",
                        *((DRS,) if isinstance(cluster, KINDS["ClusterComputeResource"]) else ()),
                    ),
                    vim.HostSystem: (
                        "runtime.connectionState",
                        "runtime.inMaintenanceMode",
                        "hardware.cpuInfo.numCpuThreads",
                        "hardware.memorySize",
                        "summary.quickStats.overallMemoryUsage",
                        "datastore",
                    ),
                    vim.Datastore: (
                        "summary.accessible",
                        "summary.maintenanceMode",
                        "summary.freeSpace",
                        "summary.multipleHostAccess",
                    ),
                },
                ways,
            )
        )
    )
    own = next((row for row in rows if row.ref == reference(cluster)), None)
    centre = places.datacenter_of(client, cluster)
    if own is None or centre is None:
        raise NotFound("There is no such cluster on this vCenter.")
    datastore = _datastore(rows, order)
    host = _host(rows, order, datastore)
    folder = client.read_one(centre, ["vmFolder"])
    return Place(
        pool=own.get("resourcePool"),
        folder=folder.get("vmFolder") if folder else None,
        datastore=client.object(vim.Datastore, datastore),
        host=None if own.get(DRS) else client.object(vim.HostSystem, host),
    )


def _cluster(client: Client, ref: str) -> Any:
    kind, _, name = ref.partition(":")
    if kind not in KINDS or not name:
        raise NotFound("There is no such cluster on this vCenter.")
    return client.object(KINDS[kind], name)


def _works(row: Row) -> bool:
    return row.get("runtime.connectionState") == "connected" and not row.get("runtime.inMaintenanceMode")


def _datastore(rows: Iterable[Row], order: CreateMachine) -> str:
    """The one that was asked for, else the one with most room; one that several hosts reach goes first."""
    usable = [row for row in rows if row.kind == "Datastore" and _open(row)]
    if order.datastore_ref:
        usable = [row for row in usable if row.ref == order.datastore_ref]
        if not usable:
            raise NotFound("The cluster has no such datastore that could be used.")
    roomy = [row for row in usable if row.get("summary.freeSpace", 0) // MIB >= order.disk_mib]
    if not roomy:
        raise NoCapacity("No datastore of the cluster has room for the machine's disk.")
    return max(roomy, key=_preference).ref


def _open(row: Row) -> bool:
    return bool(row.get("summary.accessible")) and row.get("summary.maintenanceMode") in (None, "normal")


def _preference(row: Row) -> tuple[bool, int]:
    return bool(row.get("summary.multipleHostAccess")), row.get("summary.freeSpace", 0)


def _host(rows: Iterable[Row], order: CreateMachine, datastore: str) -> str:
    """One that reaches the datastore and is large enough at all, with the most memory free. Says what nothing fits."""
    hosts = [row for row in rows if row.kind == "HostSystem" and _works(row)]
    if not hosts:
        raise NoCapacity("No host of the cluster works.")
    if all(row.get("hardware.cpuInfo.numCpuThreads", 0) < order.vcpus for row in hosts):
        raise NoCapacity(f"No host of the cluster has {order.vcpus} processors.")
    large = [row for row in hosts if row.get("hardware.memorySize", 0) // MIB >= order.memory_mib]
    if not large:
        raise NoCapacity(f"No host of the cluster has {order.memory_mib} MiB of memory.")
    near = [row for row in large if datastore in {reference(one) for one in row.get("datastore", ())}]
    if not near:
        raise NoCapacity("No host that is large enough reaches the datastore.")
    return max(near, key=_free_memory).ref


def _free_memory(row: Row) -> int:
    used: int = row.get("summary.quickStats.overallMemoryUsage", 0)
    return int(row.get("hardware.memorySize", 0) // MIB) - used


def image(client: Client, order: CreateMachine) -> Row:
    """The template, if the machine can be made from it."""
    try:
        found = estate.row_of(client, order.image_ref)
    except NotFound:
        raise NotFound("The image does not exist on this vCenter any more.") from None
    if not found.get("config.template"):
        raise InvalidRequest("This is a machine, not an image.")
    disks = machines.disks(found)
    if not disks:
        raise InvalidRequest("The image has no disk.")
    if order.disk_mib < machines.mib(disks[0]):
        raise InvalidRequest(f"The disk is smaller than its image, which needs {machines.mib(disks[0])} MiB.")
    return found
