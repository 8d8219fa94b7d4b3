"""Oversized: at, below and above each limit."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.sprawl.detectors import Candidate, oversized
from lifecycle.sprawl.detectors.oversized import GIB, recommend
from lifecycle.sprawl.models import Confidence, Finding, Kind, Threshold
from lifecycle.sprawl.thresholds import Limits
from tests.lifecycle.factories import make_pool, utc
from tests.lifecycle.sprawl.days import BUSY, NOW, make_days, old_machine

pytestmark = pytest.mark.django_db


def found() -> dict[int, Candidate]:
    return {candidate.subject_id: candidate for candidate in oversized.detect(NOW)}


def one() -> Candidate:
    (candidate,) = oversized.detect(NOW)
    return candidate


def evidence(candidate: Candidate) -> dict[str, str]:
    return {entry["what"]: entry["value"] for entry in candidate.evidence}


def large(vcpus: int = 8, memory_mib: int = 32 * GIB, **fields: Any) -> Machine:
    return old_machine(vcpus=vcpus, memory_mib=memory_mib, **fields)


def used(cpu_p95: int = 7000, memory_p95: int | None = 30 * GIB, **more: Any) -> dict[str, Any]:
    day = {"cpu_p95_milli": cpu_p95, "cpu_top_milli": cpu_p95 + 500, "memory_p95_mib": memory_p95}
    return BUSY | day | {"memory_top_mib": memory_p95 and memory_p95 + 100} | more


def row(
    cpu_p95: int = 7000, memory_p95: int | None = 30 * GIB, vcpus: int = 8, memory: int = 32 * GIB
) -> dict[str, Any]:
    return {"cpu_p95": cpu_p95, "memory_p95": memory_p95, "vcpus": vcpus, "memory": memory}


@pytest.mark.parametrize(
    ("cpu_p95", "vcpus"),
    [
        (0, 1),  # at least one
        (800, 1),  # 0.8 and a quarter is exactly one
        (801, 2),
        (1600, 2),
        (4800, 6),  # a quarter less than 8
        (4801, 0),  # 7 of 8 is not clearly smaller
        (8000, 0),
    ],
)
def test_processors_are_recommended_with_room_above_the_percentile(cpu_p95, vcpus):
    assert recommend(row(cpu_p95), Limits()).vcpus == vcpus


@pytest.mark.parametrize(
    ("memory_p95", "memory", "wanted"),
    [
        (0, 4 * GIB, 512),
        (409, 4 * GIB, 512),  # and a quarter: 511.25
        (410, 4 * GIB, 1024),  # 512.5
        (2457, 4 * GIB, 3 * GIB),  # 3071.25: a quarter less
        (2458, 4 * GIB, 0),  # 3072.5, in steps 3.5 GiB
        (3277, 8 * GIB, 5 * GIB),  # beyond 4 GiB in steps of one
        (30_000, 64 * GIB, 40 * GIB),  # beyond 32 GiB in steps of four
        (None, 64 * GIB, 0),
    ],
)
def test_memory_is_recommended_in_steps(memory_p95, memory, wanted):
    assert recommend(row(memory_p95=memory_p95, memory=memory), Limits()).memory_mib == wanted


def test_headroom_is_a_limit():
    assert recommend(row(4000), Limits(oversized_headroom_percent=0)).vcpus == 4
    assert recommend(row(4000), Limits(oversized_headroom_percent=50)).vcpus == 6


def test_one_vcpu_is_never_too_many():
    assert recommend(row(0, vcpus=1), Limits()).vcpus == 0


def test_what_is_not_known_of_the_machine_is_not_smaller():
    assert recommend(row(0, 0, vcpus=0, memory=0), Limits()) == (0, 0)


def test_a_machine_that_uses_little_is_oversized():
    machine = make_days(large(), *[used(1200, 5000)] * 14)
    candidate = one()

    assert candidate.subject_id == machine.pk
    assert (candidate.vcpus, candidate.memory_mib, candidate.disk_mib) == (6, 25 * GIB, 0)
    assert (candidate.since, candidate.confidence) == (utc("2026-11-06"), Confidence.LIKELY)
    assert evidence(candidate) == {
        "vcpus_wanted": "2/8", "memory_wanted": f"{7 * GIB}/{32 * GIB}", "cpu_p95": "1.20", "cpu_top": "1.70",
        "memory_p95": "5000", "memory_top": "5100", "use_hours": "336",
    }  # fmt: skip


def test_a_machine_that_uses_what_it_has_is_not():
    make_days(large(), *[used()] * 14)

    assert not found()


@pytest.mark.parametrize(("cpu_p95", "vcpus"), [(4800, 2), (4801, 0)])
def test_the_question_to_the_database_leaves_nobody_out(cpu_p95, vcpus):
    make_days(large(), *[used(cpu_p95)] * 14)

    assert [candidate.vcpus for candidate in oversized.detect(NOW)] == ([vcpus] if vcpus else [])


@pytest.mark.parametrize(("memory_p95", "saved"), [(2457, GIB), (2458, 0)])
def test_nor_of_memory(memory_p95, saved):
    make_days(large(2, 4 * GIB), *[used(1900, memory_p95)] * 14)

    assert [candidate.memory_mib for candidate in oversized.detect(NOW)] == ([saved] if saved else [])


def test_the_busiest_day_decides():
    make_days(large(), *[used(1200, 5000)] * 7, used(6000, 30 * GIB), *[used(1200, 5000)] * 6)

    assert not found()


def test_a_busy_day_before_the_window_does_not():
    make_days(large(), used(7000, 30 * GIB), used(1200, 30 * GIB), used(7000, 5000), *[used(1200, 5000)] * 14)

    assert one().since == utc("2026-11-04")  # one of the two was to spare


def test_without_memory_only_processors_are_judged():
    make_days(large(), *[used(1200, 5000)] * 13, used(1200, None))
    candidate = one()

    assert (candidate.vcpus, candidate.memory_mib) == (6, 0)
    assert evidence(candidate)["use_untold"] == "memory"
    assert "memory_p95" not in evidence(candidate)


def test_little_memory_that_some_days_do_not_tell_is_no_finding():
    make_days(large(), *[used(7000, 5000)] * 13, used(7000, None))

    assert not found()


@pytest.mark.parametrize(
    ("hours", "confidence"), [(251, None), (252, Confidence.GUESS), (302, Confidence.GUESS), (303, Confidence.LIKELY)]
)
def test_how_much_was_measured_decides_how_sure_we_are(hours, confidence):
    days = [used(1200, 5000, hours=each) for each in [18] * 13 + [hours - 18 * 13]]
    make_days(large(), *days)

    assert [candidate.confidence for candidate in oversized.detect(NOW)] == ([confidence] if confidence else [])


@pytest.mark.parametrize(
    "facts",
    [{"power": Power.OFF}, {"managed_by": "vCLS"}, {"managed_rule": "VDI"}, {"stage": Stage.QUARANTINED}],
    ids=str,
)
def test_some_are_never_oversized(facts):
    make_days(large(**facts), *[used(1200, 5000)] * 14)

    assert not found()


@pytest.mark.parametrize(("quiet", "found_so"), [(302, True), (303, False)])
def test_what_does_nothing_is_idle_not_oversized(quiet, found_so):
    days = [used(1200, 5000, quiet_hours=each) for each in [22] * 13 + [quiet - 22 * 13]]
    make_days(large(), *days)

    assert bool(found()) is found_so


def test_what_stands_stays_until_enough_was_measured_to_say_otherwise():
    finding = Finding.objects.create(
        machine=large(), kind=Kind.OVERSIZED, since=utc("2026-10-01"), vcpus=6, memory_mib=GIB
    )
    ended = make_days(large(), *[used()] * 14)
    Finding.objects.create(machine=ended, kind=Kind.OVERSIZED, since=utc("2026-10-01"))

    assert list(oversized.detect(NOW)) == [
        Candidate(finding.machine_id or 0, finding.since, [], Confidence.GUESS, vcpus=6, memory_mib=GIB)
    ]


def test_a_pool_has_limits_of_its_own():
    pool = make_pool()
    Threshold.objects.create(pool=pool, name="oversized_headroom_percent", value=500)
    make_days(large(pool=pool), *[used(1200, 5000)] * 14)
    usual = make_days(large(), *[used(1200, 5000)] * 14)

    assert set(found()) == {usual.pk}


def test_queries_do_not_depend_on_the_number_of_machines():
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            found()
        return len(captured)

    make_days(large(), *[used(1200, 5000)] * 14)
    before = count()
    for _ in range(5):
        make_days(large(), *[used(1200, 5000)] * 14)

    assert count() == before
