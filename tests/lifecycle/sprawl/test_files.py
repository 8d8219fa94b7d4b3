"""Disk files renamed, waited for, had back and removed, on the simulated data centre."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hypervisors.retired import is_retired
from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.connections import connect
from lifecycle.estate.files import look_at_files
from lifecycle.estate.models import Datastore, DiskFile, Endpoint
from lifecycle.estate.sync import sync
from lifecycle.models import Entry, Notice, Operation
from lifecycle.operations import actions as operations
from lifecycle.operations import claims
from lifecycle.operations.engine import step
from lifecycle.operations.orders import order_of
from lifecycle.sprawl.files import clockwork
from lifecycle.sprawl.files.actions import restore, retire, set_removal, vouch, withdraw_word
from lifecycle.wiring import OUTCOMES
from tests.lifecycle.sprawl.files import PATH, leave, other_view
from tests.lifecycle.world import World

WAIT = timedelta(days=14)


def again(file: DiskFile) -> DiskFile:
    return DiskFile.objects.select_related("datastore__endpoint").get(pk=file.pk)


def loose(world: World) -> list[str]:
    """Paths of the disks that belong to no machine."""
    return [disk["path"] for disk in world.dc.disks() if not disk["machine_ref"]]


def retired(world: World, **changes: Any) -> DiskFile:
    file = leave(world, **changes)
    retire(file, by=world.admin, reason="Nobody knows it")
    world.work_off()
    return again(file)


def looked(world: World, *, after: timedelta = timedelta(0), times: int = 3) -> None:
    """Time passes, and the endpoint is looked at again."""
    clock.move_to(clock.now() + after)
    sync(world.endpoint)
    for _time in range(times):
        look_at_files(world.endpoint)


def test_a_file_is_renamed_waited_for_and_removed(world: World) -> None:
    file = retired(world)

    assert file.state == "retired"
    assert loose(world) == [file.name]
    assert is_retired(file.name, file.retire_key)
    assert (file.former_name, str(file)) == (PATH, PATH)
    assert file.retired_at
    assert (file.remove_at, file.looks) == (file.retired_at + WAIT, 0)
    looked(world, after=WAIT - timedelta(hours=1))
    assert clockwork.advance() == 0
    looked(world, after=timedelta(hours=2))
    assert clockwork.advance() == 1
    world.work_off()
    file = again(file)
    assert loose(world) == []
    assert (file.state, file.end, file.remove_at) == ("removed", "removed", None)
    verbs = (
        Entry.objects.filter(object_type="diskfile", object_id=file.pk).order_by("pk").values_list("verb", flat=True)
    )
    assert list(verbs) == ["diskfile.retiring", "diskfile.retired", "diskfile.removing", "diskfile.removed"]


def test_a_file_that_is_had_back_has_its_name_again(world: World) -> None:
    file = retired(world)

    restore(file, by=world.admin, reason="Lena needs it")
    world.work_off()

    file = again(file)
    assert loose(world) == [PATH]
    assert (file.state, file.name, file.looks, file.remove_at) == ("found", PATH, 0, None)
    look_at_files(world.endpoint)
    assert again(file).looks == 1


def test_pressed_twice_it_is_one_operation(world: World) -> None:
    file = leave(world)

    first = retire(file, by=world.admin, reason="Nobody knows it")
    second = retire(file, by=world.admin, reason="Nobody knows it")

    assert first == second
    world.work_off()
    with pytest.raises(Conflict, match="decided about"):
        retire(file, by=world.admin, reason="Nobody knows it")
    restore(file, by=world.admin)
    restore(file, by=world.admin)
    assert Operation.objects.filter(kind="restore_file").count() == 1
    assert clockwork.advance() == 0


def test_what_is_due_is_ordered_once(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)

    assert [clockwork.advance(), clockwork.advance()] == [1, 0]

    assert Operation.objects.filter(kind="remove_file", disk_file=file).count() == 1


def test_what_is_not_proven_is_not_renamed(world: World) -> None:
    file = leave(world)
    Endpoint.objects.update(files_error="ds-2 was not read")

    with pytest.raises(Conflict, match="the last look at the disk files there was not complete"):
        retire(file, by=world.admin, reason="Nobody knows it")

    assert not Operation.objects.exists()


def test_what_is_not_proven_any_more_when_its_turn_comes_is_not_renamed(world: World) -> None:
    file = leave(world)
    operation = retire(file, by=world.admin, reason="Nobody knows it")
    other_view(file, looks=1)

    world.work_off()

    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "hindered")
    assert "Not enough looks" in operation.error
    assert (again(file).state, loose(world)) == ("found", [PATH])
    assert not world.dc.calls(changing=True)


def test_a_machine_that_takes_the_file_in_between_keeps_it(world: World) -> None:
    file = leave(world)
    operation = retire(file, by=world.admin, reason="Nobody knows it")
    world.dc.attach_disk(world.dc.make_machine_by_hand("by-hand"), file.ref)

    world.work_off()

    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "wrong_state")
    assert PATH in [disk["path"] for disk in world.dc.disks()]
    assert (again(file).state, again(file).looks) == ("found", 0)
    assert Notice.objects.filter(kind="file_failed", recipient=world.admin).exists()


def test_a_machine_that_takes_the_renamed_file_keeps_it(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    world.dc.attach_disk(world.dc.make_machine_by_hand("by-hand"), file.ref)

    clockwork.advance()
    world.work_off()

    assert file.name in [disk["path"] for disk in world.dc.disks()]
    assert (again(file).state, again(file).remove_at) == ("retired", None)
    assert Notice.objects.filter(kind="file_failed", recipient=world.admin).exists()
    look_at_files(world.endpoint)
    assert again(file).end == "used"


def test_the_clock_removes_nothing_that_is_not_proven(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    Endpoint.objects.update(scanned_at=timezone.now() - timedelta(hours=3))

    assert clockwork.advance() == 0

    assert again(file).state == "retired"
    looked(world)
    assert clockwork.advance() == 1


def test_only_looks_since_it_was_renamed_count_for_its_removal(world: World) -> None:
    file = retired(world)
    clock.move_to(clock.now() + WAIT)
    sync(world.endpoint)

    assert clockwork.advance() == 0

    looked(world)
    assert clockwork.advance() == 1
    assert again(file).state == "removing"


def test_a_removal_whose_proof_is_lost_while_it_waits_is_tried_again_by_itself(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    clockwork.advance()
    Endpoint.objects.update(files_error="ds-2 was not read")

    world.work_off()

    assert (again(file).state, loose(world)) == ("retired", [file.name])
    assert not Notice.objects.filter(kind="file_failed").exists()
    looked(world)
    assert clockwork.advance() == 1
    world.work_off()
    assert loose(world) == []


def test_a_watched_endpoint_is_left_alone(world: World) -> None:
    file = leave(world)
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE)

    with pytest.raises(Conflict, match="only observed"):
        retire(file, by=world.admin, reason="Nobody knows it")

    Endpoint.objects.update(mode=Endpoint.Mode.MANAGE)
    retire(file, by=world.admin, reason="Nobody knows it")
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE)
    world.work_off()
    assert (loose(world), Operation.objects.get().waits_for) == ([PATH], "observe")


def test_a_due_file_of_a_watched_endpoint_stays(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    Endpoint.objects.update(mode=Endpoint.Mode.OBSERVE)

    assert clockwork.advance() == 0
    assert again(file).state == "retired"


def test_removals_of_files_count_against_the_blast_radius(world: World) -> None:
    Endpoint.objects.update(blast_count=1)
    files = [leave(world, path) for path in ("a.vmdk", "b.vmdk")]
    for file in files:
        retire(again(file), by=world.admin, reason="Nobody knows it")
    world.work_off()
    looked(world, after=WAIT)

    assert clockwork.advance() == 2
    world.work_off()

    assert len(loose(world)) == 1
    assert Operation.objects.get(state="waiting").waits_for == "blast_radius"
    operations.clear(Operation.objects.get(state="waiting"), by=world.admin, reason="Both are meant")
    world.work_off()
    assert loose(world) == []


def test_a_removal_waits_for_a_fresh_scan(world: World) -> None:
    retired(world)
    looked(world, after=WAIT)
    clockwork.advance()
    Endpoint.objects.update(scanned_at=timezone.now() - timedelta(minutes=90))

    world.work_off()

    assert Operation.objects.get(kind="remove_file").waits_for == "scan"
    assert len(loose(world)) == 1


def test_what_waits_to_be_removed_can_be_had_back(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    clockwork.advance()

    restore(again(file), by=world.admin, reason="Lena needs it")
    world.work_off()

    assert loose(world) == [PATH]
    assert Operation.objects.get(kind="remove_file").state == "cancelled"


def test_what_is_being_removed_cannot(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    clockwork.advance()
    Operation.objects.filter(kind="remove_file").update(state="running", started_at=timezone.now())

    with pytest.raises(Conflict, match="right now"):
        restore(again(file), by=world.admin)


def test_what_waits_to_be_renamed_keeps_its_name(world: World) -> None:
    file = leave(world)
    retire(file, by=world.admin, reason="Nobody knows it")

    restore(file, by=world.admin, reason="Lena needs it")
    world.work_off()

    assert (loose(world), again(file).state) == ([PATH], "found")
    assert Operation.objects.get().state == "cancelled"
    with pytest.raises(Conflict, match="its own name"):
        restore(file, by=world.admin)


def test_a_worker_that_died_after_renaming_renames_nothing_twice(world: World) -> None:
    file = leave(world)
    operation = retire(file, by=world.admin, reason="Nobody knows it")
    with connect(world.endpoint) as hypervisor:
        hypervisor.submit(order_of(operation))  # and nobody wrote the handle down

    world.work_off()

    file = again(file)
    assert file.state == "retired"
    assert loose(world) == [file.name]
    assert file.name.count("leasehold-retired") == 1


def test_a_worker_that_died_after_removing_is_followed_by_one_that_finds_it_gone(world: World) -> None:
    file = retired(world)
    looked(world, after=WAIT)
    clockwork.advance()
    with connect(world.endpoint) as hypervisor:
        hypervisor.submit(order_of(Operation.objects.get(kind="remove_file")))

    world.work_off()

    assert (again(file).state, loose(world)) == ("removed", [])


def test_a_hypervisor_that_fails_leaves_the_file_and_says_so(world: World) -> None:
    file = leave(world)
    world.dc.add_fault("rename_file", "access_denied", message="No rights on this datastore")
    retire(file, by=world.admin, reason="Nobody knows it")

    world.work_off()

    operation = Operation.objects.get()
    assert (operation.state, again(file).state, loose(world)) == ("failed", "found", [PATH])
    assert Entry.objects.filter(verb="diskfile.retire_failed", object_id=file.pk).exists()


def test_work_on_one_file_is_in_order_and_never_two_at_once(world: World) -> None:
    file = retired(world)
    restore(file, by=world.admin)
    again_asked = operations.order(
        again(file), Operation.Kind.RETIRE_FILE, purpose=Operation.Purpose.RECLAIM, by=world.admin, key="second",
        arguments={"ref": file.ref, "key": file.retire_key},
    )  # fmt: skip

    due = set(claims.due().values_list("kind", flat=True))

    assert due == {"restore_file"}
    assert claims.claim(again_asked.pk) is None


def test_two_endpoints_that_see_one_file_do_not_rename_it_both(world: World) -> None:
    file = leave(world)
    view = other_view(file)
    Datastore.objects.update(identity="lun-7")
    retire(file, by=world.admin, reason="Nobody knows it")

    with pytest.raises(Conflict, match="decided about"):
        retire(view, by=world.admin, reason="Nobody knows it")


def test_a_day_of_removal_is_never_before_the_wait_is_over(world: World) -> None:
    file = retired(world)
    set_removal(file, world.day(44), by=world.admin, reason="Audit in December")

    later = again(file).remove_at
    assert later
    assert later.astimezone(world.admin.tz).date() == world.day(44)
    with pytest.raises(Invalid) as refused:
        set_removal(file, world.day(13), by=world.admin, reason="Quick")
    assert refused.value.field == "day"
    set_removal(file, world.day(14), by=world.admin, reason="As the house has it")
    assert again(file).remove_at == file.remove_at
    set_removal(file, world.day(44), by=world.admin, reason="Audit in December")
    looked(world, after=WAIT)
    assert clockwork.advance() == 0


def test_the_word_for_a_storage_holds_for_all_who_mount_it_and_can_be_taken_back(world: World) -> None:
    file = leave(world)
    view = other_view(file)
    Datastore.objects.filter(identity="lun-7").update(shared=True)

    vouch(again(file).datastore, by=world.admin, reason="Both clusters are here")

    assert list(Datastore.objects.filter(identity="lun-7").values_list("all_known", flat=True)) == [True, True]
    with pytest.raises(Conflict):
        vouch(view.datastore, by=world.admin, reason="Both clusters are here")
    withdraw_word(view.datastore, by=world.admin, reason="A third one was found")
    assert again(file).doubt == "shared"
    verbs = Entry.objects.filter(object_type="datastore").order_by("pk").values_list("verb", "reason")
    assert list(verbs) == [
        ("datastore.vouched", "Both clusters are here"),
        ("datastore.word_withdrawn", "A third one was found"),
    ]


@pytest.mark.parametrize("act", [retire, vouch, withdraw_word])
def test_a_decision_has_a_reason(world: World, act: Any) -> None:
    file = leave(world)
    subject = file if act is retire else file.datastore

    with pytest.raises(Invalid):
        act(subject, by=world.admin, reason=" ")


def test_only_administrators_decide(world: World) -> None:
    file = leave(world)

    for act in (
        lambda: retire(file, by=world.owner, reason="Mine"),
        lambda: restore(file, by=world.owner),
        lambda: set_removal(file, world.day(20), by=world.owner, reason="Mine"),
        lambda: vouch(file.datastore, by=world.owner, reason="Mine"),
        lambda: withdraw_word(file.datastore, by=world.owner, reason="Mine"),
    ):
        with pytest.raises(Forbidden):
            act()
    assert not Operation.objects.exists()


@pytest.mark.parametrize("kind", ["retire_file", "restore_file", "remove_file"])
def test_a_persons_word_that_it_is_done_is_believed_only_when_the_hypervisor_agrees(world: World, kind: str) -> None:
    file = leave(world) if kind == "retire_file" else retired(world)
    if kind == "retire_file":
        retire(file, by=world.admin, reason="Nobody knows it")
    elif kind == "restore_file":
        restore(file, by=world.admin)
    else:
        looked(world, after=WAIT)
        clockwork.advance()
    operation = Operation.objects.get(kind=kind)
    Operation.objects.filter(pk=operation.pk).update(state="running", started_at=timezone.now(), handle={"task": "x"})
    before = loose(world)
    operations.resolve(operation, Operation.Verdict.DONE, by=world.admin, reason="I did it myself")
    step(operation.pk, outcomes=OUTCOMES)

    operation.refresh_from_db()
    assert (operation.state, operation.verdict) == ("running", "")
    assert operation.error
    path = {"retire_file": f"old/leasehold-retired-{again(file).retire_key}-left.vmdk", "restore_file": PATH}
    with world.dc.storage.write() as db:
        if kind == "remove_file":
            db.execute("DELETE FROM disks WHERE path = ?", (before[0],))
        else:
            db.execute("UPDATE disks SET path = ? WHERE path = ?", (path[kind], before[0]))
    operations.resolve(operation, Operation.Verdict.DONE, by=world.admin, reason="Now I did")
    step(operation.pk, outcomes=OUTCOMES)
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert again(file).state == {"retire_file": "retired", "restore_file": "found", "remove_file": "removed"}[kind]
