"""Disks as storage sees them: what belongs to a disk is none, and what the house keeps is no orphan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote
from urllib.request import Request

import pytest

from hypervisors.contract import DiskFile
from hypervisors.vmware import files
from hypervisors.vmware.adapter import Vmware
from tests.hypervisors.vmware.bench import VcenterBench

pytestmark = pytest.mark.rig

Upload = Callable[[str], None]


@pytest.fixture
def upload(bench: VcenterBench) -> Iterator[Upload]:
    """Puts a file on the first datastore, as people do."""
    made: set[str] = set()

    def put(path: str) -> None:
        made.add(path.partition("/")[0])
        place = f"{bench.console.target.address}:{bench.console.target.port}"
        query = f"dcPath=DC0&dsName={quote(bench.store)}"
        url = f"https://{place}/folder/{quote(path)}?{query}"
        bench.console.ask(Request(url, data=b"x" * 4096, method="PUT"))

    yield put
    for folder in made:
        manager = bench.console.content.fileManager
        path = f"[{bench.store}] {folder}"
        bench.console.finish(manager.DeleteDatastoreFile_Task(path, bench.console.datacenter()))


def told(vmware: Vmware) -> dict[str, DiskFile]:
    answer = vmware.disk_files()
    assert answer.complete, answer.gaps
    return {file.name: file for file in answer.files}


KEPT = {
    "fcd/3f2a.vmdk": "first-class disk",
    "contentlib-4b1c/item/disk-0.vmdk": "content library",
    "hand-replica/hbrdisk.RDID-1.vmdk": "replica",
    ".vSphere-HA/x.vmdk": "kept by the system",
    "hand-lost/old.vmdk": "",
    "hand-chain/old.vmdk": files.CHAIN,
    "hand-chain/old-000001.vmdk": files.CHAIN,
    "hand-end/old-000002.vmdk": files.CHAIN,
    "hand-flat/flat.vmdk": "",
}


def test_disks_that_somebody_needs_are_kept(vmware: Vmware, upload: Upload) -> None:
    for path in KEPT:
        upload(path)

    found = told(vmware)

    assert {path: found[path].kept_for for path in KEPT} == KEPT
    assert all(found[path].size_mib == 1 and not found[path].used_by for path in KEPT)


@pytest.mark.parametrize("part", ["flat", "delta", "sesparse", "ctk", "rdm", "s001", "digest"])
def test_parts_of_disks_are_no_disks(part: str, vmware: Vmware, upload: Upload) -> None:
    upload("hand-parts/whole.vmdk")
    upload(f"hand-parts/whole-{part}.vmdk")

    assert [name for name in told(vmware) if name.startswith("hand-parts/")] == ["hand-parts/whole.vmdk"]


def test_disk_of_two_machines_names_both(bench: VcenterBench, vmware: Vmware) -> None:
    first, second = bench.make_by_hand("hand-one"), bench.make_by_hand("hand-two")
    path = bench.console.disks_of(bench.console.vm(first))[0].backing.fileName

    bench.console.mount(bench.console.vm(second), path)

    assert set(told(vmware)[path.partition("] ")[2]].used_by) == {first, second}
