"""Machines with one UUID or one MAC address between them."""

import uuid
from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.estate.models import Nic, Stage
from lifecycle.sprawl.models import Confidence, Kind
from tests.lifecycle.factories import make_endpoint, make_machine
from tests.lifecycle.sprawl.found import evidence, finding_of, found, make_held

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MAC = "52:54:00:12:34:56"


def _nic(machine, mac, ref="0"):
    return Nic.objects.create(machine=machine, ref=ref, mac=mac)


def test_two_of_one_uuid_are_two_findings_that_name_each_other():
    same, endpoint = uuid.uuid4(), make_endpoint("North")
    one = make_machine("one", uuid=same, endpoint=endpoint)
    other = make_held("other", uuid=same, endpoint=endpoint)
    make_machine("apart", endpoint=endpoint)
    assert found(Kind.DUPLICATE) == {"one", "other"}
    finding = finding_of(one, Kind.DUPLICATE)
    assert (evidence(finding)["same_uuid"], evidence(finding)["uuid"]) == ("other (North)", str(same))
    assert (finding.confidence, finding.saves_cents) == (Confidence.CERTAIN, 0)
    assert evidence(finding_of(other, Kind.DUPLICATE))["same_uuid"] == "one (North)"


def test_two_of_one_mac_address_are_likely_doubles():
    endpoint = make_endpoint("North")
    one, other = make_machine("one", endpoint=endpoint), make_machine("other", endpoint=endpoint)
    _nic(one, MAC)
    _nic(other, MAC, ref="7")
    assert found(Kind.DUPLICATE) == {"one", "other"}
    finding = finding_of(one, Kind.DUPLICATE)
    assert (evidence(finding)["same_mac"], evidence(finding)["mac"]) == ("other (North)", MAC)
    assert finding.confidence == Confidence.LIKELY


@pytest.mark.parametrize("mac", ["", "00:00:00:00:00:00"])
def test_no_address_is_nobodys(mac):
    endpoint = make_endpoint()
    for _ in range(2):
        _nic(make_machine(endpoint=endpoint), mac)
    assert found(Kind.DUPLICATE) == set()


def test_one_machine_may_have_an_address_twice():
    machine = make_machine()
    _nic(machine, MAC)
    _nic(machine, MAC, ref="1")
    assert found(Kind.DUPLICATE) == set()


@pytest.mark.parametrize("fields", [{"stage": Stage.REMOVED}, {"scans_missed": 1, "missing_since": clock.now()}])
def test_what_is_not_there_is_no_double(fields):
    same, endpoint = uuid.uuid4(), make_endpoint()
    _nic(make_machine(uuid=same, endpoint=endpoint), MAC)
    _nic(make_machine(uuid=same, endpoint=endpoint, **fields), MAC)
    assert found(Kind.DUPLICATE) == set()


def test_what_others_manage_is_named_but_not_flagged():
    same, endpoint = uuid.uuid4(), make_endpoint("North")
    one = make_machine("one", uuid=same, endpoint=endpoint)
    make_machine("replica", uuid=same, endpoint=endpoint, managed_by="replication")
    assert found(Kind.DUPLICATE) == {"one"}
    assert evidence(finding_of(one, Kind.DUPLICATE))["same_uuid"] == "replica (North)"


@pytest.mark.parametrize(("after", "expected"), [(-HOUR, False), (HOUR * 0, True), (HOUR, True)])
def test_a_machine_that_moves_between_endpoints_is_not_two(after, expected):
    same, arrived = uuid.uuid4(), clock.now() - 3 * HOUR
    left = make_endpoint("North", swept_at=arrived + after)
    here = make_endpoint("South", swept_at=arrived + 2 * HOUR)
    make_machine("left", uuid=same, endpoint=left, first_seen_at=arrived - 99 * HOUR)
    make_machine("arrived", uuid=same, endpoint=here, first_seen_at=arrived)
    assert found(Kind.DUPLICATE) == ({"left", "arrived"} if expected else set())


def test_of_many_a_few_are_named():
    same, endpoint = uuid.uuid4(), make_endpoint()
    machines = [make_machine(uuid=same, endpoint=endpoint) for _ in range(15)]
    assert len(found(Kind.DUPLICATE)) == 15
    assert evidence(finding_of(machines[0], Kind.DUPLICATE))["same_uuid"].count("(") == 10
