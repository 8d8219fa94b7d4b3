"""What a look at an endpoint writes down: which row is which machine, and what changed."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hypervisors.contract import MachineFacts
from hypervisors.contract import Power as Seen
from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden
from lifecycle.estate.connections import connect
from lifecycle.estate.models import Disk, Endpoint, Machine, Power, Stage
from lifecycle.estate.sync import sync
from lifecycle.estate.sync.machines import write_machines
from lifecycle.estate.sync.parts import Parts
from lifecycle.estate.sync.reading import read
from tests.lifecycle.factories import make_admin, make_machine, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]

QUERIES = 33
HOSTILE = "<script>alert(1)</script>\n'; DROP TABLE lifecycle_machine; --"


def _queries(endpoint) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        sync(endpoint)
    return len(caught)


def _write_down(endpoint, facts, *, complete: bool = True) -> None:
    """What `sync` does with an answer, for answers that the data centre does not give."""
    look = read(facts, at=clock.now(), complete=complete)
    for chunk in look.chunks(100):
        write_machines(endpoint, chunk, look, Parts())


def _hold(machine: Machine, stage: Stage = Stage.ACTIVE, **fields) -> Machine:
    fields.setdefault("holder", make_user())
    Machine.objects.filter(pk=machine.pk).update(stage=stage, **fields)
    machine.refresh_from_db()
    return machine


# New ones


def test_sync_finds_machines(centre, endpoint):
    before = clock.now()
    ref = centre.make_machine_by_hand("web", note="ask Kim", guest_name="web.lan", created_by="kim")
    result = sync(endpoint)
    machine = Machine.objects.get()
    assert (result.answered, result.complete, result.seen, result.found) == (True, True, 1, 1)
    assert (machine.native_ref, machine.name, machine.stage, machine.power) == (ref, "web", "discovered", "on")
    assert (machine.note, machine.guest_name, machine.created_by) == ("ask Kim", "web.lan", "kim")
    assert (machine.vcpus, machine.memory_mib, machine.disk_mib) == (2, 4096, 40_960)
    assert (machine.scans_before, machine.scans_missed, machine.missing_since) == (0, 0, None)
    assert machine.first_seen_at is not None
    assert before <= machine.first_seen_at == machine.seen_at == machine.power_at
    assert machine.addresses


def test_sync_records_what_it_found(centre, endpoint):
    centre.make_machine_by_hand("web")
    sync(endpoint)
    sync(endpoint)
    entry = Entry.objects.get(verb="machine.discovered")
    assert (entry.actor_name, entry.object_id) == ("Leasehold", Machine.objects.get().pk)


def test_sync_twice_keeps_one_row_each(centre, endpoint):
    centre.make_machine_by_hand("web")
    sync(endpoint)
    result = sync(endpoint)
    assert (result.found, result.changed, Machine.objects.count()) == (0, 0, 1)


def test_sync_keeps_two_machines_of_one_name_apart(centre, endpoint):
    centre.make_machine_by_hand("web")
    centre.make_machine_by_hand("web")
    sync(endpoint)
    assert Machine.objects.filter(name="web").count() == 2


def test_sync_leaves_templates_out(centre, endpoint):
    sync(endpoint)
    assert not Machine.objects.exists()


def test_sync_stores_hostile_text_as_text(centre, endpoint):
    centre.make_machine_by_hand(HOSTILE, note=HOSTILE * 200, created_by="n\0ul", guest_name="g" * 400)
    sync(endpoint)
    machine = Machine.objects.get()
    assert machine.name == HOSTILE
    assert "\0" not in machine.created_by
    assert len(machine.guest_name) <= 255


def test_sync_never_flags_what_others_manage(centre, endpoint):
    centre.make_machine_by_hand("vCLS-1", managed_by="vCLS")
    sync(endpoint)
    assert Machine.objects.get().managed_by == "vCLS"
    assert not Machine.objects.ownerless().exists()


# Changed ones


def test_sync_follows_changes(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    centre.change_by_hand(ref, name="web2", vcpus=4, power="off")
    result = sync(endpoint)
    machine = Machine.objects.get()
    assert result.changed == 1
    assert (machine.name, machine.vcpus, machine.power) == ("web2", 4, Power.OFF)


def test_sync_never_writes_holder_or_stage(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    held = _hold(Machine.objects.get(), purpose="shop")
    centre.change_by_hand(ref, name="other")
    sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.holder, machine.stage, machine.purpose) == (held.holder, Stage.ACTIVE, "shop")


def test_sync_keeps_addresses_of_a_stopped_machine(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    before = Machine.objects.get().addresses
    centre.power_by_hand(ref, "off")
    sync(endpoint)
    assert Machine.objects.get().addresses == before


def test_sync_follows_disks(centre, endpoint):
    ref = centre.make_machine_by_hand("web", disks_mib=(1000, 2000))
    sync(endpoint)
    with centre.storage.write() as db:
        db.execute("DELETE FROM disks WHERE machine_ref = ? AND size_mib = 1000", (ref,))
        db.execute("UPDATE disks SET size_mib = 3000 WHERE machine_ref = ?", (ref,))
    sync(endpoint)
    assert list(Disk.objects.values_list("size_mib", flat=True)) == [3000]
    assert Machine.objects.get().disk_mib == 3000


def test_sync_marks_idle_from_the_first_look_on(centre, endpoint):
    centre.make_machine_by_hand("lazy", profile="idle")
    sync(endpoint)
    first = Machine.objects.get().idle_since
    sync(endpoint)
    assert first is not None
    assert Machine.objects.get().idle_since == first


def test_sync_forgets_idleness_of_a_busy_or_stopped_machine(centre, endpoint):
    ref = centre.make_machine_by_hand("lazy", profile="idle")
    other = centre.make_machine_by_hand("lazy too", profile="idle")
    sync(endpoint)
    centre.change_by_hand(ref, profile="busy")
    centre.power_by_hand(other, "off")
    sync(endpoint)
    assert list(Machine.objects.values_list("idle_since", flat=True)) == [None, None]


def test_sync_does_not_overwrite_what_is_newer(centre, endpoint):
    """The engine saw the machine stop after this look began."""
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    later = clock.now() + timedelta(minutes=1)
    Machine.objects.update(power=Power.OFF, power_at=later, seen_at=later)
    sync(endpoint)
    machine = Machine.objects.get(native_ref=ref)
    assert (machine.power, machine.seen_at) == (Power.OFF, later)


# Which row is which


def test_sync_knows_a_machine_that_was_registered_again(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    held = _hold(Machine.objects.get())
    new = centre.register_again(ref)
    sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.pk, machine.native_ref, machine.holder) == (held.pk, new, held.holder)


def test_sync_knows_machines_whose_references_were_dealt_out_afresh(centre, endpoint):
    one, two = centre.make_machine_by_hand("one"), centre.make_machine_by_hand("two")
    sync(endpoint)
    before = dict(Machine.objects.values_list("uuid", "pk"))
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET ref = 'vm-0' WHERE ref = ?", (one,))
        db.execute("UPDATE machines SET ref = ? WHERE ref = ?", (one, two))
        db.execute("UPDATE machines SET ref = ? WHERE ref = 'vm-0'", (two,))
    sync(endpoint)
    assert dict(Machine.objects.values_list("uuid", "pk")) == before
    assert Machine.objects.get(native_ref=one).name == "two"


def test_sync_gives_a_clone_with_the_same_uuid_its_own_row(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    held = _hold(Machine.objects.get())
    centre.clone_by_hand(ref, "copy", same_uuid=True)
    sync(endpoint)
    sync(endpoint)
    copy = Machine.objects.get(name="copy")
    assert Machine.objects.count() == 2
    assert (copy.stage, copy.holder, copy.uuid) == (Stage.DISCOVERED, None, held.uuid)
    assert Machine.objects.get(pk=held.pk).native_ref == ref


def test_sync_does_not_take_a_copy_for_the_machine_in_a_partial_scan(centre, endpoint):
    """The copy's host answers, the machine's own host does not."""
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    held = _hold(Machine.objects.get())
    copy = MachineFacts("vm-copy", held.uuid, "copy", Seen.ON, vcpus=2, memory_mib=4096)
    _write_down(endpoint, [copy], complete=False)
    assert Machine.objects.get().native_ref == ref


def test_sync_leaves_a_held_machine_alone_when_another_stands_behind_its_reference(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    held = _hold(Machine.objects.get())
    centre.change_by_hand(ref, uuid=str(uuid4()), name="stranger")
    result = sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.name, machine.uuid, machine.scans_missed) == ("web", held.uuid, 1)
    assert "stranger" in result.notes[0]


def test_sync_takes_the_new_uuid_of_a_machine_that_nobody_holds(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    new = uuid4()
    centre.change_by_hand(ref, uuid=str(new))
    sync(endpoint)
    assert Machine.objects.get().uuid == new


@pytest.mark.parametrize("stage", [Stage.REMOVED, Stage.FAILED])
def test_sync_does_not_revive_what_ended(centre, endpoint, stage):
    ref = centre.make_machine_by_hand("web")
    uuid = UUID(centre.machines()[0]["uuid"])
    ended = make_machine(endpoint=endpoint, native_ref=ref, uuid=uuid, stage=stage)
    sync(endpoint)
    found = Machine.objects.exclude(pk=ended.pk).get()
    assert (found.stage, found.uuid) == (Stage.DISCOVERED, uuid)
    assert Machine.objects.get(pk=ended.pk).stage == stage


def test_sync_does_not_find_what_was_removed_while_it_looked(centre, endpoint):
    centre.make_machine_by_hand("web")
    uuid = UUID(centre.machines()[0]["uuid"])
    ended = make_machine(endpoint=endpoint, uuid=uuid, stage=Stage.REMOVED)
    Entry(
        at=clock.now() + timedelta(seconds=30), actor_name="Leasehold", verb="machine.removed",
        object_type="machine", object_id=ended.pk, object_name="web",
    ).save()  # fmt: skip
    sync(endpoint)
    assert Machine.objects.count() == 1


def test_sync_leaves_our_own_creation_to_the_engine(centre, endpoint):
    building = make_machine("web", endpoint=endpoint, native_ref="", stage=Stage.BUILDING, vcpus=8, power=Power.UNKNOWN)
    centre.make_machine_by_hand("op-1", uuid=str(building.uuid), stamp="op-1", vcpus=1)
    sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.stage, machine.native_ref, machine.vcpus, machine.scans_missed) == (Stage.BUILDING, "", 8, 0)


def test_sync_of_another_endpoint_shares_no_rows(centre, endpoint, simulated_dir):
    centre.make_machine_by_hand("web", uuid="11111111-1111-1111-1111-111111111111")
    other = Endpoint.objects.create(name="Twin", kind="simulated", path=centre.path)
    sync(endpoint)
    sync(other)
    assert Machine.objects.count() == 2


def test_sync_at_once_with_another_adds_nothing_twice(centre, endpoint):
    """This one read first and writes last."""
    centre.make_machine_by_hand("web")
    with connect(endpoint) as hypervisor:
        facts = hypervisor.inventory().machines
    sync(endpoint)
    _write_down(endpoint, facts)
    assert Machine.objects.count() == 1


def test_sync_waits_for_the_uuid_of_a_machine_that_is_being_cloned(endpoint):
    """vSphere shows our clone before its UUID is set."""
    half = MachineFacts("vm-1", None, "op-1", Seen.OFF, vcpus=1, memory_mib=1, stamp_operation="op-1")
    _write_down(endpoint, [half])
    assert not Machine.objects.exists()


def test_sync_takes_a_machine_without_a_uuid_by_its_reference(endpoint):
    bare = MachineFacts("vm-1", None, "bare", Seen.OFF, vcpus=1, memory_mib=1)
    _write_down(endpoint, [bare])
    _write_down(endpoint, [bare])
    assert Machine.objects.get().name == "bare"


# Parts


def test_sync_follows_the_parts(centre, endpoint):
    sync(endpoint)
    assert endpoint.pools.get().name == "rack"
    assert endpoint.hosts.get().pool == endpoint.pools.get()
    assert endpoint.datastores.get().capacity_mib == 10_000_000
    assert endpoint.networks.get().name == "lan"
    assert (endpoint.images.get().name, endpoint.images.get().disk_mib) == ("debian", 2048)


def test_sync_points_machines_at_their_parts(centre, endpoint):
    sync(endpoint)
    centre.make_machine_by_hand(
        "web", pool_ref=endpoint.pools.get().ref, host_ref=endpoint.hosts.get().ref,
        datastore_ref=endpoint.datastores.get().ref,
    )  # fmt: skip
    sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.pool, machine.host) == (endpoint.pools.get(), endpoint.hosts.get())
    assert machine.disks.get().datastore == endpoint.datastores.get()


def test_sync_flags_parts_that_are_gone_and_back(centre, endpoint, everything):
    sync(endpoint)
    with centre.storage.write() as db:
        db.execute("UPDATE networks SET ref = 'network-x'")
    sync(endpoint)
    assert dict(endpoint.networks.values_list("ref", "gone"))["network-x"] is False
    assert list(endpoint.networks.filter(gone=True).values_list("name", flat=True)) == ["lan"]
    with centre.storage.write() as db:
        db.execute("DELETE FROM networks")
    sync(endpoint)
    assert not endpoint.networks.filter(gone=False).exists()


# The look itself


def test_sync_notes_a_complete_scan(centre, endpoint):
    sync(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.scans, endpoint.scan_error) == (1, "")
    assert endpoint.scanned_at is not None
    assert endpoint.version == "Simulated data centre 1.0"


def test_sync_changes_nothing_at_the_endpoint(centre, endpoint):
    centre.make_machine_by_hand("web")
    sync(endpoint)
    assert centre.calls(changing=True) == []


def test_sync_asked_for_by_a_person_is_recorded(centre, endpoint):
    admin = make_admin()
    sync(endpoint, by=admin)
    assert Entry.objects.get(verb="endpoint.scan_asked").actor_id == admin.pk


def test_sync_is_asked_for_by_admins_only(centre, endpoint):
    with pytest.raises(Forbidden):
        sync(endpoint, by=make_user())
    assert centre.calls() == []


def test_sync_takes_as_many_queries_for_thirty_as_for_three(centre, endpoint, everything):
    owner = make_user()
    for number in range(3):
        centre.make_machine_by_hand(f"vm{number}")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=owner)
    three = _queries(endpoint)
    for number in range(27):
        centre.make_machine_by_hand(f"more{number}")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=owner)
    assert (_queries(endpoint), three) == (QUERIES, QUERIES)
