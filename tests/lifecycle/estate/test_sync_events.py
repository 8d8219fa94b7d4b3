"""What the hypervisor's own events add: who made, started, stopped and removed a machine. Hints, cut to length."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.estate.models import Endpoint, Machine, Scan, Stage
from lifecycle.estate.sync import events, sync
from tests.lifecycle.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("either_way")]


def _happened(centre, ref, what, *, at=None, who="kim", name="web"):
    with centre.storage.write() as db:
        db.execute(
            "INSERT INTO events (at, machine_ref, machine_name, what, who) VALUES (?, ?, ?, ?, ?)",
            ((at or clock.now()).isoformat(), ref, name, what, who),
        )


def _machine() -> Machine:
    return Machine.objects.get()


# Who


def test_events_tell_who_made_it_where_the_scan_does_not(centre, endpoint):
    at = clock.now() - timedelta(days=10)
    ref = centre.make_machine_by_hand("web", created_by="", created_at=at)
    _happened(centre, ref, "created", at=at + timedelta(seconds=1), who="kim")
    sync(endpoint)
    assert _machine().created_by == "kim"


def test_events_never_overwrite_who_made_it(centre, endpoint):
    ref = centre.make_machine_by_hand("web", created_by="root")
    _happened(centre, ref, "created", who="mallory")
    sync(endpoint)
    assert _machine().created_by == "root"


def test_events_tell_who_stopped_it_and_when(centre, endpoint):
    ref = centre.make_machine_by_hand("web", power="off")
    first, last = clock.now() - timedelta(days=40), clock.now() - timedelta(days=30)
    _happened(centre, ref, "powered off", at=first, who="eva")
    _happened(centre, ref, "powered on", at=first + timedelta(days=1), who="kim")
    _happened(centre, ref, "powered off", at=last, who="kim")
    sync(endpoint)
    assert (_machine().power_since, _machine().powered_by) == (last, "kim")


def test_events_of_another_power_than_it_has_tell_nothing(centre, endpoint):
    """It was started since, and no event is left of that."""
    ref = centre.make_machine_by_hand("web", power="on")
    _happened(centre, ref, "powered off", at=clock.now() - timedelta(days=3))
    sync(endpoint)
    assert (_machine().power_since, _machine().powered_by) == (_machine().first_seen_at, "")


def test_power_without_an_event_is_as_old_as_the_look_that_saw_it_change(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    _happened(centre, ref, "powered on", who="kim")
    sync(endpoint)
    assert _machine().powered_by == "kim"
    with centre.storage.write() as db:
        db.execute("UPDATE machines SET power = 'off' WHERE ref = ?", (ref,))
    sync(endpoint)
    assert (_machine().power_since, _machine().powered_by) == (_machine().seen_at, "")
    since = _machine().power_since
    sync(endpoint)
    assert _machine().power_since == since


def test_events_tell_who_removed_it(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    centre.delete_by_hand(ref, who="eva")
    sync(endpoint)
    assert (_machine().missing_reason, _machine().missing_by) == ("removed", "eva")


def test_nobody_says_why_it_is_missing(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    with centre.storage.write() as db:
        db.execute("DELETE FROM machines WHERE ref = ?", (ref,))
    sync(endpoint)
    assert (_machine().missing_reason, _machine().missing_by) == ("unknown", "")


def test_events_of_a_removal_do_not_outlive_its_return(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    centre.delete_by_hand(ref, who="eva")
    sync(endpoint)
    centre.make_machine_by_hand("web", uuid=str(_machine().uuid))
    sync(endpoint)
    assert (_machine().missing_since, _machine().missing_reason, _machine().missing_by) == (None, "", "")


def test_events_change_no_holder_and_no_stage(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    sync(endpoint)
    owner = make_user()
    Machine.objects.update(stage=Stage.ACTIVE, holder=owner)
    for what in ("created", "powered off", "removed", "powered on", "resized"):
        _happened(centre, ref, what, who="mallory")
    sync(endpoint)
    machine = _machine()
    assert (machine.stage, machine.holder, machine.missing_since, machine.missing_reason) == ("active", owner, None, "")


def test_events_are_hostile_text(centre, endpoint):
    ref = centre.make_machine_by_hand("web")
    _happened(centre, ref, "powered on", who="<script>\0" + "x" * 400, name="y" * 4000)
    sync(endpoint)
    assert len(_machine().powered_by) <= 255
    assert "\0" not in _machine().powered_by


def test_events_of_the_future_are_no_later_than_now(centre, endpoint):
    """A clock over there is ahead by a day: what comes next must not be skipped."""
    ref = centre.make_machine_by_hand("web")
    _happened(centre, ref, "powered on", at=clock.now() + timedelta(days=1), who="eva")
    sync(endpoint)
    machine = _machine()
    assert (machine.power_since, machine.powered_by) == (machine.seen_at, "eva")
    assert Endpoint.objects.filter(events_at__lte=clock.now()).exists()


def test_events_of_machines_we_do_not_know_are_passed_over(centre, endpoint):
    _happened(centre, "vm-unheard-of", "removed")
    assert sync(endpoint).complete
    assert not Machine.objects.exists()


# Reading on


def test_events_are_read_once(centre, endpoint):
    centre.make_machine_by_hand("web")
    sync(endpoint)
    reached = Endpoint.objects.get().events_at
    sync(endpoint)
    assert reached is not None
    assert Endpoint.objects.get().events_at == reached


def test_events_are_read_as_far_back_as_ninety_days(centre, endpoint):
    ref = centre.make_machine_by_hand("web", power="off")
    _happened(centre, ref, "powered off", at=clock.now() - timedelta(days=100), who="kim")
    sync(endpoint)
    assert _machine().powered_by == ""


def test_events_come_in_pages(centre, endpoint, monkeypatch):
    """More than one look reads: the next goes on where it ended."""
    monkeypatch.setattr("hypervisors.simulated.looking.EVENTS_AT_ONCE", 2)
    monkeypatch.setattr(events, "PAGES", 2)
    ref = centre.make_machine_by_hand("web", power="off", created_at=clock.now() - timedelta(days=20))
    last = clock.now() - timedelta(days=1)
    for number in range(8):
        _happened(centre, ref, "powered off", at=last - timedelta(hours=7 - number), who=f"kim{number}")
    sync(endpoint)
    assert _machine().powered_by == "kim2"
    sync(endpoint)
    sync(endpoint)
    assert (_machine().powered_by, _machine().power_since) == ("kim7", last)


def test_events_that_cannot_be_read_cost_a_note(centre, endpoint):
    ref = centre.make_machine_by_hand("web", power="off")
    _happened(centre, ref, "powered off", at=clock.now() - timedelta(days=1), who="kim")
    centre.add_fault("list_events", "denied")
    result = sync(endpoint)
    endpoint.refresh_from_db()
    assert (result.complete, endpoint.scan_error, endpoint.failing_since) == (True, "", None)
    assert "events could not be read" in Scan.objects.get().notes
    sync(endpoint)
    assert _machine().powered_by == "kim"
