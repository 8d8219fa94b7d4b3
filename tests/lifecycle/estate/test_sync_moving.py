"""Machines that went from one endpoint to another keep row, holder, history; what is no move stays two rows."""

from datetime import timedelta
from uuid import UUID

import pytest

from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.estate import connections
from lifecycle.estate.models import Drift, Machine, Meter, Span, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_endpoint, make_span, make_tenure, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]

SAME = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def south(simulated_dir):
    centre = DataCentre(simulated_dir / "south.dc.sqlite3")
    centre.set_durations(0)
    centre.add_host("southern", pool_ref=centre.add_pool("annex"))
    yield centre
    connections.close_all()
    centre.close()


@pytest.fixture
def there(south, db):
    return make_endpoint("South", path=south.path, scans=0)


@pytest.fixture
def held(centre, endpoint):
    """A leased machine in the north that runs and is metered."""
    centre.make_machine_by_hand("web", uuid=SAME, created_by="kim")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=make_user())
    machine = Machine.objects.get()
    make_tenure(machine)
    for meter in Meter:
        make_span(machine, meter)
    return machine


def _carry_south(centre, south, held, **facts) -> str:
    centre.delete_by_hand(held.native_ref)
    # The south's numbers begin elsewhere: its references are its own.
    for _ in range(3):
        south.add_network("lan")
    return south.make_machine_by_hand("web", **({"uuid": SAME, "created_by": "migration"} | facts))


@pytest.mark.parametrize("north_first", [True, False])
def test_moved_machine_goes_on_where_it_is_now(centre, south, there, held, north_first):
    endpoint = held.endpoint
    ref = _carry_south(centre, south, held)
    for each in [endpoint, there] if north_first else [there, endpoint]:
        sync(each)
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, held.native_ref, held.stage, held.holder) == (there, ref, Stage.ACTIVE, held.holder)
    assert (held.missing_since, held.scans_missed, held.missing_reason) == (None, 0, "")
    assert held.created_by == "kim"
    assert held.tenures.get().ended_at is None
    assert Span.objects.filter(machine=held, ended_at=None).count() == Span.objects.count() == 3


def test_moved_machine_ends_the_row_that_was_found(centre, endpoint, south, there, held):
    _carry_south(centre, south, held)
    sync(there)
    found = Machine.objects.get(endpoint=there)
    sync(endpoint)
    found.refresh_from_db()
    assert (found.stage, found.native_ref, found.disks.count()) == (Stage.REMOVED, "", 0)
    assert held.disks.count() == 1


def test_moved_machine_is_recorded_on_both_rows(centre, endpoint, south, there, held):
    _carry_south(centre, south, held)
    sync(there)
    found = Machine.objects.get(endpoint=there)
    sync(endpoint)
    moved, merged = Entry.objects.get(verb="machine.moved"), Entry.objects.get(verb="machine.merged")
    assert (moved.object_id, moved.detail) == (held.pk, {"before": "North", "after": "South"})
    assert (merged.object_id, merged.reason) == (found.pk, "It is web, which was at North before.")


def test_moved_machine_is_one_row_from_then_on(centre, endpoint, south, there, held):
    ref = _carry_south(centre, south, held)
    for _ in range(3):
        sync(there)
        sync(endpoint)
    live = Machine.objects.exclude(stage=Stage.REMOVED)
    assert list(live.values_list("pk", "native_ref", "scans_missed")) == [(held.pk, ref, 0)]
    south.change_by_hand(ref, vcpus=16)
    sync(there)
    held.refresh_from_db()
    assert held.vcpus == 16


def test_moved_machine_that_was_changed_on_the_way_drifts(centre, endpoint, south, there, held):
    _carry_south(centre, south, held, vcpus=8)
    sync(there)
    sync(endpoint)
    assert Drift.objects.values_list("column", "ours", "theirs").get() == ("vcpus", "2", "8")
    old, new = Span.objects.filter(meter="vcpu").order_by("started_at")
    assert (old.ended_at, new.quantity, new.ended_at) == (_second(held.seen_at), 8, None)


