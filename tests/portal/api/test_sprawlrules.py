"""Thresholds and exemptions over the API."""

from dataclasses import asdict

import pytest

from lifecycle.sprawl.models import Kind, Threshold
from lifecycle.sprawl.thresholds import Limits
from tests.lifecycle.factories import make_machine, make_pool


@pytest.fixture
def machine(world):
    return make_machine("stray", endpoint=world.endpoint)


def _given(world, **changes):
    return {"kind": Kind.ORPHAN, "reason": "A spare", "ends_on": str(world.day(30))} | changes


def test_thresholds_are_told_set_and_taken_back(admin):
    Threshold.objects.all().delete()
    pool = make_pool()
    assert admin.get("/api/v1/thresholds/").data["holds"] == asdict(Limits())

    answer = admin.post("/api/v1/thresholds/", {"pool": pool.pk, "values": {"off_days": 30}, "reason": "x"}, "json")

    assert (answer.status_code, answer.data["holds"]["off_days"]) == (200, 30)
    assert answer.data["own"] == [{"pool": pool.pk, "values": {"off_days": 30}}]
    assert admin.get("/api/v1/thresholds/").data["holds"] == asdict(Limits())
    assert admin.get(f"/api/v1/thresholds/?pool={pool.pk}").data["holds"]["off_days"] == 30
    taken_back = {"pool": pool.pk, "values": {"off_days": None}, "reason": "x"}
    assert admin.post("/api/v1/thresholds/", taken_back, "json").data["own"] == []


@pytest.mark.parametrize("values", [{}, {"off_days": 0}, {"made_up": 1}, {"off_days": "many"}])
def test_values_that_cannot_be_are_refused(admin, values):
    answer = admin.post("/api/v1/thresholds/", {"values": values, "reason": "x"}, "json")
    assert answer.status_code == 422


def test_exemptions_are_made_listed_and_ended(world, admin, machine):
    made = admin.post("/api/v1/exemptions/", _given(world, machine=machine.pk), "json")

    assert (made.status_code, made.data["machine"], made.data["kind"]) == (201, machine.pk, "orphan")
    for asked, count in (("", 1), ("?kind=orphan", 1), ("?kind=idle", 0), (f"?machine={machine.pk}", 1)):
        assert len(admin.get(f"/api/v1/exemptions/{asked}").data["results"]) == count
    path = f"/api/v1/exemptions/{made.data['id']}/"
    assert admin.post(f"{path}end/").status_code == 200
    assert admin.post(f"{path}end/").status_code == 409
    assert admin.get(path).data["ended_at"] is not None
    assert admin.get("/api/v1/exemptions/").data["results"] == []


def test_making_it_twice_is_a_conflict(world, admin, machine):
    admin.post("/api/v1/exemptions/", _given(world, machine=machine.pk), "json")
    assert admin.post("/api/v1/exemptions/", _given(world, machine=machine.pk), "json").status_code == 409


@pytest.mark.parametrize(
    "changes", [{}, {"machine": 1, "pool": 1}, {"machine": 1, "kind": "image"}, {"machine": 1, "reason": ""}]
)
def test_one_thing_is_named_with_a_kind_that_fits(world, admin, machine, changes):
    known = {name: {"machine": machine.pk, "pool": world.blueprint.pool_id}.get(name) or value
             for name, value in changes.items()}  # fmt: skip
    assert admin.post("/api/v1/exemptions/", _given(world, **known), "json").status_code == 422


def test_a_holder_may_not(world, owner, machine):
    machine.holder = world.owner
    machine.save()
    assert owner.post("/api/v1/exemptions/", _given(world, machine=machine.pk), "json").status_code == 403
    assert owner.get("/api/v1/exemptions/").status_code == 403
