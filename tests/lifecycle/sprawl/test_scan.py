"""A scan as a whole: what it opens, renews and ends, what counts, and what a day came to."""

from datetime import UTC, timedelta
from typing import Any

import pytest

from lifecycle import clock
from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.sprawl import actions
from lifecycle.sprawl.actions import DETECTORS, scan
from lifecycle.sprawl.detectors import Candidate, evidence
from lifecycle.sprawl.models import Confidence, Finding, Kind, WasteDay
from lifecycle.sprawl.proposals import PROPOSALS
from lifecycle.sprawl.subjects import MANAGED
from tests.lifecycle.factories import make_endpoint, make_image, make_machine, make_rate_card, make_user
from tests.lifecycle.sprawl.found import finding_of, make_held

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def only(monkeypatch):
    """Scans with these detectors and no others."""

    def only(**detectors):
        table = {Kind[name.upper()]: detect for name, detect in detectors.items()}
        monkeypatch.setattr(actions, "DETECTORS", table)

    return only


def _always(*machines, **given):
    facts: dict[str, Any] = {"since": clock.now(), "evidence": evidence(note="odd")} | given
    return lambda now: iter([Candidate(machine.pk, **facts) for machine in machines])


def test_every_kind_has_a_proposal():
    assert PROPOSALS.keys() == set(Kind)


def test_a_finding_keeps_when_it_began_and_what_is_proposed(only):
    machine, began = make_machine(), clock.now() - 9 * DAY
    only(idle=_always(machine, since=began, confidence=Confidence.LIKELY))
    scan()
    finding = Finding.objects.get()
    assert (finding.since, finding.confidence, finding.action) == (began, Confidence.LIKELY, "ask")


def test_as_long_as_it_stands_its_cause_has_lasted(only):
    machine, began = make_machine(), clock.now() - 9 * DAY
    only(idle=_always(machine, since=began))
    scan()
    only(idle=_always(machine, since=began + 5 * DAY))
    assert scan().changed == 0
    only(idle=_always(machine, since=began - DAY))
    assert scan().changed == 1
    assert Finding.objects.get().since == began - DAY


@pytest.mark.parametrize(
    "news",
    [{"confidence": Confidence.GUESS}, {"vcpus": 1}, {"memory_mib": 1}, {"disk_mib": 1}, {"evidence": evidence(a="b")}],
)
def test_only_what_changed_is_written(only, news):
    machine, began = make_machine(), clock.now()
    only(idle=_always(machine, make_machine(), since=began))
    scan()
    other = Machine.objects.exclude(pk=machine.pk).get()
    only(idle=lambda now: [*_always(machine, since=began, **news)(now), *_always(other, since=began)(now)])
    result = scan()
    assert (result.opened, result.changed, result.ended) == (0, 1, 0)


def test_a_machine_named_twice_has_one_finding(only):
    machine = make_machine()
    only(idle=lambda now: [Candidate(machine.pk, now, vcpus=1), Candidate(machine.pk, now, vcpus=2)])
    assert scan().opened == 1
    assert Finding.objects.get().vcpus == 1


def test_a_machine_that_is_not_there_any_more_is_passed_over(only):
    only(idle=lambda now: [Candidate(10**9, now)])
    assert scan().opened == 0


@pytest.mark.parametrize(
    "change",
    [
        {"stage": Stage.REMOVED},
        {"stage": Stage.FAILED},
        {"managed_by": "vCLS"},
        {"managed_rule": "VDI"},
        {"stage": Stage.REMOVING},
    ],
)
def test_it_ends_when_the_machine_is_over_or_managed_by_others_whatever_the_detector_says(only, change):
    machine = make_machine()
    only(idle=_always(machine))
    scan()
    Machine.objects.filter(pk=machine.pk).update(**change)
    assert scan().ended == 1
    assert not Finding.objects.filter(ended_at=None).exists()


def _broken(now):
    yield Candidate(Machine.objects.earliest("pk").pk, now)
    raise ZeroDivisionError


def test_a_detector_that_breaks_costs_only_its_own_kind(only, caplog):
    machine, other = make_machine(), make_machine()
    only(idle=_always(other))
    scan()
    only(idle=_broken, snapshots=_always(machine))
    result = scan()
    assert (result.opened, result.ended, result.failed) == (1, 0, (Kind.IDLE,))
    assert "idle could not be looked for" in caplog.text
    assert finding_of(other, Kind.IDLE).ended_at is None


def test_what_is_over_ends_though_its_detector_breaks(only):
    machine = make_machine()
    only(idle=_always(machine))
    scan()
    Machine.objects.filter(pk=machine.pk).update(stage=Stage.REMOVED)
    only(idle=_broken)
    assert scan().ended == 1


# What it costs and gives back


def test_a_running_machine_costs_all_of_it_and_gives_back_what_is_proposed(only):
    make_rate_card()
    machine = make_machine()
    only(oversized=_always(machine, vcpus=1, memory_mib=1024))
    scan()
    finding = Finding.objects.get()
    assert finding.cents_per_month == 2 * 800 + 4 * 400 + 20 * 10
    assert finding.saves_cents == 1 * 800 + 1 * 400


