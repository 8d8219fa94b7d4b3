"""Files that libvirt gives another name by copying them: what is refused, and what a crash leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from hypervisors.contract import Order, RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import Busy, HypervisorError, NoCapacity, Unreachable, WrongState
from hypervisors.kvm import connection, copying, files
from hypervisors.kvm.adapter import Kvm
from tests.hypervisors.kvm.conftest import Desk
from tests.rigs.libvirt import LibvirtRig

pytestmark = pytest.mark.rig

NEW = "leasehold-retired-op-1-old.qcow2"
BEGUN = "lh-renaming-op-1-begun.mark"


@pytest.fixture
def folder(rig: LibvirtRig) -> Path:
    return rig.root / "machines"


@pytest.fixture
def old(rig: LibvirtRig, folder: Path) -> Path:
    """A loose disk with something on it."""
    return made(rig, folder / "old.qcow2")


def made(rig: LibvirtRig, path: Path, *options: str, size: str = "4M") -> Path:
    run("qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), size)
    run("qemu-io", "-c", "write -P 7 1M 64k", str(path))
    rig.virsh("pool-refresh", path.parent.name)
    return path


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def has_content(path: Path) -> bool:
    return "failed" not in run("qemu-io", "-c", "read -P 7 1M 64k", str(path))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refused(kvm: Kvm, order: Order, kind: type[HypervisorError] = WrongState) -> str:
    with pytest.raises(kind) as error:
        kvm.submit(order)
    return error.value.message


def mark(rig: LibvirtRig, name: str) -> None:
    rig.virsh("vol-create-as", "machines", name, "0", "--format", "raw")


def test_copy_is_like_the_first_file(rig: LibvirtRig, kvm: Kvm, desk: Desk, folder: Path) -> None:
    path = made(rig, folder / "old.qcow2", "-o", "compat=1.1,cluster_size=131072,lazy_refcounts=on")
    path.chmod(0o640)
    rig.virsh("pool-refresh", "machines")
    before = json.loads(run("qemu-img", "info", "--output=json", str(path)))

    desk.carry_out(kvm, RetireDiskFile(str(path), "op-1"))

    after = json.loads(run("qemu-img", "info", "--output=json", str(folder / NEW)))
    for key in ("virtual-size", "format", "cluster-size", "format-specific"):
        assert after[key] == before[key]
    assert (folder / NEW).stat().st_mode & 0o777 == 0o640
    assert has_content(folder / NEW)


def test_raw_file_stays_thin(rig: LibvirtRig, kvm: Kvm, desk: Desk, folder: Path) -> None:
    path = folder / "old.img"
    with path.open("wb") as file:
        file.write(b"at its beginning")
        os.ftruncate(file.fileno(), 64 << 20)
    rig.virsh("pool-refresh", "machines")

    desk.carry_out(kvm, RetireDiskFile(str(path), "op-1"))

    copy = folder / "leasehold-retired-op-1-old.img"
    assert copy.read_bytes() == b"at its beginning".ljust(64 << 20, b"\0")
    assert copy.stat().st_blocks * 512 < 8 << 20
    assert not path.exists()


def test_file_that_a_copy_would_change_is_refused(rig: LibvirtRig, kvm: Kvm, old: Path, folder: Path) -> None:
    made(rig, folder / "top.qcow2", "-b", str(old), "-F", "qcow2")
    made(rig, folder / "frozen.qcow2")
    run("qemu-img", "snapshot", "-c", "before", str(folder / "frozen.qcow2"))
    made(rig, folder / "tracked.qcow2", "-o", "compat=1.1")
    run("qemu-img", "bitmap", "--add", str(folder / "tracked.qcow2"), "changes")
    run("qemu-img", "create", "-q", "-f", "vmdk", str(folder / "strange.vmdk"), "1M")
    rig.virsh("pool-refresh", "machines")
    before = names(folder)

    said = {name: refused(kvm, RetireDiskFile(str(folder / name), "op-1")) for name in sorted(before)}

    assert "kept" in said["old.qcow2"]
    assert "lies on another" in said["top.qcow2"]
    assert "snapshots" in said["frozen.qcow2"]
    assert "would lose" in said["tracked.qcow2"]
    assert "formats" in said["strange.vmdk"]
    assert names(folder) == before


def test_file_that_a_program_beside_libvirt_has_open_is_refused(kvm: Kvm, old: Path, folder: Path) -> None:
    with subprocess.Popen(["qemu-io", str(old)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"info\n")
        holder.stdin.flush()
        holder.stdout.readline()
        refused(kvm, RetireDiskFile(str(old), "op-1"))

    assert names(folder) == {"old.qcow2"}


def test_no_room_for_two_is_said_before_anything_is_begun(
    kvm: Kvm, old: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "SPARE", 1.0)

    refused(kvm, RetireDiskFile(str(old), "op-1"), NoCapacity)

    assert names(folder) == {"old.qcow2"}


@pytest.fixture
def attic(rig: LibvirtRig) -> Iterator[Path]:
    path = rig.root / "attic"
    path.mkdir()
    rig.add_pool("attic", path)
    yield path
    rig.virsh("pool-destroy", "attic")
    rig.virsh("pool-undefine", "attic")
    shutil.rmtree(path)


def test_file_in_a_pool_of_others_is_left(rig: LibvirtRig, kvm: Kvm, attic: Path) -> None:
    old = made(rig, attic / "old.qcow2")
    gone = made(rig, attic / "leasehold-retired-op-1-more.qcow2")

    refused(kvm, RetireDiskFile(str(old), "op-1"))
    refused(kvm, RemoveDiskFile(str(gone), "op-1"))

    assert names(attic) == {old.name, gone.name}


def test_machine_that_goes_another_way_to_the_file_keeps_it(
    rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, folder: Path
) -> None:
    (rig.root / "detour").symlink_to(folder)
    ref = desk.make(kvm)
    rig.virsh("attach-disk", ref, str(rig.root / "detour" / "old.qcow2"), "vdb", "--config", "--subdriver", "qcow2")

    told = {file.name: file.kept_for for file in kvm.disk_files().files}

    assert told["old.qcow2"] == files.NAMESAKE
    refused(kvm, RetireDiskFile(str(old), "op-1"))


def test_firmware_that_a_machine_starts_from_is_no_loose_disk(
    rig: LibvirtRig, kvm: Kvm, desk: Desk, folder: Path
) -> None:
    ref = desk.make(kvm)
    (folder / "kernel").write_bytes(b"a kernel")
    rig.virsh("pool-refresh", "machines")
    xml = rig.virsh("dumpxml", ref, "--inactive").stdout
    desk.define(xml.replace("</type>", f"</type><kernel>{folder / 'kernel'}</kernel>", 1))

    assert [file.used_by for file in kvm.disk_files().files if file.name == "kernel"] == [[ref]]


def test_host_that_is_silent_may_have_a_machine_on_it(rig: LibvirtRig, old: Path, folder: Path) -> None:
    both = replace(rig.target(timeout=5), path=f"{rig.socket},{rig.root / 'sock' / 'nobody'}")
    kvm = Kvm(both)

    refused(kvm, RetireDiskFile(f"{old}@{rig.host_uuid}", "op-1"), Unreachable)
    kvm.close()

    assert names(folder) == {"old.qcow2"}


def test_pool_that_is_away_may_hold_what_lies_on_it(rig: LibvirtRig, kvm: Kvm, old: Path, attic: Path) -> None:
    rig.virsh("pool-destroy", "attic")
    try:
        said = refused(kvm, RetireDiskFile(str(old), "op-1"))
    finally:
        rig.virsh("pool-start", "attic")

    assert "attic" in said
    assert old.exists()


def test_overlay_that_libvirt_has_not_seen_yet_is_found(kvm: Kvm, desk: Desk, old: Path, folder: Path) -> None:
    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(folder / NEW), "-F", "qcow2", str(folder / "top.qcow2"))

    refused(kvm, RemoveDiskFile(str(folder / NEW), "op-1"))

    assert (folder / NEW).exists()


# What a worker leaves that is killed between two calls


def test_copy_goes_on_without_being_waited_for(
    kvm: Kvm, desk: Desk, old: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.0)

    said = desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))

    assert said.ref == str(folder / NEW)
    assert names(folder) == {NEW}


def test_work_that_was_only_begun_goes_on(rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, folder: Path) -> None:
    mark(rig, BEGUN)

    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))

    assert names(folder) == {NEW}


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "IDLE_SECONDS", 0.2)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("back", [False, True], ids=["retire", "restore"])
def test_copy_that_nobody_called_whole_is_made_anew(
    rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, back: bool
) -> None:
    folder = old.parent
    order: Order = RetireDiskFile(str(old), "op-1")
    first, second = old, folder / NEW
    if back:
        desk.carry_out(kvm, order)
        order, first, second = RestoreDiskFile(str(folder / NEW), "op-1", "old.qcow2"), folder / NEW, old
    run("qemu-img", "create", "-q", "-f", "qcow2", str(second), "4M")
    mark(rig, BEGUN)
    mark(rig, "lh-renaming-op-1-whole-1234.5678.mark")  # of another copy

    desk.carry_out(kvm, order)

    assert names(folder) == {second.name}
    assert has_content(second)
    assert not first.exists()


def test_first_file_goes_when_the_copy_is_whole(
    kvm: Kvm, desk: Desk, old: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("hypervisors.kvm.owning.delete", cut_off)
        with pytest.raises(KeyboardInterrupt):
            desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))
    assert {"old.qcow2", NEW, BEGUN} < names(folder)
    assert not [file.name for file in kvm.disk_files().files if file.name.endswith(".mark")]
    refused(kvm, RemoveDiskFile(str(folder / NEW), "op-1"))

    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))

    assert names(folder) == {NEW}
    assert has_content(folder / NEW)


def test_marks_are_cleared_away_by_whoever_comes_next(
    rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, folder: Path
) -> None:
    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))
    for name in (BEGUN, "lh-renaming-op-1-whole-1.2.mark", "lh-renaming-op-1-x-begun.mark"):
        mark(rig, name)

    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))

    assert names(folder) == {NEW, "lh-renaming-op-1-x-begun.mark"}


def test_new_file_of_the_old_name_is_left(rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, folder: Path) -> None:
    desk.carry_out(kvm, RetireDiskFile(str(old), "op-1"))
    made(rig, old)

    assert desk.carry_out(kvm, RetireDiskFile(str(old), "op-1")).ref == str(folder / NEW)

    assert names(folder) == {NEW, "old.qcow2"}


def test_pool_in_which_something_is_written_is_waited_for(
    rig: LibvirtRig, kvm: Kvm, desk: Desk, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = old.parent
    path = folder / "large.img"
    path.write_bytes(os.urandom(1 << 20) * 300)
    rig.virsh("pool-refresh", "machines")
    monkeypatch.setattr(connection, "LOOK_SECONDS", 0.0)
    handle = kvm.submit(RetireDiskFile(str(path), "op-2"))

    with suppress(Busy):
        assert not kvm.poll(RetireDiskFile(str(path), "op-2"), handle).done
    with pytest.raises(Busy):
        kvm.submit(RetireDiskFile(str(old), "op-1"))

    assert old.exists()
    desk.see_through(lambda: kvm.poll(RetireDiskFile(str(path), "op-2"), handle))
    assert names(folder) == {"old.qcow2", "leasehold-retired-op-2-large.img"}
