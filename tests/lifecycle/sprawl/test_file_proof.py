"""When a disk file is an orphan: each condition alone breaks the proof."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from lifecycle import clock
from lifecycle.estate.models import Datastore, DiskFile, Endpoint, Scan
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.files import proof
from lifecycle.sprawl.models import Finding
from tests.lifecycle.sprawl.files import leave, other_view, set_limits
from tests.lifecycle.world import World


def codes(file: DiskFile) -> list[str]:
    return [doubt.code for doubt in proof.against(again(file), clock.now())]


def again(file: DiskFile) -> DiskFile:
    return DiskFile.objects.select_related("datastore__endpoint").get(pk=file.pk)


def store(file: DiskFile, **columns: object) -> None:
    Datastore.objects.filter(pk=file.datastore_id).update(**columns)


def endpoint(file: DiskFile, **columns: object) -> None:
    Endpoint.objects.filter(pk=file.datastore.endpoint_id).update(**columns)


def row(file: DiskFile, **columns: object) -> None:
    DiskFile.objects.filter(pk=file.pk).update(**columns)


def ended_scan(file: DiskFile, state: str) -> None:
    now = timezone.now()
    Scan.objects.create(
        endpoint_id=file.datastore.endpoint_id, mode="full", state=state, began_at=now, beat_at=now, ended_at=now
    )


OLD = timezone.now() - timedelta(hours=13)

BREAKS: dict[str, tuple[str, Callable[[DiskFile], object]]] = {
    "its storage is not told of any more": ("gone_storage", lambda file: store(file, gone=True)),
    "unknown storage may be mounted elsewhere": ("unknown_storage", lambda file: store(file, identity="", shared=True)),
    "hosts that are not here may mount it": ("shared", lambda file: store(file, identity="lun-7", shared=True)),
    "the endpoint does not answer": ("away", lambda file: endpoint(file, failing_since=timezone.now())),
    "it was never scanned": ("no_scan", lambda file: endpoint(file, scanned_at=None)),
    "the last scan was partial": ("partial_scan", lambda file: ended_scan(file, "partial")),
    "the last scan failed": ("partial_scan", lambda file: ended_scan(file, "failed")),
    "the last scan was stopped": ("partial_scan", lambda file: ended_scan(file, "stopped")),
    "the last scan is long ago": ("old_scan", lambda file: endpoint(file, scanned_at=OLD)),
    "there was no complete look": ("no_look", lambda file: store(file, files_at=None)),
    "the last look was partial": ("partial_look", lambda file: endpoint(file, files_error="ds-2 was not read")),
    "the last look is long ago": ("old_look", lambda file: store(file, files_at=OLD)),
    "one look too few": ("looks", lambda file: row(file, looks=2)),
    "not for long enough": ("days", lambda file: row(file, unused_since=clock.now() - timedelta(days=6, hours=23))),
    "changed not long ago": ("changed", lambda file: row(file, changed_at=clock.now() - timedelta(days=6, hours=23))),
    "renamed by another portal": ("renamed", lambda file: row(file, name="old/leasehold-retired-1-ff-left.vmdk")),
}


def test_all_in_order_it_is_an_orphan_with_its_evidence(world: World) -> None:
    file = leave(world)

    scan()

    finding = Finding.objects.get(kind="disk_file")
    assert (finding.disk_file, finding.disk_mib, finding.since) == (file, file.size_mib, file.unused_since)
    assert {one["what"]: one["value"] for one in finding.evidence}["file_endpoints"] == "Hamburg"
    assert codes(file) == []


@pytest.mark.parametrize("case", BREAKS)
def test_each_condition_alone_breaks_the_proof(world: World, case: str) -> None:
    file = leave(world)
    assert codes(file) == []
    code, break_it = BREAKS[case]

    break_it(file)

    assert codes(file) == [code]
    scan()
    assert not Finding.objects.filter(kind="disk_file").exists()
    assert again(file).doubt == code


def test_at_the_limits_it_is_proven(world: World) -> None:
    file = leave(world)
    now = clock.now()
    row(file, looks=3, unused_since=now - timedelta(days=7), changed_at=now - timedelta(days=7))

    assert proof.against(again(file), now) == ()


def test_the_word_of_an_administrator_stands_for_hosts_that_are_not_here(world: World) -> None:
    file = leave(world)

    store(file, shared=True, all_known=True)

    assert codes(file) == []


OTHERS: dict[str, tuple[str, Callable[[DiskFile, DiskFile], object]]] = {
    "the other does not tell of it": ("unseen", lambda file, view: row(view, gone_at=clock.now(), end="used")),
    "the other sees another name": ("unseen", lambda file, view: row(view, name="old/other.vmdk")),
    "the other has not looked often enough": ("looks", lambda file, view: row(view, looks=2)),
    "the other saw it used not long ago": ("days", lambda file, view: row(view, unused_since=clock.now())),
    "the other does not answer": ("away", lambda file, view: endpoint(view, failing_since=timezone.now())),
    "the other was scanned partly": ("partial_scan", lambda file, view: ended_scan(view, "partial")),
    "nobody has looked there": ("no_look", lambda file, view: store(view, files_at=None)),
    "the other look was partial": ("partial_look", lambda file, view: endpoint(view, files_error="ds-2")),
    "it is vouched for as one mounts it only": ("shared", lambda file, view: store(view, shared=True)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_every_endpoint_that_mounts_its_storage_has_to_agree(world: World, case: str) -> None:
    file = leave(world)
    view = other_view(file)
    store(file, shared=True, all_known=True)
    assert codes(file) == []
    code, break_it = OTHERS[case]

    break_it(file, view)

    assert codes(file) == [code]


def test_an_endpoint_that_does_not_mount_it_any_more_is_not_asked(world: World) -> None:
    file = leave(world)
    view = other_view(file)
    row(view, gone_at=clock.now())
    assert codes(file) == ["unseen"]

    store(view, gone=True)

    assert codes(file) == []


def test_storage_that_only_looks_alike_is_another(world: World) -> None:
    file = leave(world)
    view = other_view(file)
    row(view, gone_at=clock.now())

    store(view, identity="lun-8")

    assert codes(file) == []


def test_one_finding_stands_for_a_file_that_two_endpoints_see(world: World) -> None:
    file = leave(world)
    other_view(file)

    scan()

    assert [finding.disk_file for finding in Finding.objects.filter(kind="disk_file")] == [file]


def test_thresholds_hold(world: World) -> None:
    file = leave(world)
    row(file, looks=1, unused_since=clock.now())

    set_limits(file_looks=1, file_days=0)

    assert codes(file) == []


def test_the_finding_ends_with_its_cause(world: World) -> None:
    file = leave(world)
    scan()

    endpoint(file, files_error="ds-2 was not read")
    scan()

    assert Finding.objects.get(kind="disk_file").ended_at
