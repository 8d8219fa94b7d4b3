"""Snapshots that are old, and chains of them."""

import random
from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.sprawl.detectors.snapshots import Taken, longest_chain
from lifecycle.sprawl.models import Kind
from tests.lifecycle.factories import make_pool, make_threshold
from tests.lifecycle.sprawl.found import evidence, finding_of, found, make_held, make_snapshot

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)


@pytest.fixture
def now():
    return clock.now()


def test_a_snapshot_is_old_at_seven_days(now):
    for name, age in (("below", 7 * DAY - MOMENT), ("at", 7 * DAY), ("above", 7 * DAY + MOMENT)):
        make_snapshot(make_held(name), "1", created_at=now - age)
    assert found(Kind.SNAPSHOTS, now) == {"at", "above"}


def test_its_age_is_counted_from_when_it_was_seen_where_nobody_tells(now):
    make_snapshot(make_held("seen long ago"), "1", first_seen_at=now - 7 * DAY)
    make_snapshot(make_held("made lately"), "1", first_seen_at=now - 9 * DAY, created_at=now - DAY)
    assert found(Kind.SNAPSHOTS, now) == {"seen long ago"}


@pytest.mark.parametrize(("length", "expected"), [(2, False), (3, True), (4, True)])
def test_a_chain_is_too_long_at_three(length, expected):
    machine = make_held("chained")
    for number in range(length):
        make_snapshot(machine, str(number), parent=str(number - 1) if number else "")
    assert found(Kind.SNAPSHOTS) == ({"chained"} if expected else set())


def test_siblings_are_no_chain():
    machine = make_held()
    for ref in "abcd":
        make_snapshot(machine, ref, parent="root")
    assert found(Kind.SNAPSHOTS) == set()


def test_both_thresholds_are_those_of_the_pool(now):
    pool = make_pool()
    make_threshold("snapshot_days", 30, pool)
    make_threshold("snapshot_chain", 2, pool)
    make_snapshot(make_held("young enough", pool=pool), "1", created_at=now - 29 * DAY)
    make_snapshot(make_held("old", pool=pool), "1", created_at=now - 30 * DAY)
    chained = make_held("chained", pool=pool)
    make_snapshot(chained, "1")
    make_snapshot(chained, "2", parent="1")
    assert found(Kind.SNAPSHOTS, now) == {"old", "chained"}


def test_the_finding_says_how_many_how_old_and_that_their_size_is_not_known(now):
    machine = make_held()
    make_snapshot(machine, "1", name="before upgrade", created_at=now - 40 * DAY)
    make_snapshot(machine, "2", parent="1", created_at=now - DAY)
    found(Kind.SNAPSHOTS)
    finding = finding_of(machine, Kind.SNAPSHOTS)
    assert (finding.since, finding.saves_cents, finding.disk_mib) == (now - 40 * DAY, 0, 0)
    said = evidence(finding)
    assert (said["snapshots"], said["oldest_snapshot"], said["snapshot_size"]) == ("2", "before upgrade", "unknown")
    assert "snapshot_chain" not in said


def test_the_finding_ends_with_the_snapshot(now):
    machine = make_held()
    taken = make_snapshot(machine, "1", created_at=now - 40 * DAY)
    assert found(Kind.SNAPSHOTS) == {machine.name}
    taken.delete()
    assert found(Kind.SNAPSHOTS) == set()


def _taken(parents):
    return [Taken(1, ref, parent, ref, clock.now()) for ref, parent in parents.items()]


@pytest.mark.parametrize(
    ("parents", "length"),
    [
        ({}, 0),
        ({"a": ""}, 1),
        ({"a": "gone"}, 1),
        ({"a": "", "b": "a", "c": "a", "d": "c"}, 3),
        ({"a": "a"}, 1),
        ({"a": "b", "b": "a", "c": "a"}, 3),
    ],
)
def test_the_longest_chain(parents, length):
    assert longest_chain(_taken(parents)) == length


@pytest.mark.parametrize("seed", range(5))
def test_the_longest_chain_of_any_tree(seed):
    chance = random.Random(seed)
    depths, parents = {"": 0}, {}
    for ref in map(str, range(40)):
        parents[ref] = chance.choice(list(depths))
        depths[ref] = depths[parents[ref]] + 1
    shuffled = list(parents.items())
    chance.shuffle(shuffled)
    assert longest_chain(_taken(dict(shuffled))) == max(depths.values())
