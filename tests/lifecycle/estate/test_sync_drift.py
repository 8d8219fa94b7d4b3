"""Drift: what somebody changed of a leased machine behind the portal's back, from the first look to its end."""

import pytest

from lifecycle import clock
from lifecycle.estate.models import Drift, Machine, Meter, Span, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_span, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]


@pytest.fixture
def held(centre, endpoint):
    """Leased, of 2 vCPU and 4 GiB."""
    centre.make_machine_by_hand("web")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=make_user())
    return Machine.objects.get()


def _open() -> list[tuple[str, str, str]]:
    return list(Drift.objects.filter(ended_at=None).order_by("column").values_list("column", "ours", "theirs"))


def test_drift_is_what_somebody_changed(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, name="other", vcpus=8)
    sync(endpoint)
    assert _open() == [("name", "web", "other"), ("vcpus", "2", "8")]
    held.refresh_from_db()
    assert (held.name, held.vcpus) == ("other", 8)


def test_drift_begins_with_the_look_that_saw_it(centre, endpoint, held):
    before = clock.now()
    centre.change_by_hand(held.native_ref, memory_mib=8192)
    sync(endpoint)
    assert before <= Drift.objects.get().since <= clock.now()


def test_drift_of_disks_is_seen(centre, endpoint, held):
    with centre.storage.write() as db:
        db.execute("UPDATE disks SET size_mib = 50000 WHERE machine_ref = ?", (held.native_ref,))
    sync(endpoint)
    assert _open() == [("disk_mib", "40960", "50000")]


def test_drift_keeps_what_was_agreed_when_it_goes_on(centre, endpoint, held):
    for vcpus in (4, 8):
        centre.change_by_hand(held.native_ref, vcpus=vcpus)
        sync(endpoint)
    assert _open() == [("vcpus", "2", "8")]


def test_drift_ends_by_itself_when_it_is_as_it_was(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, vcpus=4)
    sync(endpoint)
    centre.change_by_hand(held.native_ref, vcpus=2)
    sync(endpoint)
    drift = Drift.objects.get()
    assert (drift.end, drift.ended_at is not None) == (Drift.End.BY_ITSELF, True)


def test_drift_can_begin_again(centre, endpoint, held):
    for vcpus in (4, 2, 4):
        centre.change_by_hand(held.native_ref, vcpus=vcpus)
        sync(endpoint)
    assert (_open(), Drift.objects.count()) == ([("vcpus", "2", "4")], 2)


def test_drift_that_was_accepted_is_what_is_agreed_from_then_on(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, vcpus=4)
    sync(endpoint)
    Drift.objects.update(ended_at=clock.now(), end=Drift.End.ACCEPTED)
    sync(endpoint)
    assert _open() == []
    centre.change_by_hand(held.native_ref, vcpus=6)
    sync(endpoint)
    assert _open() == [("vcpus", "4", "6")]


def test_drift_ends_with_the_lease(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, vcpus=4)
    sync(endpoint)
    Machine.objects.update(stage=Stage.REMOVED)
    sync(endpoint)
    assert _open() == []


def test_drift_is_not_what_we_did_ourselves(centre, endpoint, held):
    """While our own work is open, what changes is ours to tell."""
    centre.change_by_hand(held.native_ref, vcpus=4)
    sync(endpoint, busy=lambda pks: {held.pk} & set(pks))
    assert _open() == []
    sync(endpoint)
    assert _open() == []
    held.refresh_from_db()
    assert held.vcpus == 4


def test_drift_stays_as_it_is_while_we_put_it_back(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, vcpus=4)
    sync(endpoint)
    centre.change_by_hand(held.native_ref, vcpus=2)
    sync(endpoint, busy=lambda pks: {held.pk} & set(pks))
    assert _open() == [("vcpus", "2", "4")]


@pytest.mark.parametrize("change", [{"power": "off"}, {"note": "hello"}, {"folder": "moved"}])
def test_drift_is_not_what_holders_may_change(centre, endpoint, held, change):
    centre.change_by_hand(held.native_ref, **change)
    assert sync(endpoint).changed == 1
    assert _open() == []


def test_drift_is_nothing_that_nobody_holds(centre, endpoint):
    ref = centre.make_machine_by_hand("stray")
    sync(endpoint)
    centre.change_by_hand(ref, vcpus=4)
    sync(endpoint)
    assert not Drift.objects.exists()


def test_drift_is_metered_as_it_is(centre, endpoint, held):
    for meter in Meter:
        make_span(held, meter)
    centre.change_by_hand(held.native_ref, vcpus=8)
    sync(endpoint)
    assert Span.objects.get(meter="vcpu", ended_at=None).quantity == 8


def test_drift_text_is_cut(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, name="<b>" + "x" * 300)
    sync(endpoint)
    assert len(Drift.objects.get().theirs) == 255
