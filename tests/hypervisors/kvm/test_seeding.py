"""A guest reads the seed that the adapter gave it, and takes an address; afterwards nobody reads the seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hypervisors.contract import CreateMachine, DetachSeed, PowerOff, PowerOn, RevertSnapshot, Seed, TakeSnapshot
from hypervisors.errors import InvalidRequest
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.fixtures import skip
from tests.rigs.libvirt import LibvirtRig, reader

pytestmark = pytest.mark.rig

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKH3Lx0v7Vq1T7CxkkyDyIBnXuMeTBbVwXH9b7m0bqyf ann@example.org"
SEED = Seed("web-1", (KEY,), "#cloud-config\nchpasswd: {list: ['root:größer-als-42']}\n")


@pytest.fixture
def reads(rig: LibvirtRig) -> Iterator[str]:
    """The image of a guest that says what it read."""
    if lacking := reader.missing():
        skip(f"This needs a guest of its own: apt-get install {' '.join(lacking)}")
    ref = rig.add_image(reader.image())
    yield ref
    (rig.root / "images" / ref).unlink()
    rig.virsh("pool-refresh", "images")


def told(said: str, word: str) -> str:
    return next((line.split(word, 1)[1] for line in said.split("\n")[:-1] if word in line), "")


def seeded(desk: Desk, image: str = "", seed: Seed = SEED) -> CreateMachine:
    order = replace(desk.order(), seed=seed)
    return replace(order, image_ref=image, memory_mib=reader.MEMORY_MIB) if image else order


def test_guest_reads_its_seed_and_takes_an_address(rig: LibvirtRig, kvm: Kvm, desk: Desk, reads: str) -> None:
    order = seeded(desk, reads)

    ref = desk.carry_out(kvm, order).ref

    said = rig.console(ref, lambda said: bool(told(said, reader.USER) and told(said, reader.ADDRESS)))
    meta = json.loads(told(said, reader.META))
    assert (meta["local-hostname"], meta["public-keys"], meta["instance-id"]) == ("web-1", [KEY], ref)
    assert told(said, reader.USER).split()[0] == hashlib.sha256(SEED.user_data.encode()).hexdigest()
    assert list(kvm.machine(ref).addresses) == [told(said, reader.ADDRESS)]

    desk.carry_out(kvm, DetachSeed(ref, order.stamp))

    rig.console(ref, lambda said: reader.NOTHING in said)
    assert [name for name in rig.volumes() if "seed" in name] == []
    assert kvm.machine(ref).power == "on"


def test_guest_without_a_seed_reads_none(rig: LibvirtRig, kvm: Kvm, desk: Desk, reads: str) -> None:
    """So that the test above says something."""
    ref = desk.carry_out(kvm, replace(seeded(desk, reads), seed=None)).ref

    rig.console(ref, lambda said: reader.NOTHING in said)


def test_user_data_is_in_one_file_that_only_its_owner_reads(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = seeded(desk)
    handle = kvm.submit(order)
    ref = desk.see_through(lambda: kvm.poll(order, handle)).ref

    seed = rig.root / "machines" / f"lh-{order.stamp.operation}-seed.iso"
    secret = "größer-als-42"
    assert secret.encode() in seed.read_bytes()
    assert seed.stat().st_mode & 0o777 == 0o600
    assert secret not in str(handle) + rig.virsh("dumpxml", ref, "--security-info").stdout + rig.log()
    assert secret not in rig.virsh("vol-dumpxml", str(seed)).stdout


def test_seed_that_is_gone_keeps_no_machine_from_starting(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """A person's clone names the file of the machine it was made of."""
    ref = desk.carry_out(kvm, order := seeded(desk)).ref
    desk.carry_out(kvm, PowerOff(ref))
    (rig.root / "machines" / f"lh-{order.stamp.operation}-seed.iso").unlink()

    assert desk.carry_out(kvm, PowerOn(ref)).done


def test_machine_goes_back_to_before_its_seed_was_detached(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.carry_out(kvm, order := seeded(desk)).ref
    snapshot = desk.carry_out(kvm, TakeSnapshot(ref, "fresh")).ref
    desk.carry_out(kvm, DetachSeed(ref, order.stamp))

    desk.carry_out(kvm, RevertSnapshot(ref, snapshot))

    assert kvm.machine(ref).power == "on"
    assert "seed" not in rig.virsh("dumpxml", ref).stdout


def test_seed_of_another_machine_is_not_detached(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = seeded(desk)
    desk.carry_out(kvm, order)
    other = desk.make(kvm, "web-2")
    before = rig.volumes()

    with pytest.raises(InvalidRequest):
        kvm.submit(DetachSeed(other, order.stamp))

    assert rig.volumes() == before