def _second(moment):
    return moment.replace(microsecond=0)


def test_moved_machine_that_had_been_given_up_is_metered_again_from_now_on(centre, endpoint, south, there, held):
    centre.delete_by_hand(held.native_ref)
    for _ in range(3):
        sync(endpoint)
    assert not Span.objects.filter(ended_at=None).exists()
    south.make_machine_by_hand("web", uuid=SAME)
    before = clock.now() - timedelta(seconds=1)
    sync(there)
    sync(endpoint)
    spans = Span.objects.filter(machine=held, ended_at=None)
    assert spans.count() == 3
    assert all(span.started_at >= before for span in spans)


def test_found_machine_that_moved_keeps_its_row_too(centre, endpoint, south, there):
    centre.make_machine_by_hand("stray", uuid=SAME)
    sync(endpoint)
    stray = Machine.objects.get()
    _carry_south(centre, south, stray)
    sync(there)
    sync(endpoint)
    stray.refresh_from_db()
    assert (stray.endpoint, stray.stage) == (there, Stage.DISCOVERED)


# What is no move


def test_copy_elsewhere_stays_a_row_of_its_own(centre, endpoint, south, there, held):
    """The north still sees it."""
    south.make_machine_by_hand("copy", uuid=SAME)
    for _ in range(2):
        sync(there)
        sync(endpoint)
    assert set(Machine.objects.values_list("endpoint", "stage")) == {
        (endpoint.pk, Stage.ACTIVE), (there.pk, Stage.DISCOVERED),
    }  # fmt: skip


def test_machine_does_not_move_by_a_partial_look(centre, south, there, held, everything):
    endpoint = held.endpoint
    _carry_south(centre, south, held)
    sync(there)
    centre.add_fault("list_networks", "denied")
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, held.missing_since) == (endpoint, None)


def test_machine_does_not_move_while_its_endpoint_is_away(centre, endpoint, south, there, held):
    _carry_south(centre, south, held)
    centre.go_offline()
    sync(there)
    sync(endpoint)
    held.refresh_from_db()
    assert held.endpoint == endpoint


@pytest.mark.parametrize("which", ["ours", "theirs"])
def test_machine_does_not_move_while_we_work_on_it(centre, south, there, held, which):
    endpoint = held.endpoint
    _carry_south(centre, south, held)
    sync(there)
    busy = held.pk if which == "ours" else Machine.objects.get(endpoint=there).pk
    sync(endpoint, busy=lambda pks: {busy} & set(pks))
    held.refresh_from_db()
    assert (held.endpoint, held.missing_reason) == (endpoint, "elsewhere")
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, held.missing_reason) == (there, "")


def test_machine_does_not_move_to_one_of_two_copies(centre, endpoint, south, there, held):
    _carry_south(centre, south, held)
    south.make_machine_by_hand("another", uuid=SAME)
    sync(there)
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, held.missing_reason, Machine.objects.count()) == (endpoint, "elsewhere", 3)


def test_machine_does_not_move_onto_one_that_somebody_holds(centre, endpoint, south, there, held):
    _carry_south(centre, south, held)
    sync(there)
    Machine.objects.filter(endpoint=there).update(stage=Stage.ACTIVE, holder=make_user())
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, held.missing_reason) == (endpoint, "unknown" if held.missing_by == "" else "removed")


def test_machine_does_not_move_to_where_it_is_missed_too(centre, endpoint, south, there, held):
    ref = _carry_south(centre, south, held)
    sync(there)
    south.delete_by_hand(ref)
    sync(there)
    sync(endpoint)
    held.refresh_from_db()
    assert held.endpoint == endpoint


def test_machine_without_its_own_uuid_elsewhere_is_another_machine(centre, endpoint, south, there, held):
    _carry_south(centre, south, held, uuid=str(UUID(int=7)))
    sync(there)
    sync(endpoint)
    held.refresh_from_db()
    assert (held.endpoint, Machine.objects.count()) == (endpoint, 2)
