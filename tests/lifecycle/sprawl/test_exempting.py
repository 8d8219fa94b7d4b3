"""What is exempt is found and not shown, until the exemption ends."""

from datetime import datetime, time, timedelta

import pytest

from lifecycle import clock
from lifecycle.audit.models import Entry
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Power
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.exempting import end_exemption, exempt
from lifecycle.sprawl.models import Finding, Kind
from lifecycle.sprawl.queries import orphans, totals
from tests.lifecycle.factories import make_admin, make_image, make_machine, make_pool, make_team, make_user
from tests.lifecycle.sprawl.found import finding_of, make_held

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def admin():
    return make_admin("ingrid")


@pytest.fixture
def today(admin):
    return clock.now().astimezone(admin.tz).date()


def _off(name="", **fields):
    return make_held(name, power=Power.OFF, power_since=clock.now() - 99 * DAY, **fields)


def _shown():
    return {(finding.subject.name, finding.kind) for finding in Finding.objects.standing()}


def test_what_is_exempt_disappears_at_once_and_stays_away(admin, today):
    _off("kept")
    scan()
    exempt(Finding.objects.get().on_machine, kind=Kind.POWERED_OFF, reason="Spare", ends_on=today + DAY, by=admin)
    assert _shown() == set()
    scan()
    assert _shown() == set()
    assert Finding.objects.get().ended_at is None


def test_a_finding_that_comes_later_is_exempt_from_its_first_moment(admin, today):
    machine = _off("kept")
    exempt(machine, kind=Kind.POWERED_OFF, reason="Spare", ends_on=today + DAY, by=admin)
    scan()
    assert finding_of(machine, Kind.POWERED_OFF).exemption is not None


def test_it_is_of_one_kind_or_of_all(admin, today):
    one = _off("one", holder=make_user(is_active=False))
    every = _off("every", holder=make_user(is_active=False))
    exempt(one, kind=Kind.POWERED_OFF, reason="Spare", ends_on=today + DAY, by=admin)
    exempt(every, kind=None, reason="Museum", ends_on=today + DAY, by=admin)
    scan()
    assert _shown() == {("one", Kind.HOLDER_GONE)}


def test_a_pool_exempts_its_machines_and_no_others(admin, today):
    pool = make_pool()
    _off("inside", pool=pool)
    _off("outside", pool=make_pool())
    _off("nowhere")
    scan()
    exempt(pool, kind=Kind.POWERED_OFF, reason="Cold spares", ends_on=today + DAY, by=admin)
    expected = {("outside", Kind.POWERED_OFF), ("nowhere", Kind.POWERED_OFF)}
    assert _shown() == expected
    scan()
    assert _shown() == expected


def test_what_leaves_an_exempt_pool_shows_at_the_next_scan(admin, today):
    pool = make_pool()
    machine = _off("mover", pool=pool)
    exempt(pool, kind=None, reason="Cold spares", ends_on=today + DAY, by=admin)
    scan()
    machine.pool = None
    machine.save()
    scan()
    assert _shown() == {("mover", Kind.POWERED_OFF)}


def test_images_can_be_exempt(admin, today):
    image = make_image(name="golden", first_seen_at=clock.now() - 999 * DAY)
    scan()
    assert _shown() == {("golden", Kind.IMAGE)}
    exempt(image, kind=Kind.IMAGE, reason="For other sites", ends_on=today + DAY, by=admin)
    assert _shown() == set()


def test_its_waste_counts_in_the_next_class_instead(admin, today):
    machine = _off(holder=make_user(is_active=False))
    scan()
    gone, off = finding_of(machine, Kind.HOLDER_GONE), finding_of(machine, Kind.POWERED_OFF)
    assert (gone.counts, off.counts) == (True, False)
    exemption = exempt(machine, kind=Kind.HOLDER_GONE, reason="Heir is found", ends_on=today + DAY, by=admin)
    gone.refresh_from_db()
    off.refresh_from_db()
    assert (gone.counts, off.counts) == (False, True)
    end_exemption(exemption, by=admin)
    gone.refresh_from_db()
    off.refresh_from_db()
    assert (gone.counts, off.counts) == (True, False)


