"""Idle: at, below and above each limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.sprawl.detectors import Candidate, idle
from lifecycle.sprawl.models import Confidence, Finding, Kind, Threshold
from tests.lifecycle.factories import make_machine, make_pool, utc
from tests.lifecycle.sprawl.days import BUSY, IDLE, NOW, make_days, old_machine

pytestmark = pytest.mark.django_db


def found() -> dict[int, Candidate]:
    return {candidate.subject_id: candidate for candidate in idle.detect(NOW)}


def one() -> Candidate:
    (candidate,) = idle.detect(NOW)
    return candidate


def evidence(candidate: Candidate) -> dict[str, str]:
    return {entry["what"]: entry["value"] for entry in candidate.evidence}


def test_two_quiet_weeks_are_idle():
    machine = make_days(old_machine(), *[IDLE] * 14)
    candidate = one()

    assert candidate.subject_id == machine.pk
    assert candidate.since == utc("2026-11-06")
    assert candidate.confidence == Confidence.CERTAIN
    assert (candidate.vcpus, candidate.memory_mib, candidate.disk_mib) == (2, 4096, 0)
    assert evidence(candidate) == {
        "quiet_hours": "336/336", "quiet_since": "2026-11-06", "cpu_mean": "0.012", "cpu_top": "0.035",
        "io_mean": "3", "net_mean": "1",
    }  # fmt: skip


def test_a_busy_machine_is_not():
    make_days(old_machine(), *[BUSY] * 14)

    assert not found()


def of_300(quiet: int) -> list[dict[str, Any]]:
    """300 hours in 14 days, so many of them quiet."""
    days = [dict(IDLE, hours=21, quiet_hours=21) for _ in range(13)] + [dict(IDLE, hours=27, quiet_hours=27)]
    for day in days:
        loud = min(300 - quiet, day["quiet_hours"])
        day["quiet_hours"] -= loud
        quiet += loud
    return days


@pytest.mark.parametrize(("quiet", "is_idle"), [(269, False), (270, True), (271, True)])
def test_nine_of_ten_measured_hours_are_quiet(quiet, is_idle):
    make_days(old_machine(), *of_300(quiet))

    assert bool(found()) is is_idle


@pytest.mark.parametrize(("hours", "is_idle"), [(251, False), (252, True), (253, True)])
def test_three_of_four_hours_were_measured(hours, is_idle):
    days = [dict(IDLE, hours=each, quiet_hours=each) for each in [18] * 13 + [hours - 18 * 13]]
    make_days(old_machine(), *days)

    assert bool(found()) is is_idle


@pytest.mark.parametrize(("hours", "confidence"), [(302, Confidence.LIKELY), (303, Confidence.CERTAIN)])
def test_what_was_hardly_measured_is_less_certain(hours, confidence):
    days = [dict(IDLE, hours=each, quiet_hours=each) for each in [21] * 13 + [hours - 21 * 13]]
    make_days(old_machine(), *days)

    assert one().confidence == confidence


@pytest.mark.parametrize(
    ("untold", "confidence", "words"),
    [
        ({"io_kib_s": None}, Confidence.LIKELY, "disk"),
        ({"net_kib_s": None}, Confidence.LIKELY, "network"),
        ({"io_kib_s": None, "net_kib_s": None}, Confidence.GUESS, "disk,network"),
    ],
)
def test_what_the_hypervisor_does_not_tell_is_said(untold, confidence, words):
    make_days(old_machine(), *[IDLE] * 13, IDLE | untold)
    candidate = one()

    assert candidate.confidence == confidence
    assert evidence(candidate)["use_untold"] == words


@pytest.mark.parametrize(("seconds", "is_idle"), [(1, False), (0, True), (-1, True)])
def test_a_machine_younger_than_a_week_is_never_idle(seconds, is_idle):
    machine = make_days(old_machine(), *[IDLE] * 14)
    born = NOW - timedelta(days=7) + timedelta(seconds=seconds)
    Machine.objects.filter(pk=machine.pk).update(created_at=None, first_seen_at=born)

    assert bool(found()) is is_idle


def test_today_is_no_whole_day_yet():
    make_days(old_machine(), *[IDLE] * 13, {}, IDLE, until=NOW + timedelta(days=1))
    make_days(old_machine(), *[IDLE] * 14, BUSY, until=NOW + timedelta(days=1))

    assert [c.since for c in found().values()] == [utc("2026-11-06")] * 2


def test_a_quiet_window_after_a_busy_one_is_idle():
    make_days(old_machine(), *[BUSY] * 3, *[IDLE] * 14)

    assert one().since == utc("2026-11-06")


def test_quiet_days_before_the_window_count_as_long_as_they_follow_each_other():
    make_days(old_machine(), *[IDLE] * 5, BUSY, *[IDLE] * 16)

    assert one().since == utc("2026-11-04")


def test_nobody_looks_back_for_ever():
    make_days(old_machine(), *[IDLE] * 90)

    assert one().since == utc("2026-09-07")  # 60 days before the window


def test_a_day_that_nobody_measured_breaks_no_quiet():
    make_days(old_machine(), IDLE, {}, {}, *[IDLE] * 15)

    assert one().since == utc("2026-11-02")


def test_a_busy_day_in_the_window_does_not_move_its_beginning():
    make_days(old_machine(), BUSY, *[IDLE] * 10, BUSY, *[IDLE] * 3)

    assert one().since == utc("2026-11-06")


@pytest.mark.parametrize(
    "facts",
    [
        {"power": Power.OFF},
        {"managed_by": "vCLS"},
        {"managed_rule": "VDI"},
        {"stage": Stage.QUARANTINED},
        {"stage": Stage.EXPIRED},
        {"stage": Stage.REMOVED},
        {"stage": Stage.BUILDING},
        {"scans_missed": 3},
    ],
    ids=str,
)
def test_some_are_never_idle(facts):
    make_days(old_machine(**facts), *[IDLE] * 14)

    assert not found()


def test_one_scan_that_missed_it_proves_nothing():
    make_days(old_machine(scans_missed=1, missing_since=NOW), *[IDLE] * 14)

    assert found()


def test_a_pool_has_limits_of_its_own():
    pool, other = make_pool(), make_pool()
    Threshold.objects.create(pool=pool, name="idle_days", value=30)
    Threshold.objects.create(pool=other, name="idle_percent", value=50)
    half = IDLE | {"quiet_hours": 12}
    waits = make_days(old_machine(pool=pool), *[IDLE] * 14)
    month = make_days(old_machine(pool=pool), *[IDLE] * 30)
    lenient = make_days(old_machine(pool=other), *[half] * 14)
    make_days(old_machine(), *[half] * 14)
    usual = make_days(old_machine(pool=make_pool()), *[IDLE] * 14)

    assert set(found()) == {month.pk, lenient.pk, usual.pk}
    assert waits.pk not in found()


def test_a_limit_for_all_holds_where_a_pool_has_none():
    Threshold.objects.create(name="idle_days", value=7)
    make_days(old_machine(), *[IDLE] * 7)

    assert one().since == utc("2026-11-13")


def standing(machine: Machine) -> Finding:
    evidence = [{"what": "quiet_hours", "value": "336/336"}]
    return Finding.objects.create(
        machine=machine, kind=Kind.IDLE, since=utc("2026-10-01"), evidence=evidence, vcpus=2, memory_mib=4096
    )


@pytest.mark.parametrize(("hours", "stands"), [(0, True), (251, True), (252, False)])
def test_what_stands_stays_until_enough_was_measured_to_say_otherwise(hours, stands):
    days = [dict(BUSY, hours=each) for each in [18] * 13 + [hours - 18 * 13]] if hours else []
    finding = standing(make_days(old_machine(), *days))

    assert list(idle.detect(NOW)) == (
        [Candidate(finding.machine_id or 0, finding.since, finding.evidence, Confidence.GUESS, 2, 4096)]
        if stands
        else []
    )


@pytest.mark.parametrize("facts", [{"power": Power.OFF}, {"managed_by": "vCLS"}, {"stage": Stage.QUARANTINED}], ids=str)
def test_what_stands_ends_with_what_cannot_be_idle(facts):
    standing(old_machine(**facts))

    assert not found()


def test_a_finding_is_told_once():
    standing(make_days(old_machine(), *[IDLE] * 14))

    assert len(list(idle.detect(NOW))) == 1


def test_queries_do_not_depend_on_the_number_of_machines():
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            found()
        return len(captured)

    make_days(old_machine(), *[IDLE] * 20)
    before = count()
    for _ in range(5):
        make_days(old_machine(), *[IDLE] * 20)
    make_machine()

    assert count() == before
