"""Machines that nobody holds: found by a scan, priced, explained, and gone from the report once adopted."""

from datetime import timedelta
from pathlib import Path

import pytest

from hypervisors.simulated.datacentre import DataCentre
from lifecycle import clock
from lifecycle.estate import connections
from lifecycle.estate.models import Machine, Power, Stage
from lifecycle.estate.sync import sync
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.models import Finding, Kind
from lifecycle.sprawl.queries import open_findings_of, orphans, totals
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_rate_card, make_threshold, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def centre(tmp_path: Path, settings):
    settings.SIMULATED_DIR = tmp_path
    centre = DataCentre(tmp_path / "north.dc.sqlite3")
    yield centre
    connections.close_all()
    centre.close()


@pytest.fixture
def endpoint(centre, db):
    make_threshold("orphan_scans", 1)
    return make_endpoint("North", path=centre.path)


def _found(**fields):
    return make_machine(**fields)


def _evidence(finding: Finding) -> dict[str, str]:
    return {entry["what"]: entry["value"] for entry in finding.evidence}


def test_scan_finds_what_a_sync_found(centre, endpoint):
    make_rate_card()
    centre.make_machine_by_hand("stray", created_by="kim", note="do not delete!", guest_name="stray.lan")
    sync(endpoint)
    assert scan().opened == 1
    finding = orphans(make_admin()).get()
    assert finding.on_machine.name == "stray"
    assert finding.cents_per_month == 2 * 800 + 4 * 400 + 40 * 10
    evidence = _evidence(finding)
    assert (evidence["created_by"], evidence["note"], evidence["guest_name"]) == ("kim", "do not delete!", "stray.lan")
    assert (evidence["endpoint"], evidence["power"]) == ("North", "on")
    assert {"created_at", "first_seen_at", "addresses"} <= set(evidence)


def test_quiet_is_evidence_after_a_day(endpoint):
    make_rate_card()
    now = clock.now()
    _found(endpoint=endpoint, name="fresh", idle_since=now - timedelta(hours=23))
    _found(endpoint=endpoint, name="old", idle_since=now - timedelta(days=1))

    scan(now=now)

    quiet = {finding.on_machine.name: "idle_since" in _evidence(finding) for finding in orphans(make_admin())}
    assert quiet == {"fresh": False, "old": True}


def test_scan_keeps_hostile_notes_as_text(centre, endpoint):
    centre.make_machine_by_hand("stray", note="<script>alert(1)</script>" * 100)
    sync(endpoint)
    scan()
    note = _evidence(orphans(make_admin()).get())["note"]
    assert note.startswith("<script>")
    assert len(note) == 500


def test_scan_twice_opens_nothing_new():
    _found()
    scan()
    result = scan()
    assert (result.opened, result.changed, result.ended) == (0, 0, 0)
    assert Finding.objects.count() == 1


def test_scan_ends_the_finding_after_adoption():
    machine = _found()
    scan()
    Machine.objects.filter(pk=machine.pk).update(stage=Stage.ACTIVE, holder=make_user())
    assert not orphans(make_admin()).exists()
    assert scan().ended == 1
    assert Finding.objects.get(kind=Kind.ORPHAN).ended_at is not None


def test_scan_opens_a_second_finding_for_a_second_time():
    machine = _found()
    scan()
    Finding.objects.update(ended_at=Finding.objects.get().since)
    scan()
    assert machine.findings.count() == 2
    assert open_findings_of(machine).count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"managed_by": "vCLS"},
        {"scans_before": 8},
        {"stage": Stage.BUILDING},
        {"stage": Stage.REMOVED},
        {"managed_rule": "VDI"},
        {"stage": Stage.QUARANTINED},
    ],
)
def test_scan_leaves_alone(fields):
    make_machine(**fields)
    scan()
    assert not orphans(make_admin()).exists()


def test_scan_prices_a_stopped_machine_by_its_disks():
    make_rate_card()
    _found(power=Power.OFF)
    scan()
    assert orphans(make_admin()).get().cents_per_month == 20 * 10


def test_scan_prices_nothing_without_a_rate_card():
    _found()
    scan()
    assert orphans(make_admin()).get().cents_per_month == 0


def test_scan_refreshes_price_and_evidence():
    make_rate_card()
    machine = _found(power=Power.OFF)
    scan()
    Machine.objects.filter(pk=machine.pk).update(power=Power.ON, note="new")
    assert scan().changed == 1
    finding = orphans(make_admin()).get()
    assert finding.cents_per_month == 2 * 800 + 4 * 400 + 20 * 10
    assert _evidence(finding)["note"] == "new"


def test_scan_keeps_a_finding_through_a_single_miss(settings):
    settings.MISSING_AFTER_SCANS = 3
    machine = _found()
    scan()
    since = orphans(make_admin()).get().since
    Machine.objects.filter(pk=machine.pk).update(missing_since=since, scans_missed=2)
    scan()
    assert orphans(make_admin()).get().since == since
    Machine.objects.filter(pk=machine.pk).update(scans_missed=3)
    assert scan().ended == 1


# The report


def test_orphans_come_dearest_first():
    make_rate_card()
    small, big = _found(vcpus=1), _found(vcpus=16)
    scan()
    assert [finding.on_machine for finding in orphans(make_admin())] == [big, small]


def test_orphans_are_listed_in_one_query(django_assert_num_queries):
    admin = make_admin()
    for _ in range(3):
        _found()
    scan()
    with django_assert_num_queries(1):
        assert len([(finding.on_machine.endpoint.name, finding.on_machine.pool) for finding in orphans(admin)]) == 3


@pytest.mark.parametrize("q", ["STRAY", "kim", "ask", "10.1", "lan", "stray kim"])
def test_orphans_are_found_by(q):
    _found(name="stray", created_by="kim", note="ask me", addresses=["10.1.2.3"], guest_name="x.lan")
    _found(name="other")
    scan()
    assert [finding.on_machine.name for finding in orphans(make_admin(), q=q)] == ["stray"]


def test_totals_are_those_of_the_list():
    make_rate_card()
    endpoint = make_endpoint()
    _found(endpoint=endpoint, power=Power.OFF)
    _found(power=Power.OFF)
    scan()
    admin = make_admin()
    assert (totals(admin).count, totals(admin).cents_per_month) == (2, 400)
    assert (totals(admin, endpoint=endpoint).count, totals(admin, endpoint=endpoint).cents_per_month) == (1, 200)
    assert (totals(admin, q="nothing").count, totals(admin, q="nothing").cents_per_month) == (0, 0)
