"""Changes seen from outside: what ended did so at the previous look, what began did so at this one."""

import pytest

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine, Meter, Power, Span, Stage
from lifecycle.estate.sync import sync
from tests.lifecycle.factories import make_span, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]


@pytest.fixture
def held(centre, endpoint):
    """A leased machine of 2 vCPU that runs, is metered, and was seen once."""
    centre.make_machine_by_hand("web")
    sync(endpoint)
    Machine.objects.update(stage=Stage.ACTIVE, holder=make_user())
    machine = Machine.objects.get()
    for meter in Meter:
        make_span(machine, meter)
    return machine


def _spans(meter):
    return [(span.quantity, span.started_at, span.ended_at) for span in Span.objects.filter(meter=meter)]


def _second(moment):
    return moment.replace(microsecond=0)


def test_stop_seen_from_outside_ends_at_the_previous_look(centre, endpoint, held):
    centre.power_by_hand(held.native_ref, "off")
    sync(endpoint)
    assert Span.objects.get(meter="vcpu").ended_at == _second(held.seen_at)
    assert Span.objects.get(meter="memory_mib").ended_at == _second(held.seen_at)
    assert Span.objects.get(meter="disk_mib").ended_at is None


def test_start_seen_from_outside_begins_at_this_look(centre, endpoint, held):
    centre.power_by_hand(held.native_ref, "off")
    sync(endpoint)
    centre.power_by_hand(held.native_ref, "on")
    sync(endpoint)
    again = Span.objects.get(meter="vcpu", ended_at=None)
    assert again.started_at == _second(Machine.objects.get().seen_at)
    assert again.cause == "seen"


def test_resize_seen_from_outside_splits_only_its_meter(centre, endpoint, held):
    centre.change_by_hand(held.native_ref, vcpus=8)
    sync(endpoint)
    now = _second(Machine.objects.get().seen_at)
    old, new = _spans("vcpu")
    assert (old[0], old[2]) == (2, _second(held.seen_at))
    assert (new[0], new[1], new[2]) == (8, now, None)
    assert len(_spans("memory_mib")) == len(_spans("disk_mib")) == 1


def test_bigger_disk_seen_from_outside_splits_the_disk_span(centre, endpoint, held):
    with centre.storage.write() as db:
        db.execute("UPDATE disks SET size_mib = 50000 WHERE machine_ref = ?", (held.native_ref,))
    sync(endpoint)
    assert [quantity for quantity, *_ in _spans("disk_mib")] == [40_960, 50_000]


def test_span_that_would_last_no_second_leaves_no_trace(centre, endpoint, held):
    """Started by us after the previous look, stopped by somebody before this one."""
    Span.objects.filter(meter="vcpu").update(started_at=held.seen_at)
    centre.power_by_hand(held.native_ref, "off")
    sync(endpoint)
    assert not Span.objects.filter(meter="vcpu").exists()


def test_unchanged_machine_keeps_its_spans(centre, endpoint, held):
    sync(endpoint)
    assert Span.objects.filter(ended_at=None).count() == Span.objects.count() == 3


def test_machine_that_nobody_holds_is_not_metered(centre, endpoint):
    ref = centre.make_machine_by_hand("stray", power="off")
    sync(endpoint)
    centre.power_by_hand(ref, "on")
    sync(endpoint)
    assert not Span.objects.exists()


def test_change_that_we_wrote_ourselves_is_not_metered_again(centre, endpoint, held):
    """Our own operation stopped it, and wrote row and spans exact to the second."""
    centre.power_by_hand(held.native_ref, "off")
    Machine.objects.update(power=Power.OFF)
    sync(endpoint)
    assert Span.objects.filter(ended_at=None).count() == 3


@pytest.mark.parametrize(("stage", "entries"), [(Stage.QUARANTINED, 1), (Stage.EXPIRED, 0)])
def test_quarantined_machine_that_runs_is_recorded_once(centre, endpoint, held, stage, entries):
    centre.power_by_hand(held.native_ref, "off")
    sync(endpoint)
    Machine.objects.update(stage=stage)
    centre.power_by_hand(held.native_ref, "on")
    sync(endpoint)
    sync(endpoint)
    assert Entry.objects.filter(verb="machine.seen_running_in_quarantine").count() == entries