def test_nothing_gives_back_more_than_it_uses(only):
    make_rate_card()
    off, on = make_machine(power=Power.OFF), make_machine()
    only(orphan=_always(off, on, vcpus=99, memory_mib=10**6, disk_mib=10**6))
    scan()
    finding = finding_of(off, Kind.ORPHAN)
    assert (finding.vcpus, finding.memory_mib, finding.disk_mib) == (0, 0, 20480)
    assert finding.saves_cents == finding.cents_per_month == 20 * 10
    assert finding_of(on, Kind.ORPHAN).vcpus == 2


def test_an_image_costs_its_disk():
    make_rate_card()
    make_image(first_seen_at=clock.now() - 999 * DAY, disk_mib=10240)
    scan()
    finding = Finding.objects.get(kind=Kind.IMAGE)
    assert finding.cents_per_month == finding.saves_cents == 10 * 10


# Counted once


def test_waste_counts_in_the_first_class_that_the_machine_has(only):
    machine, other = make_machine(), make_machine()
    only(
        past_end=_always(machine, vcpus=1), idle=_always(machine, other, vcpus=1),
        oversized=_always(machine, other, vcpus=1),
    )  # fmt: skip
    scan()
    counted = set(Finding.objects.filter(counts=True).values_list("machine", "kind"))
    assert counted == {(machine.pk, Kind.PAST_END), (other.pk, Kind.IDLE)}
    only(past_end=_always(), idle=_always(), oversized=_always(machine, other, vcpus=1))
    scan()
    open_ones = Finding.objects.filter(ended_at=None)
    assert set(open_ones.values_list("kind", "counts")) == {(Kind.OVERSIZED, True)}


def test_the_order_is_that_of_the_kinds(only):
    machine = make_machine()
    kinds = [kind for kind in Kind if kind not in (Kind.DISK_FILE, Kind.IMAGE)]
    detectors = {kind.name.lower(): _always(machine, vcpus=1) for kind in kinds}
    for first in kinds:
        only(**dict(reversed(detectors.items())))
        scan()
        assert Finding.objects.get(counts=True, ended_at=None).kind == first
        detectors[first.name.lower()] = _always()


def test_a_class_that_gives_nothing_back_hides_no_waste(only):
    machine = make_machine()
    only(no_end=_always(machine), idle=_always(machine, vcpus=1))
    scan()
    assert Finding.objects.get(counts=True).kind == Kind.IDLE


# Days


def test_a_day_has_a_row_for_each_endpoint_and_kind_with_what_counts(only):
    make_rate_card()
    north, south = make_endpoint("North"), make_endpoint("South")
    machine, other = make_machine(endpoint=north), make_machine(endpoint=north)
    elsewhere = make_machine(endpoint=south)
    only(orphan=_always(machine, vcpus=2), idle=_always(machine, other, elsewhere, vcpus=1, memory_mib=1024))
    scan()
    rows = {(day.endpoint_id, day.kind): day for day in WasteDay.objects.all()}
    assert len(rows) == 2 * len(Kind)
    assert {day.day for day in rows.values()} == {clock.now().astimezone(UTC).date()}
    idle = rows[north.pk, Kind.IDLE]
    assert (idle.findings, idle.vcpus, idle.memory_mib, idle.saves_cents) == (2, 1, 1024, 1200)
    assert (rows[north.pk, Kind.ORPHAN].vcpus, rows[south.pk, Kind.IDLE].findings) == (2, 1)
    assert rows[south.pk, Kind.ORPHAN].findings == 0


def test_a_day_ends_as_its_last_scan_saw_it(only):
    machine, now = make_machine(), clock.now().replace(hour=12)
    only(idle=_always(machine, vcpus=1))
    scan(now=now)
    only(idle=_always())
    scan(now=now + timedelta(hours=1))
    scan(now=now + DAY)
    days = WasteDay.objects.filter(kind=Kind.IDLE).values_list("day", "findings", "vcpus")
    assert list(days) == [(now.date(), 0, 0), ((now + DAY).date(), 0, 0)]


# The whole


def test_others_machines_are_a_class_of_their_own():
    make_machine("usual")
    make_machine("vcls", managed_by="vCLS")
    make_machine("desktop", managed_rule="VDI")
    make_machine("was", managed_by="vCLS", stage=Stage.REMOVED)
    assert set(Machine.objects.live().filter(MANAGED).values_list("name", flat=True)) == {"vcls", "desktop"}


def test_a_scan_asks_as_many_questions_whatever_there_is(django_assert_max_num_queries):
    make_rate_card()
    endpoint, now = make_endpoint(), clock.now()
    asked = []
    for count in (2, 20):
        for _ in range(count):
            make_machine(endpoint=endpoint)
            make_held(endpoint=endpoint, holder=make_user(is_active=False), power=Power.OFF, power_since=now - 99 * DAY)
            make_held(endpoint=endpoint, scans_missed=3, missing_since=now)
            make_held(endpoint=endpoint, stage=Stage.QUARANTINED)
            make_image(endpoint, first_seen_at=now - 999 * DAY)
        scan()
        with django_assert_max_num_queries(5 * len(DETECTORS)) as queries:
            scan()
        asked.append(len(queries))
    assert Finding.objects.count() == 6 * 22
    assert asked[0] == asked[1]
