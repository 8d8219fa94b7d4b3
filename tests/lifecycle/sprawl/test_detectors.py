"""Each kind of finding at, below and above what makes it one."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from lifecycle import clock
from lifecycle.estate.models import Endpoint, Machine, Missing, Power, Stage
from lifecycle.sprawl.models import Confidence, Finding, Kind
from tests.lifecycle.factories import (
    make_endpoint,
    make_image,
    make_machine,
    make_pool,
    make_rate_card,
    make_team,
    make_threshold,
    make_user,
)
from tests.lifecycle.sprawl.found import evidence, finding_of, found, make_held

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)


@pytest.fixture
def now():
    return clock.now()


# Nobody holds it


def test_orphans_were_known_to_three_complete_scans():
    endpoint = make_endpoint(scans=9)
    for before in (5, 6, 7):
        make_machine(f"before {before}", endpoint=endpoint, scans_before=before)
    assert found(Kind.ORPHAN) == {"before 5", "before 6"}


def test_orphans_follow_the_threshold_of_their_pool():
    endpoint = make_endpoint(scans=9)
    patient, hasty = make_pool(endpoint), make_pool(endpoint)
    make_threshold("orphan_scans", 5, patient)
    make_threshold("orphan_scans", 1, hasty)
    for pool in (patient, hasty, None):
        for before in (4, 5, 6, 7, 8):
            name = f"{'patient' if pool == patient else 'hasty' if pool else 'usual'} {before}"
            make_machine(name, endpoint=endpoint, pool=pool, scans_before=before)
    assert found(Kind.ORPHAN) == {
        "patient 4", "hasty 4", "hasty 5", "hasty 6", "hasty 7", "hasty 8", "usual 4", "usual 5", "usual 6",
    }  # fmt: skip


def test_a_general_threshold_holds_where_a_pool_has_none():
    endpoint = make_endpoint(scans=9)
    pool = make_pool(endpoint)
    make_threshold("off_days", 1, pool)
    make_threshold("orphan_scans", 1)
    make_machine("in the pool", endpoint=endpoint, pool=pool, scans_before=8)
    assert found(Kind.ORPHAN) == {"in the pool"}


def test_a_ghost_was_missed_by_three_complete_scans(now):
    for missed in (2, 3, 4):
        make_held(f"missed {missed}", scans_missed=missed, missing_since=now - DAY)
    make_machine("never held", scans_missed=3, missing_since=now - DAY)
    assert found(Kind.GHOST) == {"missed 3", "missed 4"}


@pytest.mark.parametrize(
    ("reason", "confidence"),
    [(Missing.REMOVED, Confidence.CERTAIN), (Missing.ELSEWHERE, Confidence.CERTAIN), ("", Confidence.LIKELY)],
)
def test_a_ghost_says_why_it_is_gone_and_costs_nothing(now, reason, confidence):
    make_rate_card()
    machine = make_held(scans_missed=3, missing_since=now - DAY, missing_reason=reason, missing_by="root")
    found(Kind.GHOST)
    finding = finding_of(machine, Kind.GHOST)
    assert (finding.since, finding.confidence) == (now - DAY, confidence)
    assert (finding.cents_per_month, finding.saves_cents, finding.vcpus) == (0, 0, 0)
    assert evidence(finding)["missing_reason"] == (reason or Missing.UNKNOWN)
    assert evidence(finding)["missing_by"] == "root"


def test_what_is_gone_is_nothing_else_than_a_ghost(now):
    make_held(
        holder=make_user(is_active=False), power=Power.OFF, power_since=now - 99 * DAY, scans_missed=3,
        lease={"ends_at": now - 9 * DAY},
    )  # fmt: skip
    found(Kind.GHOST)
    assert set(Finding.objects.values_list("kind", flat=True)) == {Kind.GHOST}


# Nobody answers for it


def test_a_leased_machine_without_anybody_is_ownerless(now):
    make_held("person", team=None, holder=make_user())
    make_held("nobody", holder=None, stage=Stage.QUARANTINED)
    make_held("team", team=make_team())
    held = make_held("team of somebody", team=make_team())
    make_user(team=held.team)
    left = make_held("team of leavers", team=make_team())
    make_user(team=left.team, is_active=False)
    make_user(team=left.team, left_on=(now - 3 * DAY).date())
    assert found(Kind.OWNERLESS) == {"nobody", "team", "team of leavers"}


def test_a_holder_is_gone_after_the_last_day_where_they_were():
    zone = ZoneInfo("Asia/Tokyo")
    noon = datetime.combine(clock.now().astimezone(zone).date(), time(12), zone)
    today = noon.date()
    for days in (0, 1, 2):
        make_held(f"left {days} days ago", holder=make_user(left_on=today - days * DAY, zone="Asia/Tokyo"))
    make_held("there", holder=make_user())
    make_held("locked out", holder=make_user(is_active=False))
    assert found(Kind.HOLDER_GONE, noon) == {"left 1 days ago", "left 2 days ago", "locked out"}
    since = Finding.objects.get(kind=Kind.HOLDER_GONE, machine__name="left 1 days ago").since
    assert since == datetime.combine(today, time(), zone)


def test_a_machine_that_a_team_holds_too_has_not_lost_its_holder():
    team = make_team()
    make_user(team=team)
    machine = make_held("kept", holder=make_user(is_active=False), team=team)
    assert found(Kind.HOLDER_GONE) == set()
    assert found(Kind.OWNERLESS) == set()
    team.members.update(is_active=False)
    assert found(Kind.OWNERLESS) == {machine.name}


# Its end


def test_no_end_is_a_holder_without_a_lease_that_runs(now):
    make_held("leased")
    make_machine("never leased", holder=make_user())
    make_held("lease over", lease={"ended_at": now - DAY})
    assert found(Kind.NO_END) == {"never leased", "lease over"}


@pytest.mark.parametrize(
    ("stage", "power", "past", "expected"),
    [
        (Stage.ACTIVE, Power.ON, DAY - MOMENT, False),
        (Stage.ACTIVE, Power.ON, DAY, False),
        (Stage.ACTIVE, Power.ON, DAY + MOMENT, True),
        (Stage.EXPIRED, Power.ON, DAY + MOMENT, True),
        (Stage.ACTIVE, Power.OFF, 9 * DAY, False),
        (Stage.QUARANTINED, Power.OFF, 9 * DAY, False),
    ],
)
def test_past_its_end_is_what_runs_a_day_longer(now, stage, power, past, expected):
    make_held("late", stage=stage, power=power, lease={"ends_at": now - past})
    assert found(Kind.PAST_END, now) == ({"late"} if expected else set())


def test_past_its_end_is_what_is_on_hold_though_stopped(now):
    held = {"held_at": now - 5 * DAY, "held_reason": "evidence", "held_by": make_user("judge")}
    machine = make_held(
        stage=Stage.QUARANTINED, power=Power.OFF, lease={"ends_at": now - 2 * DAY, **held}, power_since=now - DAY
    )
    make_held("end to come", lease=held)
    assert found(Kind.PAST_END) == {machine.name}
    assert evidence(finding_of(machine, Kind.PAST_END))["held_reason"] == "evidence"


def test_running_though_quarantined(now):
    woken = make_held("woken", stage=Stage.QUARANTINED, power=Power.ON, power_since=now - DAY, powered_by="kim")
    make_held("asleep", stage=Stage.QUARANTINED, power=Power.OFF)
    make_held("active", power=Power.ON)
    assert found(Kind.RUNS_QUARANTINED) == {"woken"}
    finding = finding_of(woken, Kind.RUNS_QUARANTINED)
    assert (finding.since, evidence(finding)["started_by"]) == (now - DAY, "kim")


# Off


def test_off_for_long_begins_at_fourteen_days(now):
    for name, off in (("below", 14 * DAY - MOMENT), ("at", 14 * DAY), ("above", 14 * DAY + MOMENT)):
        make_held(name, power=Power.OFF, power_since=now - off)
    make_held("on", power=Power.ON, power_since=now - 99 * DAY)
    make_held("unknown", power=Power.OFF)
    make_held("stopped by us", stage=Stage.QUARANTINED, power=Power.OFF, power_since=now - 99 * DAY)
    assert found(Kind.POWERED_OFF, now) == {"at", "above"}


def test_off_for_long_follows_the_threshold_of_the_pool(now):
    pool = make_pool()
    make_threshold("off_days", 30, pool)
    make_held("here", pool=pool, power=Power.OFF, power_since=now - 29 * DAY)
    make_held("long", pool=pool, power=Power.OFF, power_since=now - 30 * DAY)
    make_held("elsewhere", power=Power.OFF, power_since=now - 29 * DAY)
    assert found(Kind.POWERED_OFF, now) == {"long", "elsewhere"}


def test_off_for_long_gives_back_its_disks_only(now):
    make_rate_card()
    machine = make_held(power=Power.OFF, power_since=now - 20 * DAY)
    found(Kind.POWERED_OFF)
    finding = finding_of(machine, Kind.POWERED_OFF)
    assert (finding.vcpus, finding.memory_mib, finding.disk_mib) == (0, 0, 20480)
    assert finding.cents_per_month == finding.saves_cents == 20 * 10


# Images


def test_an_image_is_unused_from_half_a_year_on(now):
    for name, seen in (("below", 180 * DAY - MOMENT), ("at", 180 * DAY), ("above", 181 * DAY)):
        make_image(name=name, first_seen_at=now - seen, disk_mib=1024)
    make_image(name="gone", first_seen_at=now - 200 * DAY, gone=True)
    make_image(name="unknown")
    assert found(Kind.IMAGE, now) == {"at", "above"}
    assert set(Finding.objects.values_list("confidence", flat=True)) == {Confidence.GUESS}


def test_an_image_is_used_by_blueprints_and_by_machines_that_live(world, now):
    old = now - 200 * DAY
    image = world.blueprint.image
    image.first_seen_at = old
    image.save()
    used, was_used = make_image(name="used", first_seen_at=old), make_image(name="was used", first_seen_at=old)
    make_machine(image=used)
    make_machine(image=was_used, stage=Stage.REMOVED)
    assert found(Kind.IMAGE, now) == {"was used"}


# Whatever it is


@pytest.mark.parametrize("fields", [{"managed_by": "vCLS"}, {"managed_rule": "VDI"}])
def test_nothing_is_said_of_what_others_manage(now, fields):
    make_machine("found", **fields)
    make_held("held", holder=make_user(is_active=False), power=Power.OFF, power_since=now - 99 * DAY, **fields)
    make_held("gone", scans_missed=9, **fields)
    make_held("woken", stage=Stage.QUARANTINED, **fields)
    found(Kind.ORPHAN)
    assert not Finding.objects.exists()


@pytest.mark.parametrize("stage", [Stage.BUILDING, Stage.REMOVING, Stage.REMOVED, Stage.FAILED])
def test_nothing_is_said_of_what_is_built_removed_or_over(now, stage):
    make_held(
        stage=stage, holder=make_user(is_active=False), power=Power.ON, power_since=now - 99 * DAY,
        lease={"ends_at": now - 9 * DAY},
    )  # fmt: skip
    found(Kind.ORPHAN)
    assert not Finding.objects.exists()


def test_what_is_only_observed_says_so(now):
    endpoint = make_endpoint("Cellar", mode=Endpoint.Mode.OBSERVE)
    machine = make_held(endpoint=endpoint, lease={"ends_at": now - 9 * DAY})
    found(Kind.PAST_END)
    assert evidence(finding_of(Machine.objects.get(pk=machine.pk), Kind.PAST_END))["only_observed"] == "Cellar"
