"""A Debian on libvirt, made by the adapter with a seed: it takes name, key and user data, and is signed in to."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from hypervisors import registry
from hypervisors.contract import (
    CreateMachine,
    DetachSeed,
    Holding,
    Hypervisor,
    Order,
    PowerOff,
    PowerOn,
    Progress,
    RemoveMachine,
    Stamp,
)
from hypervisors.errors import Busy
from tests.rigs import debian
from tests.rigs.fixtures import skip
from tests.rigs.libvirt import LibvirtRig
from tests.rigs.libvirt.fixtures import available
from tests.soak.guest import PATIENCE, new_key, says, seed_with

pytestmark = pytest.mark.soak

HOLDING = Holding(holder="Lena Brandt", purpose="Signing in", ends_on="2031-03-14")


@pytest.fixture
def rig() -> Iterator[LibvirtRig]:
    available()
    if lacking := debian.missing():
        skip(f"This needs {', '.join(lacking)}: apt-get install mmdebstrap grub-pc-bin openssh-client dnsmasq-base")
    with LibvirtRig() as rig:
        shutil.copy(debian.image(), rig.root / "images" / "debian.qcow2")
        rig.virsh("pool-refresh", "images")
        yield rig


def carried_out(hypervisor: Hypervisor, order: Order) -> Progress:
    handle, deadline = None, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            handle = handle or hypervisor.submit(order)
            progress = hypervisor.poll(order, handle)
        except Busy:
            continue
        if progress.done:
            return progress
        time.sleep(0.2)
    raise TimeoutError(order)


def address_of(hypervisor: Hypervisor, ref: str) -> str:
    """As the adapter tells it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := hypervisor.machine(ref).addresses):
        assert time.monotonic() < deadline, "It has no address."
        time.sleep(1)
    return found[0]


def test_a_debian_takes_its_seed_and_is_signed_in_to(rig: LibvirtRig, tmp_path: Path) -> None:
    hypervisor, key = registry.connect(rig.target(timeout=60)), new_key(tmp_path)
    seed, word = seed_with(key)
    order = CreateMachine(
        stamp=Stamp("soak-1", uuid4()), name="soak-1", image_ref=rig.image("debian"),
        pool_ref=hypervisor.inventory().pools[0].ref, vcpus=1, memory_mib=512, disk_mib=debian.DISK_MIB + 500,
        holding=HOLDING, seed=seed,
    )  # fmt: skip
    ref = carried_out(hypervisor, order).ref
    via, address = rig.inside, address_of(hypervisor, ref)

    said = says(key, "hostname; sudo cat /root/word", address=address, via=via)
    assert said.split() == [seed.hostname, word]

    says(key, "cloud-init status --wait >/dev/null; true", address=address, via=via)
    carried_out(hypervisor, DetachSeed(ref, order.stamp))
    assert "iso9660" not in says(key, "lsblk --noheadings --output FSTYPE", address=address, via=via)
    carried_out(hypervisor, PowerOff(ref))
    carried_out(hypervisor, PowerOn(ref))
    assert says(key, "hostname", address=address_of(hypervisor, ref), via=via) == seed.hostname, "it is forgotten"

    carried_out(hypervisor, RemoveMachine(ref, order.stamp.uuid))
    assert rig.volumes() == set()
    hypervisor.close()
