"""How a NIC is plugged into a network: each kind of network has its own socket."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim

from hypervisors.errors import NotFound
from hypervisors.vmware.client import Client

KINDS: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "Network": (vim.Network, ("name",)),
    "DistributedVirtualPortgroup": (
        vim.dvs.DistributedVirtualPortgroup,
        ("name", "key", "config.distributedVirtualSwitch"),
    ),
    "OpaqueNetwork": (vim.OpaqueNetwork, ("name", "summary")),
}


def backing(client: Client, ref: str) -> Any:
    """Raises NotFound."""
    kind, _, name = ref.partition(":")
    if kind not in KINDS or not name:
        raise NotFound("There is no such network on this vCenter.")
    cls, paths = KINDS[kind]
    network = client.object(cls, name)
    row = client.read_one(network, paths)
    if row is None:
        raise NotFound("There is no such network on this vCenter.")
    card = vim.vm.device.VirtualEthernetCard
    if kind == "DistributedVirtualPortgroup":
        switch = client.read_one(row.get("config.distributedVirtualSwitch"), ["uuid"])
        port = vim.dvs.PortConnection(switchUuid=switch.get("uuid") if switch else "", portgroupKey=row.get("key"))
        return card.DistributedVirtualPortBackingInfo(port=port)
    if kind == "OpaqueNetwork":
        told = row.get("summary")
        return card.OpaqueNetworkBackingInfo(
            opaqueNetworkId=told.opaqueNetworkId, opaqueNetworkType=told.opaqueNetworkType
        )
    return card.NetworkBackingInfo(deviceName=row.get("name"), network=network)
