"""Disk files under another name: what belongs to a disk comes along, and what somebody needs is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote
from urllib.request import Request

import pytest
from pyVmomi import vim

from hypervisors.conformance.driving import drive
from hypervisors.contract import RemoveDiskFile, RestoreDiskFile, RetireDiskFile
from hypervisors.errors import NameTaken, NotFound, WrongState
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench

pytestmark = pytest.mark.rig

Upload = Callable[[str], str]
NEW = "leasehold-retired-op-1-hand-old.vmdk"


@pytest.fixture
def upload(bench: VcenterBench) -> Iterator[Upload]:
    """Puts a file on the first datastore, as people do. Returns its reference."""
    made: set[str] = set()

    def put(path: str) -> str:
        made.add(path.partition("/")[0])
        place = f"{bench.console.target.address}:{bench.console.target.port}"
        url = f"https://{place}/folder/{quote(path)}?dcPath=DC0&dsName={quote(bench.store)}"
        bench.console.ask(Request(url, data=b"x" * 4096, method="PUT"))
        return f"{bench.store_ref}:{path}"

    yield put
    for folder in made:
        path = f"[{bench.store}] {folder}"
        task = bench.console.content.fileManager.DeleteDatastoreFile_Task(path, bench.console.datacenter())
        bench.console.finish(task)


@pytest.fixture
def old(bench: VcenterBench) -> str:
    return bench.loose_disk_by_hand("hand-old")


def on_datastore(bench: VcenterBench) -> set[str]:
    """All of it, with the parts of disks."""
    browser = bench.console.told(bench.console.object(vim.Datastore, bench.store_ref), "browser")["browser"]
    spec = vim.host.DatastoreBrowser.SearchSpec(matchPattern=["*hand-old*"])
    found = bench.console.finish(browser.SearchDatastore_Task(f"[{bench.store}]", spec))
    return {file.path for file in found.file or ()}


def test_what_a_disk_consists_of_comes_along(bench: VcenterBench, vmware: Vmware, old: str) -> None:
    before = on_datastore(bench)
    ref = drive(bench, vmware, RetireDiskFile(old, "op-1")).ref

    assert before == {"hand-old.vmdk", "hand-old-flat.vmdk"}
    assert on_datastore(bench) == {f"leasehold-retired-op-1-{name}" for name in before}

    drive(bench, vmware, RemoveDiskFile(ref, "op-1"))

    assert on_datastore(bench) == set()


def test_task_that_another_worker_began_is_no_failure(bench: VcenterBench, vmware: Vmware, old: str) -> None:
    """Both saw the file under its first name, and one of the two tasks found it no more."""
    order = RetireDiskFile(old, "op-1")
    vmware.submit(order)
    manager, centre = bench.console.content.virtualDiskManager, bench.console.datacenter()
    again = manager.MoveVirtualDisk_Task(
        f"[{bench.store}] hand-old.vmdk", centre, f"[{bench.store}] {NEW}", centre, False
    )  # fmt: skip

    said = vmware.poll(order, {"task": again._GetMoId(), "state": "begun"})

    assert (said.done, said.ref) == (True, f"{bench.store_ref}:{NEW}")


def test_task_that_the_server_forgot_is_looked_after(bench: VcenterBench, vmware: Vmware, old: str) -> None:
    vmware.submit(RetireDiskFile(old, "op-1"))

    assert vmware.poll(RetireDiskFile(old, "op-1"), {"task": "task-0", "state": "begun"}).done


@pytest.mark.parametrize(
    "path", ["fcd/3f2a.vmdk", "contentlib-4b1c/disk-0.vmdk", "hand-chain/old-000001.vmdk", "hand-r/hbrdisk.RDID-1.vmdk"]
)
def test_disk_that_somebody_needs_is_left(vmware: Vmware, upload: Upload, path: str) -> None:
    ref = upload(path)

    with pytest.raises(WrongState):
        vmware.submit(RetireDiskFile(ref, "op-1"))

    assert ref in {file.ref for file in vmware.disk_files().files}


@pytest.fixture
def lost(upload: Upload) -> str:
    """A whole disk in a folder."""
    upload("hand-lost/web-flat.vmdk")
    return upload("hand-lost/web.vmdk")


def test_disk_that_lacks_a_part_is_not_gone(bench: VcenterBench, vmware: Vmware, upload: Upload) -> None:
    ref = upload("hand-lost/web.vmdk")

    with pytest.raises(WrongState):
        drive(bench, vmware, RetireDiskFile(ref, "op-1"))


def test_disk_of_a_folder_stays_in_it(bench: VcenterBench, vmware: Vmware, lost: str) -> None:
    ref = lost

    new = drive(bench, vmware, RetireDiskFile(ref, "op-1")).ref

    assert new == f"{bench.store_ref}:hand-lost/leasehold-retired-op-1-web.vmdk"
    assert drive(bench, vmware, RestoreDiskFile(new, "op-1", "hand-lost/web.vmdk")).ref == ref


def test_name_that_is_taken_is_not_given_back(bench: VcenterBench, vmware: Vmware, upload: Upload, lost: str) -> None:
    ref = drive(bench, vmware, RetireDiskFile(lost, "op-1")).ref
    upload("hand-lost/web.vmdk")

    with pytest.raises(NameTaken):
        vmware.submit(RestoreDiskFile(ref, "op-1", "hand-lost/web.vmdk"))


def test_folder_that_is_gone_holds_nothing(bench: VcenterBench, vmware: Vmware) -> None:
    ref = f"{bench.store_ref}:hand-nowhere/leasehold-retired-op-1-web.vmdk"

    assert vmware.poll(RemoveDiskFile(ref, "op-1"), vmware.submit(RemoveDiskFile(ref, "op-1"))).done
    with pytest.raises(NotFound):
        vmware.submit(RestoreDiskFile(ref, "op-1", "hand-nowhere/web.vmdk"))


def test_datastore_that_is_away_says_nothing_about_its_files(vmware: Vmware) -> None:
    with pytest.raises(WrongState):
        vmware.submit(RemoveDiskFile(f"datastore-4711:{NEW}", "op-1"))
