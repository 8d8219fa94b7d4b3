"""What is told of machines and of what is around them, where the simulator cannot show it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyVmomi import vim

from hypervisors.contract import Power
from hypervisors.vmware import estate, machines, places
from hypervisors.vmware.events import Maker
from hypervisors.vmware.rows import Row

Card = vim.vm.device.VirtualVmxnet3
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def machine(**props: object) -> Row:
    return Row("vm-1", "VirtualMachine", {path.replace("__", "."): value for path, value in props.items()})


def test_uplinks_are_no_network_for_machines() -> None:
    uplinks = Row("dvportgroup-1", "DistributedVirtualPortgroup", {"tag": [vim.Tag(key="SYSTEM/DVS.UPLINKPG")]})
    others = [Row("network-1", "Network", {}), Row("network-2", "Network", {"tag": [vim.Tag(key="prod")]})]

    assert not estate.takes_machines(uplinks)
    assert all(estate.takes_machines(network) for network in others)


@pytest.mark.parametrize(
    ("power", "connected", "at_start", "told"),
    [("poweredOn", True, False, True), ("poweredOn", False, True, False), ("poweredOff", False, True, True)],
)
def test_nic_is_connected_now_or_when_the_machine_starts(
    power: str, connected: bool, at_start: bool, told: bool
) -> None:
    plug = vim.vm.device.VirtualDevice.ConnectInfo(connected=connected, startConnected=at_start)
    row = machine(runtime__powerState=power, config__hardware__device=[Card(key=4000, connectable=plug)])

    assert [nic.connected for nic in machines.facts(row, machines.Known()).nics] == [told]


def test_unknown_power_is_unknown() -> None:
    assert machines.facts(machine(runtime__powerState="hibernating"), machines.Known()).power is Power.UNKNOWN


def test_time_of_making_is_what_the_server_tells_before_what_an_event_tells() -> None:
    known = machines.Known(makers={"vm-1": Maker("DOMAIN\\aylin", NOON)})
    told = datetime(2024, 2, 1, tzinfo=UTC)

    alone = machines.facts(machine(), known)
    both = machines.facts(machine(config__createDate=told), known)

    assert (alone.created_at, alone.created_by) == (NOON, "DOMAIN\\aylin")
    assert (both.created_at, both.created_by) == (told, "DOMAIN\\aylin")


def test_reference_of_a_disk_outlives_its_snapshots() -> None:
    """A snapshot puts a new file on top; growth and restarts leave the file alone."""
    info = vim.vm.device.VirtualDisk.FlatVer2BackingInfo
    lowest = info(fileName="[ssd-1] web-1/web-1.vmdk", uuid="6000C29a")
    top = info(fileName="[ssd-1] web-1/web-1-000001.vmdk", uuid="6000C29a", parent=lowest)
    before, after = (vim.vm.device.VirtualDisk(key=2000, backing=one, capacityInKB=1 << 20) for one in (lowest, top))

    assert machines.disk_ref(before) == machines.disk_ref(after)
    assert machines.disk_facts(after).size_mib == 1024


def folder(ref: str, name: str, parent: object, kind: str = "Folder") -> Row:
    return Row(ref, kind, {"name": name, "parent": parent})


def test_folders_are_told_as_people_see_them() -> None:
    """Neither the root nor the folder that every data centre has for its machines is seen."""
    rows = [
        folder("group-d1", "Datacenters", None),
        folder("datacenter-2", "Hamburg%2fNord", vim.Folder("group-d1", None), "Datacenter"),
        folder("group-v3", "vm", vim.Datacenter("datacenter-2", None)),
        folder("group-v4", "Team A", vim.Folder("group-v3", None)),
        folder("group-v5", "Web", vim.Folder("group-v4", None)),
    ]

    paths = places.folder_paths(rows)

    assert paths["group-v5"] == "Hamburg/Nord/Team A/Web"
    assert paths["group-v3"] == "Hamburg/Nord"


def test_folders_in_a_circle_come_to_an_end() -> None:
    rows = [folder("a", "A", vim.Folder("b", None)), folder("b", "B", vim.Folder("a", None))]

    assert len(places.folder_paths(rows)["a"]) < 1000
