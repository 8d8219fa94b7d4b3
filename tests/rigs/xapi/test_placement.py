"""Where a machine can run, and the reason why it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.asking import GIB, disk, machine, refused, vbd_record, vdi_record


@pytest.fixture
def hosts(xapi: Any) -> list[str]:
    return sorted(xapi.host.get_all(), key=xapi.host.get_address)


def test_memory_is_counted(rig: XapiRig, xapi: Any, hosts: list[str]) -> None:
    vm = machine(xapi)
    needed = int(xapi.VM.get_memory_static_max(vm)) + int(xapi.VM.get_memory_overhead(vm))
    free = [int(xapi.host.compute_free_memory(host)) for host in hosts]
    xapi.VM.start_on(vm, hosts[1], False, False)
    assert int(xapi.host.compute_free_memory(hosts[1])) == free[1] - needed
    xapi.VM.hard_shutdown(vm)
    assert int(xapi.host.compute_free_memory(hosts[1])) == free[1]
    for host in hosts:
        rig.tell("set_host_free", host=host, free=needed - 1)
    try:
        with refused("NO_HOSTS_AVAILABLE"):
            xapi.VM.start(vm, False, False)
        with refused("HOST_NOT_ENOUGH_FREE_MEMORY", str(needed), str(needed - 1)):
            xapi.VM.assert_can_boot_here(vm, hosts[0])
        with refused("HOST_NOT_ENOUGH_FREE_MEMORY", str(needed), str(needed - 1)):
            xapi.VM.start_on(vm, hosts[0], False, False)
        assert xapi.VM.get_possible_hosts(vm) == []
    finally:
        for host in hosts:
            rig.tell("set_host_free", host=host, free=60 * GIB)


def test_hosts_that_are_disabled_or_too_small(xapi: Any, hosts: list[str]) -> None:
    vm = machine(xapi)
    xapi.host.disable(hosts[0])
    with refused("HOST_DISABLED", hosts[0]):
        xapi.VM.assert_can_boot_here(vm, hosts[0])
    assert xapi.VM.get_possible_hosts(vm) == [hosts[1]]
    xapi.VM.start(vm, False, False)
    assert xapi.VM.get_resident_on(vm) == hosts[1]
    xapi.host.enable(hosts[0])
    xapi.VM.hard_shutdown(vm)
    xapi.VM.set_VCPUs_max(vm, "99")
    with refused("HOST_NOT_ENOUGH_PCPUS", "99", "8"):
        xapi.VM.assert_can_boot_here(vm, hosts[0])


def test_a_local_disk_binds_a_machine_to_its_host(xapi: Any, hosts: list[str]) -> None:
    vm = machine(xapi)
    (local,) = xapi.SR.get_by_name_label("Local storage of xen-2")
    xapi.VBD.create(vbd_record(vm, xapi.VDI.create(vdi_record(local, GIB))))
    with refused("VM_REQUIRES_SR", vm, local):
        xapi.VM.assert_can_boot_here(vm, hosts[0])
    xapi.VM.set_affinity(vm, hosts[0])
    xapi.VM.start(vm, False, False)
    assert xapi.VM.get_resident_on(vm) == hosts[1]


def test_a_network_that_not_every_host_has(rig: XapiRig, xapi: Any, hosts: list[str]) -> None:
    vm = machine(xapi)
    (network,) = xapi.network.get_by_name_label("Guests")
    rig.tell("isolate", network="Guests", hosts=["xen-1"])
    try:
        with refused("VM_REQUIRES_NETWORK", vm, network):
            xapi.VM.assert_can_boot_here(vm, hosts[0])
        assert xapi.VM.get_possible_hosts(vm) == [hosts[1]]
    finally:
        rig.tell("isolate", network="Guests", hosts=[])


def test_a_host_without_hvm(rig: XapiRig, xapi: Any, hosts: list[str]) -> None:
    vm, capabilities = machine(xapi), xapi.host.get_capabilities(hosts[0])
    rig.tell("set_fields", cls="host", name=hosts[0], fields={"capabilities": ["xen-3.0-x86_64"]})
    with refused("VM_HVM_REQUIRED", vm):
        xapi.VM.assert_can_boot_here(vm, hosts[0])
    rig.tell("set_fields", cls="host", name=hosts[0], fields={"capabilities": capabilities})


def test_an_sr_that_is_unplugged(xapi: Any, hosts: list[str]) -> None:
    vm = machine(xapi)
    sr = xapi.VDI.get_SR(disk(xapi, vm))
    (pbd,) = (ref for ref in xapi.SR.get_PBDs(sr) if xapi.PBD.get_host(ref) == hosts[0])
    for running in xapi.host.get_resident_VMs(hosts[0]):
        if not xapi.VM.get_is_control_domain(running):
            xapi.VM.hard_shutdown(running)
    xapi.PBD.unplug(pbd)
    with refused("VM_REQUIRES_SR", vm, sr):
        xapi.VM.assert_can_boot_here(vm, hosts[0])
    xapi.PBD.plug(pbd)
    with refused("SR_HAS_PBD", sr):
        xapi.SR.destroy(sr)


def test_machines_spread(xapi: Any, hosts: list[str]) -> None:
    fleet = [machine(xapi, running=True) for _ in range(4)]
    assert {xapi.VM.get_resident_on(vm) for vm in fleet} == set(hosts)
