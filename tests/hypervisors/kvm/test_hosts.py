"""Several hosts are one endpoint and one pool: a new machine goes where there is most to give, and silence proves
nothing."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from hypervisors.contract import CreateMachine, Power, PowerOff, RemoveMachine, Target
from hypervisors.errors import NameTaken, NotFound, Unreachable
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import FORGET, Desk
from tests.hypervisors.kvm.killed import GONE
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import available
from tests.rigs.libvirt.relay import LibvirtRelay

pytestmark = pytest.mark.rig

DOMAIN = """
<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os><devices/></domain>
"""


@pytest.fixture(scope="module")
def second_rig() -> Iterator[LibvirtRig]:
    available()
    with LibvirtRig(data_mib=1) as rig:
        yield rig


@pytest.fixture
def other(second_rig: LibvirtRig) -> Iterator[LibvirtRig]:
    yield second_rig
    for ref in second_rig.virsh("list", "--all", "--uuid").stdout.split():
        second_rig.virsh("destroy", ref, check=False)  # those that are off refuse
        second_rig.virsh("undefine", ref, *FORGET, check=False)
    for name in second_rig.volumes():
        (second_rig.root / "machines" / name).unlink()
    second_rig.virsh("pool-refresh", "machines")


@dataclass
class Both:
    """Two hosts, the second behind a relay, so that it can fall silent."""

    first: LibvirtRig
    second: LibvirtRig
    relay: LibvirtRelay

    @property
    def target(self) -> Target:
        return replace(self.first.target(timeout=8), path=f"{self.first.socket}, {self.relay.path}")

    def run_large(self, rig: LibvirtRig) -> str:
        """A machine that was promised most of the host's memory, whether it touches it or not."""
        total = int(rig.virsh("nodeinfo").stdout.split("Memory size:")[1].split()[0]) // 1024
        return self.define(rig, "large", memory=total * 3 // 4, on=True)

    def define(self, rig: LibvirtRig, name: str, *, uuid: str = "", memory: int = 16, on: bool = False) -> str:
        ref, file = uuid or str(uuid4()), rig.root / "by-hand.xml"
        file.write_text(DOMAIN.format(name=name, uuid=ref, memory=memory))
        rig.virsh("define", str(file))
        if on:
            rig.virsh("start", ref)
        return ref

    def machines(self) -> list[str]:
        """Of both hosts, each by its host."""
        every = [(rig, rig.virsh("list", "--all", "--uuid").stdout.split()) for rig in (self.first, self.second)]
        return [ref for _rig, refs in every for ref in refs]

    def volumes(self) -> list[str]:
        return [*self.first.volumes(), *self.second.volumes()]


@pytest.fixture
def both(rig: LibvirtRig, other: LibvirtRig) -> Iterator[Both]:
    with LibvirtRelay(other.socket) as relay:
        yield Both(rig, other, relay)


@pytest.fixture
def pool(both: Both) -> Iterator[Kvm]:
    with closing(Kvm(both.target)) as kvm:
        yield kvm


def test_scan_tells_both_hosts_as_one_pool(both: Both, pool: Kvm) -> None:
    refs = {both.define(both.first, "one"), both.define(both.second, "two")}

    found = pool.inventory()

    assert (found.complete, list(found.gaps)) == (True, [])
    assert [host.ref for host in found.hosts] == [both.first.host_uuid, both.second.host_uuid]
    assert len(found.pools) == 1
    assert {host.pool_ref for host in found.hosts} == {found.pools[0].ref}
    assert {machine.ref: machine.host_ref for machine in found.machines}.keys() == refs
    assert {machine.host_ref for machine in found.machines} == {host.ref for host in found.hosts}


def test_same_images_and_networks_are_told_once_and_each_hosts_storage_is_its_own(both: Both, pool: Kvm) -> None:
    found = pool.inventory()

    assert sorted(image.ref for image in found.images) == ["deaf.qcow2", "polite.qcow2"]
    assert [network.ref for network in found.networks] == ["lab"]
    assert sorted(store.name for store in found.datastores) == ["images", "images", "machines", "machines"]
    assert len({store.ref for store in found.datastores}) == len({store.identity for store in found.datastores}) == 4


@pytest.mark.parametrize("which", ["first", "second"])
def test_new_machine_goes_where_more_memory_is_not_promised(which: str, both: Both, pool: Kvm, desk: Desk) -> None:
    busy, free = (both.first, both.second) if which == "second" else (both.second, both.first)
    both.run_large(busy)

    ref = desk.carry_out(pool, desk.order()).ref

    assert pool.machine(ref).host_ref == free.host_uuid
    assert ref in free.virsh("list", "--uuid").stdout


def test_new_machine_goes_where_its_image_is(both: Both, pool: Kvm, desk: Desk) -> None:
    both.run_large(both.second)
    place = Path(both.second.image("alone"))
    place.write_bytes(Path(both.second.image("deaf")).read_bytes())
    try:
        ref = desk.carry_out(pool, replace(desk.order(), image_ref="alone.qcow2")).ref
    finally:
        place.unlink()
        both.second.virsh("pool-refresh", "images")

    assert pool.machine(ref).host_ref == both.second.host_uuid


def test_new_machine_goes_where_its_datastore_is(both: Both, pool: Kvm, desk: Desk) -> None:
    both.run_large(both.second)
    stores = [store for store in pool.inventory().datastores if both.second.host_uuid in store.ref]
    machines = next(store.ref for store in stores if store.name == "machines")

    ref = desk.carry_out(pool, replace(desk.order(), datastore_ref=machines)).ref

    assert [disk.datastore_ref for disk in pool.machine(ref).disks] == [machines]


def test_name_of_a_machine_on_the_other_host_is_taken(both: Both, pool: Kvm, desk: Desk) -> None:
    both.define(both.second, "web-1")
    both.run_large(both.second)

    with pytest.raises(NameTaken):
        pool.submit(desk.order("web-1"))


def test_create_that_was_killed_is_finished_where_it_began(both: Both, pool: Kvm, desk: Desk) -> None:
    large = both.run_large(both.first)
    order = desk.order()
    command = [sys.executable, "-m", "tests.hypervisors.kvm.killed", both.target.path, "create_volume"]
    done = subprocess.run(command, input=pickle.dumps(order), check=False, timeout=60)
    assert done.returncode == GONE
    both.first.virsh("destroy", large)
    both.run_large(both.second)

    ref = desk.carry_out(pool, order).ref

    assert pool.machine(ref).host_ref == both.second.host_uuid
    assert both.volumes() == [f"lh-{order.stamp.operation}.qcow2"]


def test_workers_with_the_same_order_make_one_machine(both: Both, desk: Desk) -> None:
    order: CreateMachine = desk.order()
    refs: list[str] = []

    def work() -> None:
        with closing(Kvm(both.target)) as kvm:
            refs.append(desk.carry_out(kvm, order).ref)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert refs == [str(order.stamp.uuid)] * 4
    assert both.machines() == [str(order.stamp.uuid)]
    assert len(both.volumes()) == 1


def test_silent_host_makes_a_scan_incomplete(both: Both, pool: Kvm) -> None:
    here, there = both.define(both.first, "one"), both.define(both.second, "two")
    token = pool.changes("").token
    both.relay.refuse()

    found, changed = pool.inventory(), pool.changes(token)

    assert [machine.ref for machine in found.machines] == [here]
    assert not found.complete
    assert str(both.relay.path) in found.gaps[0]
    assert (changed.complete, list(changed.gone), changed.machines) == (False, [], [])
    both.relay.answer()
    both.second.virsh("undefine", there)
    assert list(pool.changes(changed.token).gone) == [there]


def test_nothing_is_not_there_while_a_host_is_silent(both: Both, pool: Kvm, desk: Desk) -> None:
    both.run_large(both.second)
    order = desk.order()
    ref = desk.carry_out(pool, order).ref
    both.relay.refuse()

    assert pool.machine(ref).power is Power.ON
    assert [found.ref for found in pool.find(order.stamp)] == [ref]
    assert desk.carry_out(pool, PowerOff(ref)).done
    nobody = desk.order("web-2")
    for call in (
        lambda: pool.machine(str(nobody.stamp.uuid)),
        lambda: pool.find(nobody.stamp),
        lambda: pool.submit(nobody),
        lambda: pool.discard(nobody.stamp),
        lambda: pool.submit(RemoveMachine(ref, order.stamp.uuid)),
    ):
        with pytest.raises(Unreachable):
            call()

    both.relay.answer()
    with pytest.raises(NotFound):
        pool.machine(str(nobody.stamp.uuid))
    assert desk.carry_out(pool, RemoveMachine(ref, order.stamp.uuid)).done
    assert desk.machines() == set()


def test_host_that_hangs_leaves_time_for_the_others(both: Both, pool: Kvm, desk: Desk) -> None:
    ref = both.define(both.first, "one")
    pool.check()
    both.second.freeze_daemon()
    try:
        assert pool.machine(ref).name == "one"
        assert not pool.inventory().complete
    finally:
        both.second.thaw_daemon()


def test_two_machines_with_one_uuid_are_both_told(both: Both, pool: Kvm) -> None:
    """What a migration leaves behind on the host that the machine came from, for one."""
    uuid = both.define(both.first, "moved")
    both.define(both.second, "moved", uuid=uuid, on=True)
    left = f"{uuid}@{both.first.host_uuid}"

    told = {machine.ref: (machine.host_ref, machine.power) for machine in pool.inventory().machines}

    assert told == {uuid: (both.second.host_uuid, Power.ON), left: (both.first.host_uuid, Power.OFF)}
    assert pool.machine(left).power is Power.OFF
    assert pool.machine(uuid).power is Power.ON
    pool.submit(RemoveMachine(left, pool.machine(left).uuid or uuid4()))
    assert both.machines() == [uuid]


def test_host_that_is_named_twice_is_a_gap(both: Both) -> None:
    """By two names, that is; by one name it is refused at once."""
    ref = both.define(both.first, "one")
    with LibvirtRelay(both.first.socket) as again:
        target = replace(both.target, path=f"{both.first.socket},{again.path}")
        with closing(Kvm(target)) as kvm:
            found = kvm.inventory()

    assert [machine.ref for machine in found.machines] == [ref]
    assert "host_uuid" in found.gaps[0]


def test_check_says_which_host_is_silent(both: Both, pool: Kvm) -> None:
    assert pool.check().count("libvirt") == 1
    both.relay.refuse()

    assert str(both.relay.path) in pool.check()
