"""Machines are really made: a QEMU process, a disk of their own, and the holding where virsh shows it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisors.contract import Stamp
from hypervisors.errors import InvalidRequest, NameTaken, NotFound
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig


def qemu_processes(uuid: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if f"-uuid {uuid}" in command:
            found.append(command)
    return found


def backing_file(disk: Path) -> str:
    command = ["qemu-img", "info", "--force-share", "--output=json", str(disk)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return str(told.get("backing-filename", ""))


def test_create_runs_a_machine_on_its_own_disk(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order(disk_mib=96)

    ref = desk.carry_out(kvm, order).ref

    assert ref == str(order.stamp.uuid)
    assert len(qemu_processes(ref)) == 1
    assert backing_file(rig.root / "machines" / f"lh-{order.stamp.operation}.qcow2") == ""
    facts = kvm.machine(ref)
    assert (facts.name, facts.vcpus, facts.memory_mib, facts.disk_mib) == ("web-1", 1, 16, 96)
    assert (facts.power, facts.stamp_operation, facts.note) == ("on", order.stamp.operation, "")


def test_create_boots_the_image(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """Only a guest that came up from its own disk hears the power button."""
    ref = desk.make(kvm, image="polite")

    assert rig.press_power_button(ref)


def test_create_shows_progress_of_the_copy(rig: LibvirtRig, desk: Desk) -> None:
    class Slow(Kvm):
        copy_limit = 64

    kvm = Slow(rig.target())
    order = desk.order()
    handle = kvm.submit(order)
    seen = [kvm.poll(order, handle)]
    while not seen[-1].done:
        seen.append(kvm.poll(order, handle))
    kvm.close()

    percents = [progress.percent for progress in seen]
    assert percents == sorted(percents)
    assert len({percent for percent in percents if 20 <= percent < 100}) > 2


def test_create_makes_nothing_until_the_copy_is_whole(rig: LibvirtRig, desk: Desk) -> None:
    class Crawling(Kvm):
        copy_limit = 1

    kvm = Crawling(rig.target())
    order = desk.order()
    kvm.submit(order)

    assert rig.virsh("domstate", order.name).stdout.strip() == "paused"
    kvm.discard(order.stamp)
    assert (desk.machines(), rig.volumes()) == (set(), set())
    kvm.close()


def test_second_submit_makes_no_second_machine(kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    desk.carry_out(kvm, order)

    again = desk.carry_out(kvm, order)

    assert desk.machines() == {again.ref}


def test_poll_needs_no_handle(kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    kvm.submit(order)

    assert desk.see_through(lambda: kvm.poll(order, {})).ref == str(order.stamp.uuid)


def test_holding_is_shown_where_virsh_shows_it(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)

    assert rig.virsh("desc", "--title", ref).stdout.strip() == "Ann Holder · until 2026-12-24"
    assert "Purpose: Trial of the new index" in rig.virsh("desc", ref).stdout
    assert 'portal="https://lease.example/m/1"' in rig.virsh("metadata", ref, "urn:leasehold:machine:1").stdout


def test_taken_name_is_refused_and_leaves_nothing(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    first = desk.make(kvm, "web-1")
    before = rig.volumes()
    order = desk.order("web-1")

    with pytest.raises(NameTaken, match="web-1"):
        kvm.submit(order)

    assert (desk.machines(), rig.volumes()) == ({first}, before)


@pytest.mark.parametrize("name", ["", " web", "a/b", "a\nb", "..", "x" * 201, "a\0b"])
def test_impossible_name_is_refused_before_any_call(name: str, rig: LibvirtRig, desk: Desk) -> None:
    unconnected = Kvm(replace(rig.target(), path="/nowhere/libvirt-sock"))

    with pytest.raises(InvalidRequest):
        unconnected.submit(desk.order(name))


def test_disk_smaller_than_its_image_is_refused(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    with pytest.raises(InvalidRequest, match="80 MiB"):
        kvm.submit(desk.order(disk_mib=79))

    assert rig.volumes() == set()


def test_only_images_can_be_copied(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    """Nobody reads a file of the host, or somebody's disk, by naming it as an image."""
    desk.make(kvm)
    disk = next(iter(rig.volumes()))

    for ref in ("/etc/passwd", str(rig.root / "machines" / disk), str(rig.root / "images")):
        with pytest.raises(NotFound):
            kvm.submit(replace(desk.order("web-2"), image_ref=ref))


def test_image_that_was_put_there_by_hand_is_found(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    image = Path(rig.image("deaf")).with_name("late.qcow2")
    image.write_bytes(Path(rig.image("deaf")).read_bytes())
    try:
        assert desk.carry_out(kvm, desk.order(image="late")).done
    finally:
        image.unlink()
        rig.virsh("pool-refresh", "images")


def test_discard_needs_both_parts_of_the_stamp(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    order = desk.order()
    ref = desk.carry_out(kvm, order).ref
    before = rig.volumes()

    kvm.discard(Stamp("another-operation", order.stamp.uuid))
    kvm.discard(Stamp(order.stamp.operation, desk.order().stamp.uuid))

    assert (desk.machines(), rig.volumes()) == ({ref}, before)
    assert kvm.find(Stamp("another-operation", order.stamp.uuid)) == []
