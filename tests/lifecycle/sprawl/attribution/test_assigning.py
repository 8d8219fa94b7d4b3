"""Nothing is given to anybody alone, unless that was switched on; and then only what is certain and undisputed."""

from typing import Any

import pytest

from lifecycle.audit.models import Entry
from lifecycle.estate.models import Machine, Stage
from lifecycle.leases.models import Lease
from lifecycle.notices.models import Notice
from lifecycle.sprawl.actions import scan
from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.attribution.assigning import assign_certain
from lifecycle.sprawl.models import Exemption, Finding
from tests.lifecycle.factories import make_endpoint
from tests.lifecycle.sprawl.attribution.bench import make_house, make_inventory, stray

pytestmark = pytest.mark.django_db

CERTAIN: dict[str, Any] = {"created_by": "akaya", "note": "akaya", "labels": {"owner": "akaya"}}


@pytest.fixture
def house(db):
    return make_house()


def _given(settings, *, score: int):
    settings.ASSIGN_FROM_SCORE = score
    scan()
    attribute()
    return assign_certain()


def test_by_default_nothing_is_given(house, settings):
    assert settings.ASSIGN_FROM_SCORE > 100
    machine = stray("akaya-1", endpoint=make_endpoint(scans=9), **CERTAIN)
    scan()
    attribute()
    assert machine.candidates.get().score >= 80

    assert assign_certain() == []
    assert Machine.objects.get().stage == Stage.DISCOVERED


def test_what_is_certain_is_given_once_it_is_switched_on(house, settings):
    machine = stray("akaya-1", endpoint=make_endpoint(scans=9), **CERTAIN)

    (given,) = _given(settings, score=90)

    assert given.lease is not None
    machine.refresh_from_db()
    assert (machine.stage, machine.holder) == (Stage.ACTIVE, house.aylin)
    assert Notice.objects.filter(recipient=house.aylin, kind="adopted").count() == 1
    entry = Entry.objects.get(verb="machine.attributed")
    assert (entry.actor_name, entry.detail["score"]) == ("Leasehold", 100)
    assert assign_certain() == []
    assert Lease.objects.count() == 1


@pytest.mark.parametrize("score", [0, 80])
def test_text_alone_is_never_enough(house, settings, score):
    machine = stray(
        "akaya-1",
        endpoint=make_endpoint(scans=9),
        note="akaya",
        labels={"owner": "akaya"},
        folder="akaya",
        guest_name="akaya",
    )
    assert _given(settings, score=score) == []

    assert machine.candidates.get().score == 79


def test_below_what_was_set_nothing_is_given(house, settings):
    stray(endpoint=make_endpoint(scans=9), created_by="akaya", powered_by="akaya", labels={"owner": "akaya"})

    assert _given(settings, score=91) == []
    assert len(_given(settings, score=90)) == 1


def test_of_two_who_could_be_it_nobody_is(house, settings):
    stray(endpoint=make_endpoint(scans=9), **CERTAIN)
    make_inventory({"name": "vm-0417", "owner": "nwinkler"})
    Machine.objects.update(powered_by="nwinkler", folder="nwinkler")

    assert _given(settings, score=80) == []


@pytest.mark.parametrize(
    "fields", [{"scans_before": 8}, {"scans_missed": 1, "missing_since": "2026-01-01T00:00Z"}], ids=["new", "missing"]
)
def test_only_orphans_that_are_there_are_given(house, settings, fields):
    stray(**{"endpoint": make_endpoint(scans=9)} | CERTAIN | fields)

    assert _given(settings, score=80) == []


def test_machines_that_are_exempt_are_not_given(house, settings):
    machine = stray(endpoint=make_endpoint(scans=9), **CERTAIN)
    scan()
    exemption = Exemption.objects.create(
        machine=machine, reason="Known", by=house.nora, at="2026-01-01T00:00Z", ends_at="2030-01-01T00:00Z"
    )
    Finding.objects.update(exemption=exemption)
    attribute()
    settings.ASSIGN_FROM_SCORE = 80

    assert assign_certain() == []
