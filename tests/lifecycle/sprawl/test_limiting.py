"""From when on something is a finding is set by administrators, within bounds, for a pool or for all."""

from dataclasses import asdict, fields

import pytest

from lifecycle.audit.models import Entry
from lifecycle.errors import Forbidden, Invalid, InvalidMany
from lifecycle.sprawl.limiting import set_thresholds
from lifecycle.sprawl.models import Threshold
from lifecycle.sprawl.thresholds import RANGES, Limits, groups, limits_of
from tests.lifecycle.factories import make_admin, make_pool, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return make_admin("ingrid")


def test_every_limit_has_bounds_that_hold_its_default():
    assert RANGES.keys() == {field.name for field in fields(Limits)}
    for name, value in asdict(Limits()).items():
        least, most = RANGES[name]
        assert least <= value <= most


def test_a_pool_has_its_own_then_the_general_one_then_the_default(admin):
    special, other = make_pool(), make_pool()
    set_thresholds(None, {"off_days": 20, "idle_days": 30}, by=admin, reason="Agreed")
    set_thresholds(special, {"off_days": 60}, by=admin, reason="Cold spares")
    assert limits_of(special) == Limits(off_days=60, idle_days=30)
    assert limits_of(other) == limits_of(None) == Limits(off_days=20, idle_days=30)
    assert [pools for _limits, pools in groups()] == [[special.pk], []]


def test_a_limit_taken_back_is_what_it_was_before(admin):
    pool = make_pool()
    set_thresholds(None, {"off_days": 20}, by=admin, reason="Agreed")
    set_thresholds(pool, {"off_days": 60}, by=admin, reason="Cold spares")
    assert set_thresholds(pool, {"off_days": None}, by=admin, reason="No more") == ["off_days"]
    assert limits_of(pool).off_days == 20
    set_thresholds(None, {"off_days": None}, by=admin, reason="No more")
    assert limits_of(pool).off_days == 14


def test_what_is_not_named_stays(admin):
    set_thresholds(None, {"off_days": 20}, by=admin, reason="Agreed")
    set_thresholds(None, {"idle_days": 30}, by=admin, reason="Agreed")
    assert limits_of(None) == Limits(off_days=20, idle_days=30)


def test_setting_the_same_twice_changes_and_records_nothing(admin):
    set_thresholds(None, {"off_days": 20}, by=admin, reason="Agreed")
    assert set_thresholds(None, {"off_days": 20, "idle_days": None}, by=admin, reason="Again") == []
    assert Entry.objects.filter(verb__startswith="threshold.").count() == 1


def test_values_out_of_bounds_are_all_named(admin):
    with pytest.raises(InvalidMany) as refused:
        set_thresholds(
            None, {"off_days": 0, "snapshot_chain": 1, "idle_days": 3650, "made_up": 1}, by=admin, reason="x"
        )
    assert refused.value.problems.keys() == {"off_days", "snapshot_chain", "made_up"}
    assert not Threshold.objects.exists()


@pytest.mark.parametrize("name", ["image_days", "file_days"])
def test_no_pool_has_its_own_of_what_belongs_to_none(admin, name):
    with pytest.raises(InvalidMany):
        set_thresholds(make_pool(), {name: 30}, by=admin, reason="Lab")
    assert set_thresholds(None, {name: 30}, by=admin, reason="All") == [name]


def test_it_needs_a_reason_and_an_administrator(admin):
    with pytest.raises(Invalid) as refused:
        set_thresholds(None, {"off_days": 20}, by=admin, reason=" ")
    assert refused.value.field == "reason"
    with pytest.raises(Forbidden):
        set_thresholds(None, {"off_days": 20}, by=make_user(), reason="Mine")


def test_the_record_keeps_both_values_and_the_reason(admin):
    pool = make_pool(name="Lab")
    set_thresholds(pool, {"off_days": 60}, by=admin, reason="Cold spares")
    set_thresholds(pool, {"off_days": 90}, by=admin, reason="Longer")
    set_thresholds(pool, {"off_days": None}, by=admin, reason="No more")
    told = [(entry.verb, entry.reason, entry.detail) for entry in Entry.objects.filter(object_type="threshold")]
    about = {"limit": "off_days", "pool": "Lab"}
    assert told[::-1] == [
        ("threshold.set", "Cold spares", about | {"before": None, "after": 60}),
        ("threshold.set", "Longer", about | {"before": 60, "after": 90}),
        ("threshold.taken_back", "No more", about | {"before": 90, "after": None}),
    ]
