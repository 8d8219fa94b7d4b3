"""Where a new machine goes, and the reason when nothing fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from pyVmomi import vim

from hypervisors.conformance.driving import created, drive, new_order
from hypervisors.contract import CreateMachine, Holding, Stamp
from hypervisors.errors import HypervisorError, InvalidRequest, NoCapacity, NotFound
from hypervisors.vmware import placing
from hypervisors.vmware.adapter import Vmware
from hypervisors.vmware.rows import Row
from tests.hypervisors.vmware.bench import VcenterBench
from tests.rigs.relay import Call, Fate


@contextmanager
def in_maintenance(bench: VcenterBench, *names: str) -> Iterator[None]:
    hosts = [host for host, told in bench.console.every(vim.HostSystem, "name") if told["name"] in names]
    for host in hosts:
        bench.console.finish(host.EnterMaintenanceMode_Task(0))
    try:
        yield
    finally:
        for host in hosts:
            bench.console.finish(host.ExitMaintenanceMode_Task(0))


def hosts(bench: VcenterBench) -> dict[str, str]:
    return {told["name"]: host._GetMoId() for host, told in bench.console.every(vim.HostSystem, "name")}


def refusal(bench: VcenterBench, vmware: Vmware, kind: type[HypervisorError], **changes: object) -> str:
    before = (dict(bench.machines()), bench.disks())
    with pytest.raises(kind) as caught:
        drive(bench, vmware, new_order(bench, **changes))
    assert (dict(bench.machines()), bench.disks()) == before
    return caught.value.message


def asked(bench: VcenterBench, name: str) -> list[bytes]:
    """What is asked for by this name from now on."""
    bodies: list[bytes] = []

    def listen(call: Call) -> Fate:
        if call.name == name:
            bodies.append(call.body)
        return Fate()

    bench.relay.treat = listen
    return bodies


@pytest.mark.rig
def test_cluster_chooses_the_host_where_it_can(bench: VcenterBench, vmware: Vmware) -> None:
    clones = asked(bench, "CloneVM_Task")

    created(bench, vmware, new_order(bench))

    assert not any(ref.encode() in clones[0] for ref in hosts(bench).values())


@pytest.mark.rig
def test_host_in_maintenance_is_told_as_such(bench: VcenterBench, vmware: Vmware) -> None:
    resting, working = sorted(hosts(bench))
    with in_maintenance(bench, resting):
        listed = {host.name: host.connected for host in vmware.inventory().hosts}

    assert listed == {resting: False, working: True}


def host(ref: str, *, memory: int = 64, used: int = 8, cpus: int = 16, stores: str = "a", **state: object) -> Row:
    """A host with so many GiB, of which so many are in use, as the server tells it."""
    props = {
        "runtime.connectionState": "connected",
        "runtime.inMaintenanceMode": False,
        "hardware.cpuInfo.numCpuThreads": cpus,
        "hardware.memorySize": memory << 30,
        "summary.quickStats.overallMemoryUsage": used << 10,
        "datastore": [vim.Datastore(store, None) for store in stores],
    }
    return Row(ref, "HostSystem", props | {f"runtime.{key}": value for key, value in state.items()})


ORDER = CreateMachine(Stamp("op", uuid4()), "web-1", "vm-1", "", 4, 16 << 10, 1024, Holding("", "", ""))

CHOICES = {
    "most memory free": ([host("full", used=60), host("empty"), host("half", used=32)], "empty"),
    "not in maintenance": ([host("resting", used=0, inMaintenanceMode=True), host("working", used=40)], "working"),
    "connected": ([host("lost", used=0, connectionState="notResponding"), host("there", used=40)], "there"),
    "reaches the datastore": ([host("far", used=0, stores="bc"), host("near", used=40, stores="ab")], "near"),
    "large enough": ([host("small", memory=8, used=0), host("large", used=60)], "large"),
}


@pytest.mark.parametrize(("rows", "chosen"), CHOICES.values(), ids=list(CHOICES))
def test_host_is_chosen_where_the_cluster_does_not(rows: list[Row], chosen: str) -> None:
    """The simulator's clusters always choose for themselves."""
    assert placing._host(rows, ORDER, "a") == chosen


def test_host_that_reaches_nothing_is_no_room() -> None:
    with pytest.raises(NoCapacity, match="reaches the datastore"):
        placing._host([host("far", stores="b")], ORDER, "a")


@pytest.mark.rig
def test_no_working_host_is_no_room(bench: VcenterBench, vmware: Vmware) -> None:
    with in_maintenance(bench, *hosts(bench)):
        assert refusal(bench, vmware, NoCapacity) == "No host of the cluster works."


@pytest.mark.rig
def test_reason_names_what_does_not_fit(bench: VcenterBench, vmware: Vmware) -> None:
    assert "1048576 MiB of memory" in refusal(bench, vmware, NoCapacity, memory_mib=1 << 20)
    assert "512 processors" in refusal(bench, vmware, NoCapacity, vcpus=512)
    assert "No datastore" in refusal(bench, vmware, NoCapacity, disk_mib=1 << 40)


@pytest.mark.rig
def test_machine_lies_on_the_datastore_that_was_asked_for(bench: VcenterBench, vmware: Vmware) -> None:
    for store in vmware.inventory().datastores:
        made = vmware.machine(created(bench, vmware, new_order(bench, datastore_ref=store.ref)))
        assert [disk.datastore_ref for disk in made.disks] == [store.ref]


@pytest.mark.rig
def test_unknown_datastore_is_not_found(bench: VcenterBench, vmware: Vmware) -> None:
    assert "datastore" in refusal(bench, vmware, NotFound, datastore_ref="datastore-0")


@pytest.mark.rig
def test_machine_is_no_image(bench: VcenterBench, vmware: Vmware) -> None:
    ref = bench.make_by_hand("hand-no-image")

    assert refusal(bench, vmware, InvalidRequest, image_ref=ref) == "This is a machine, not an image."