def test_it_lasts_through_its_last_day_and_shows_again_after_that(admin, today):
    _off("kept")
    exempt(_off("other"), kind=None, reason="Spare", ends_on=today, by=admin)
    end = datetime.combine(today + DAY, time(), admin.tz)
    scan(now=end - timedelta(seconds=1))
    assert _shown() == {("kept", Kind.POWERED_OFF)}
    scan(now=end)
    assert _shown() == {("kept", Kind.POWERED_OFF), ("other", Kind.POWERED_OFF)}


def test_whoever_ends_it_sees_the_finding_again(admin, today):
    machine = _off("kept")
    exemption = exempt(machine, kind=None, reason="Spare", ends_on=today + DAY, by=admin)
    scan()
    end_exemption(exemption, by=admin)
    assert _shown() == {("kept", Kind.POWERED_OFF)}
    with pytest.raises(Conflict):
        end_exemption(exemption, by=admin)


def test_doing_it_twice_says_who_did_it_before(admin, today):
    machine = _off()
    exempt(machine, kind=Kind.POWERED_OFF, reason="Spare", ends_on=today + DAY, by=admin)
    with pytest.raises(Conflict, match="ingrid"):
        exempt(machine, kind=Kind.POWERED_OFF, reason="Again", ends_on=today + 9 * DAY, by=admin)
    exempt(machine, kind=None, reason="Museum", ends_on=today + DAY, by=admin)
    with pytest.raises(Conflict):
        exempt(machine, kind=Kind.IDLE, reason="Again", ends_on=today + DAY, by=admin)
    assert machine.exemptions.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"ends_on": -1}, "ends_on"),
        ({"ends_on": 367}, "ends_on"),
        ({"kind": Kind.IMAGE}, "kind"),
        ({"kind": Kind.DISK_FILE}, "kind"),
    ],
)
def test_it_has_a_reason_a_day_within_a_year_and_a_kind_that_fits(admin, today, changes, field):
    given = {"kind": Kind.IDLE, "reason": "Spare", "ends_on": 366} | changes
    given["ends_on"] = today + given["ends_on"] * DAY
    with pytest.raises(Invalid) as refused:
        exempt(make_machine(), by=admin, **given)
    assert refused.value.field == field


def test_nobody_exempts_what_they_hold(admin, today):
    admin.team = make_team()
    admin.save()
    for machine in (_off(holder=admin), _off(team=admin.team)):
        with pytest.raises(Forbidden, match="another administrator"):
            exempt(machine, kind=None, reason="Mine", ends_on=today + DAY, by=admin)
    holder = make_user()
    with pytest.raises(Forbidden):
        exempt(_off(holder=holder), kind=None, reason="Mine", ends_on=today + DAY, by=holder)


def test_the_record_says_who_exempted_what_and_why(admin, today):
    machine = _off("kept")
    exemption = exempt(machine, kind=Kind.POWERED_OFF, reason=" Spare ", ends_on=today + DAY, by=admin)
    end_exemption(exemption, by=admin)
    ended, made = Entry.objects.filter(object_type="machine", object_id=machine.pk)
    assert (made.verb, made.reason, made.actor_name) == ("machine.exempted", "Spare", "ingrid")
    assert made.detail == {"kind": "Off for long", "ends_on": str(today + DAY)}
    assert (ended.verb, ended.detail) == ("machine.exemption_ended", {"kind": "Off for long"})


def test_an_exempt_orphan_leaves_the_report_and_its_totals(admin, today):
    machine = make_machine("appliance")
    scan()
    assert totals(admin).count == 1

    exempt(machine, kind=Kind.ORPHAN, reason="The storage's own", ends_on=today + DAY, by=admin)

    assert (list(orphans(admin)), totals(admin).count) == ([], 0)
