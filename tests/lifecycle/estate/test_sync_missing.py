"""What a look did not see, or could not read: nothing is lost, nobody pays for what is gone."""

from datetime import UTC, datetime, timedelta

import pytest

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Endpoint, Machine, Meter, Span, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_machine, make_span, make_tenure, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]


@pytest.fixture(autouse=True)
def three_scans(settings):
    settings.MISSING_AFTER_SCANS = 3


@pytest.fixture
def held(centre, endpoint):
    """A leased machine that runs, is metered, and was seen once."""
    centre.make_machine_by_hand("web")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=make_user())
    machine = Machine.objects.get()
    make_tenure(machine)
    for meter in Meter:
        make_span(machine, meter)
    return machine


def _delete(centre, held):
    centre.delete_by_hand(held.native_ref)


def _open(machine) -> int:
    return Span.objects.filter(machine=machine, ended_at=None).count()


# Missing


def test_missing_once_is_noted_and_still_metered(centre, endpoint, held):
    _delete(centre, held)
    result = sync(endpoint)
    held.refresh_from_db()
    assert (result.missed, held.scans_missed, _open(held)) == (1, 1, 3)
    assert held.missing_since is not None


def test_missing_keeps_the_first_moment(centre, endpoint, held):
    _delete(centre, held)
    sync(endpoint)
    first = Machine.objects.get().missing_since
    sync(endpoint)
    assert Machine.objects.get().missing_since == first


def test_missing_three_times_ends_spans_when_it_was_last_seen(centre, endpoint, held):
    _delete(centre, held)
    for _ in range(3):
        sync(endpoint)
    assert _open(held) == 0
    assert set(Span.objects.values_list("ended_at", flat=True)) == {held.seen_at.replace(microsecond=0)}


def test_missing_is_recorded_once(centre, endpoint, held):
    _delete(centre, held)
    for _ in range(5):
        sync(endpoint)
    assert Entry.objects.get(verb="machine.missing").object_id == held.pk


def test_missing_keeps_holder_stage_and_tenure(centre, endpoint, held):
    _delete(centre, held)
    for _ in range(5):
        sync(endpoint)
    machine = Machine.objects.get()
    assert (machine.holder, machine.stage) == (held.holder, Stage.ACTIVE)
    assert machine.tenures.get().ended_at is None


def test_missing_is_not_counted_for_what_the_engine_works_on(centre, endpoint):
    make_machine(endpoint=endpoint, stage=Stage.BUILDING, native_ref="")
    make_machine(endpoint=endpoint, stage=Stage.REMOVING)
    assert sync(endpoint).missed == 0


def test_missing_is_not_counted_for_what_ended(centre, endpoint):
    make_machine(endpoint=endpoint, stage=Stage.REMOVED)
    assert sync(endpoint).missed == 0


def test_missing_is_not_counted_for_another_endpoint(centre, endpoint):
    make_machine()
    assert sync(endpoint).missed == 0


def test_missing_is_not_counted_twice_by_scans_at_once(centre, endpoint, held):
    """Another complete scan ended after this one began."""
    _delete(centre, held)
    Endpoint.objects.update(scanned_at=datetime.now(UTC) + timedelta(seconds=30))
    assert sync(endpoint).missed == 0


def test_missing_one_is_no_longer_ownerless(centre, endpoint):
    ref = centre.make_machine_by_hand("stray")
    sync(endpoint)
    assert Machine.objects.ownerless().count() == 1
    centre.delete_by_hand(ref)
    sync(endpoint)
    assert Machine.objects.ownerless().count() == 0


# Found again


def _away_and_back(centre, endpoint, held, *, scans: int) -> None:
    """It leaves the inventory for some scans and comes back under another reference."""
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET is_template = 1")
    for _ in range(scans):
        sync(endpoint)
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET is_template = 0 WHERE ref = ?", (held.native_ref,))
    centre.register_again(held.native_ref)
    sync(endpoint)


def test_found_again_soon_goes_on_as_if_nothing_happened(centre, endpoint, held):
    _away_and_back(centre, endpoint, held, scans=2)
    machine = Machine.objects.get()
    assert (machine.missing_since, machine.scans_missed, machine.holder) == (None, 0, held.holder)
    assert Span.objects.count() == 3
    assert not Entry.objects.filter(verb="machine.found_again").exists()


def test_found_again_late_is_metered_from_now_on(centre, endpoint, held):
    _away_and_back(centre, endpoint, held, scans=3)
    machine = Machine.objects.get()
    again = Span.objects.filter(ended_at=None)
    assert (machine.missing_since, machine.holder, again.count()) == (None, held.holder, 3)
    assert machine.seen_at is not None
    assert {span.started_at for span in again} == {machine.seen_at.replace(microsecond=0)}
    assert Entry.objects.filter(verb="machine.found_again").count() == 1
