"""What machines use, and whose every file is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hypervisors.contract import DiskFile, PowerOff, Suspend
from hypervisors.kvm import files, using
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig


def by_name(kvm: Kvm) -> dict[str, DiskFile]:
    told = kvm.disk_files()
    assert told.complete, told.gaps
    return {file.name: file for file in told.files}


def volume(rig: LibvirtRig, name: str, *behind: str) -> Path:
    backing = ["--backing-vol", *behind, "--backing-vol-format", "qcow2"] if behind else []
    rig.virsh("vol-create-as", "machines", name, "1M", "--format", "qcow2", *backing)
    return rig.root / "machines" / name


def test_files_are_used_through_all_layers(rig: LibvirtRig, kvm: Kvm, desk: Desk, observer: Kvm) -> None:
    ref = desk.make(kvm)
    desk.carry_out(kvm, PowerOff(ref))
    volume(rig, "base.qcow2")
    volume(rig, "middle.qcow2", "base.qcow2")
    top = volume(rig, "top.qcow2", "middle.qcow2")
    volume(rig, "loose.qcow2")
    volume(rig, "lonely-base.qcow2")
    volume(rig, "lonely-top.qcow2", "lonely-base.qcow2")
    volume(rig, "debian.iso")
    rig.virsh("attach-disk", ref, str(top), "vdb", "--config", "--subdriver", "qcow2")

    found = by_name(observer)

    used = {name: (list(file.used_by), file.kept_for) for name, file in found.items()}
    assert used["top.qcow2"] == ([ref], "")
    assert used["middle.qcow2"] == used["base.qcow2"] == ([ref], files.BACKING)
    assert used["loose.qcow2"] == used["lonely-top.qcow2"] == ([], "")
    assert used["lonely-base.qcow2"] == ([], files.BACKING)
    assert used["debian.iso"] == ([], files.MEDIUM)
    assert used["deaf.qcow2"] == (["deaf.qcow2"], files.IMAGE)
    assert found["loose.qcow2"].size_mib == 1
    assert found["loose.qcow2"].changed_at is not None


def test_disk_that_only_the_running_form_has_is_used(rig: LibvirtRig, kvm: Kvm, desk: Desk) -> None:
    ref = desk.make(kvm)
    disk = volume(rig, "hot.qcow2")
    rig.virsh("attach-disk", ref, str(disk), "vdb", "--live", "--subdriver", "qcow2")

    assert list(by_name(kvm)["hot.qcow2"].used_by) == [ref]


def test_pool_that_is_away_proves_nothing(rig: LibvirtRig, observer: Kvm) -> None:
    rig.virsh("pool-destroy", "machines")
    try:
        told = observer.disk_files()
    finally:
        rig.virsh("pool-start", "machines")

    assert not told.complete
    assert "machines" in told.gaps[0]


def test_use_grows_while_a_machine_runs(kvm: Kvm, desk: Desk, observer: Kvm) -> None:
    ref = desk.make(kvm)

    [first] = observer.usage([ref])
    deadline = time.monotonic() + 30
    [second] = observer.usage([ref])
    while not second.read_bytes and time.monotonic() < deadline:  # until it boots
        [second] = observer.usage([ref])

    assert first.seconds is None
    assert first.cpu_seconds is not None
    assert second.cpu_seconds is not None
    assert 0 < first.cpu_seconds <= second.cpu_seconds
    assert (first.memory_mib or 0) > 0
    assert (second.read_bytes or 0) > 0
    assert None not in (second.written_bytes, second.received_bytes, second.sent_bytes)


def test_suspended_machine_is_not_asked_of_its_disks(kvm: Kvm, desk: Desk, observer: Kvm) -> None:
    """It may be one whose image is being copied, and QEMU does not always stand the question then."""
    ref = desk.make(kvm)
    desk.carry_out(kvm, Suspend(ref))

    [sample] = observer.usage([ref])

    assert sample.cpu_seconds is not None
    assert (sample.read_bytes, sample.written_bytes) == (None, None)


def test_balloon_tells_memory_better_than_the_host() -> None:
    rss = {"balloon.rss": 900 * 1024, "balloon.current": 512 * 1024}

    assert using._memory(rss) == 512
    assert using._memory({**rss, "balloon.available": 400 * 1024, "balloon.unused": 100 * 1024}) == 300
    assert using._memory({}) is None
