"""Looks at disk files: what is written of files without a user, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hypervisors.contract import DiskFile as Told
from hypervisors.contract import DiskFiles
from hypervisors.retired import retired_path
from hypervisors.simulated.adapter import Simulated
from lifecycle import clock
from lifecycle.errors import Forbidden
from lifecycle.estate.files import look_at_files
from lifecycle.estate.models import Datastore, DiskFile
from lifecycle.estate.scanning import ask_files
from lifecycle.models import Entry
from tests.lifecycle.world import World

GIB = 1024


def leave(world: World, path: str = "old/left.vmdk") -> str:
    store = Datastore.objects.get(endpoint=world.endpoint)
    return world.dc.add_loose_disk(path, size_mib=40 * GIB, datastore_ref=store.ref)


def only(**wanted: object) -> DiskFile:
    return DiskFile.objects.get(**wanted)


@pytest.fixture
def partly(monkeypatch):
    """The next looks cannot read all datastores."""

    def begin() -> None:
        whole = Simulated.disk_files
        monkeypatch.setattr(
            Simulated,
            "disk_files",
            lambda self: DiskFiles(False, whole(self).files, ["Datastore ssd-2 could not be read."]),
        )

    return begin


def test_a_file_without_a_user_is_counted_look_by_look(world: World) -> None:
    leave(world)

    for _look in range(3):
        assert look_at_files(world.endpoint)

    row = only()
    assert (row.name, row.size_mib, row.looks, row.state) == ("old/left.vmdk", 40 * GIB, 3, "found")
    assert row.datastore.name == "ssd-1"
    world.endpoint.refresh_from_db()
    assert world.endpoint.files_at
    assert row.datastore.files_at


def test_files_of_machines_and_images_are_not_written(world: World) -> None:
    world.dc.make_machine_by_hand("by-hand")

    look_at_files(world.endpoint)

    assert not DiskFile.objects.exists()


def test_a_user_ends_the_row_and_a_new_streak_begins_a_new_one(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    machine = world.dc.make_machine_by_hand("by-hand")
    world.dc.attach_disk(machine, ref)

    look_at_files(world.endpoint)

    row = only()
    assert (row.end, row.gone_at is None) == ("used", False)
    world.dc.delete_by_hand(machine, keep_disks=True)
    look_at_files(world.endpoint)
    assert only(ref=ref, gone_at=None).looks == 1


def test_a_file_that_is_gone_ends_its_row(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    with world.dc.storage.write() as db:
        db.execute("DELETE FROM disks WHERE ref = ?", (ref,))

    look_at_files(world.endpoint)

    assert only().end == "missing"


def test_a_partial_look_counts_nothing_and_ends_nothing(world: World, partly) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    before = only().looks, only().datastore.files_at
    partly()
    with world.dc.storage.write() as db:
        db.execute("DELETE FROM disks WHERE ref = ?", (ref,))
    leave(world, "another.vmdk")

    found = look_at_files(world.endpoint)

    assert found is not None
    assert not found.complete
    row = only()
    assert ((row.looks, row.datastore.files_at), row.gone_at) == (before, None)
    world.endpoint.refresh_from_db()
    assert world.endpoint.files_error == "Datastore ssd-2 could not be read."


def test_a_partial_look_that_sees_a_user_begins_the_count_anew(world: World, partly) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    partly()
    world.dc.attach_disk(world.dc.make_machine_by_hand("by-hand"), ref)

    look_at_files(world.endpoint)

    assert (only().looks, only().gone_at) == (0, None)


def test_a_file_that_changes_is_used_by_somebody(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    look_at_files(world.endpoint)
    clock.move_to(clock.now() + timedelta(days=3))
    with world.dc.storage.write() as db:
        db.execute("UPDATE disks SET size_mib = size_mib + 1 WHERE ref = ?", (ref,))

    look_at_files(world.endpoint)

    row = only()
    assert (row.looks, row.size_mib) == (1, 40 * GIB + 1)
    assert clock.now() - row.unused_since < timedelta(days=1)


def test_an_endpoint_that_does_not_answer_counts_nothing(world: World) -> None:
    leave(world)
    look_at_files(world.endpoint)
    world.dc.go_offline()

    found = look_at_files(world.endpoint)

    assert found is not None
    assert not found.answered
    assert only().looks == 1
    world.endpoint.refresh_from_db()
    assert world.endpoint.files_error
    assert world.endpoint.failing_since


def test_of_two_looks_at_once_the_second_to_end_counts_nothing(world: World, monkeypatch) -> None:
    leave(world)
    whole = Simulated.disk_files

    def slow(self: Simulated) -> DiskFiles:
        told = whole(self)
        monkeypatch.setattr(Simulated, "disk_files", whole)
        look_at_files(world.endpoint)
        return told

    monkeypatch.setattr(Simulated, "disk_files", slow)
    look_at_files(world.endpoint)

    assert only().looks == 1


def test_a_name_that_the_tables_cannot_hold_is_left_out(world: World, monkeypatch) -> None:
    store = Datastore.objects.get(endpoint=world.endpoint).ref
    told = [Told("ok", "kept.vmdk", store, 1), Told("bad", "n" * 501, store, 1), Told("zero", "a\0b", store, 1)]
    monkeypatch.setattr(Simulated, "disk_files", lambda self: DiskFiles(True, told))

    look_at_files(world.endpoint)

    assert list(DiskFile.objects.values_list("name", flat=True)) == ["kept.vmdk"]


def test_a_look_leaves_alone_what_is_being_done_and_what_was_done_since_it_began(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    DiskFile.objects.update(state="retiring", retire_key="7-abc")
    with world.dc.storage.write() as db:  # the hypervisor is ahead of the row
        db.execute("UPDATE disks SET path = ? WHERE ref = ?", (retired_path("old/left.vmdk", "7-abc"), ref))

    look_at_files(world.endpoint)

    row = only()
    assert (row.state, row.name, row.looks, row.gone_at) == ("retiring", "old/left.vmdk", 1, None)
    DiskFile.objects.update(state="found", touched_at=clock.now() + timedelta(minutes=1))
    look_at_files(world.endpoint)
    assert only().looks == 1


def test_what_was_given_up_and_came_to_be_all_the_same_is_known_by_its_key(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    DiskFile.objects.update(retire_key="7-abc")
    name = retired_path("old/left.vmdk", "7-abc")
    with world.dc.storage.write() as db:
        db.execute("UPDATE disks SET path = ? WHERE ref = ?", (name, ref))

    look_at_files(world.endpoint)

    row = only()
    assert (row.state, row.name, row.former_name) == ("retired", name, "old/left.vmdk")
    assert row.remove_at is None


def test_what_was_renamed_by_us_and_is_used_by_a_machine_goes_on_record(world: World) -> None:
    ref = leave(world)
    look_at_files(world.endpoint)
    name = retired_path("old/left.vmdk", "7-abc")
    DiskFile.objects.update(
        state="retired", retire_key="7-abc", name=name, former_name="old/left.vmdk", remove_at=clock.now()
    )
    with world.dc.storage.write() as db:
        db.execute("UPDATE disks SET path = ? WHERE ref = ?", (name, ref))
    world.dc.attach_disk(world.dc.make_machine_by_hand("by-hand"), ref)

    look_at_files(world.endpoint)

    row = only()
    assert (row.end, row.remove_at) == ("used", None)
    assert Entry.objects.filter(verb="diskfile.used", object_id=row.pk).count() == 1


def test_only_administrators_ask_for_a_look(world: World) -> None:
    with pytest.raises(Forbidden):
        ask_files(world.endpoint, by=world.owner)

    ask_files(world.endpoint, by=world.admin)
    assert Entry.objects.get(verb="endpoint.files_asked").actor_id == world.admin.pk
