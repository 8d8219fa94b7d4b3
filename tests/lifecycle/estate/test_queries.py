"""Which machines somebody sees, and how lists search and count."""

import pytest

from lifecycle.estate.models import Level, Machine, Stage
from lifecycle.estate.queries import BESIDE, counts_by_stage, machine_list, visible_machine
from lifecycle.estate.sharing import share
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_team, make_user

pytestmark = pytest.mark.django_db

QUERIES = 1


@pytest.fixture
def kim():
    return make_user("kim", first_name="Kimberly", last_name="Ngo")


# Visible


def test_visible_machine_of_others_does_not_exist(kim):
    with pytest.raises(Machine.DoesNotExist):
        visible_machine(kim, make_machine(holder=make_user()).pk)


def test_visible_machine_that_was_found_is_for_admins(kim):
    machine = make_machine()
    assert visible_machine(make_admin(), machine.pk) == machine
    with pytest.raises(Machine.DoesNotExist):
        visible_machine(kim, machine.pk)


def test_visible_machine_is_what_lists_show():
    team, boss, guest = make_team(), make_user(), make_user()
    member, report = make_user(team=team), make_user(supervisor=boss)
    machines = [make_machine(), make_machine(team=team), *(make_machine(holder=one) for one in (member, report, boss))]
    share(machines[3], recipient=guest, level=Level.SEE, by=report)

    for person in (member, report, boss, guest, make_user(), make_user(team=make_team()), make_admin()):
        assert [machine for machine in machines if opens(person, machine)] == [
            machine for machine in machines if Machine.objects.visible_to(person).contains(machine)
        ]


def opens(person, machine):
    try:
        return visible_machine(person, machine.pk) == machine
    except Machine.DoesNotExist:
        return False


# Lists


def test_machine_list_leaves_out_what_ended(kim):
    live = make_machine(holder=kim)
    ended = make_machine(holder=kim, stage=Stage.REMOVED)
    assert list(machine_list(kim)) == [live]
    assert list(machine_list(kim, stage=Stage.REMOVED)) == [ended]
    assert machine_list(kim, stage=list(Stage)).count() == 2


def test_machine_list_mine_leaves_out_the_teams():
    team = make_team()
    user = make_user(team=team)
    own = make_machine(holder=user)
    make_machine(team=team)
    assert list(machine_list(user, mine=True)) == [own]
    assert machine_list(user).count() == 2


def test_machine_list_of_one_endpoint(kim):
    endpoint = make_endpoint()
    there = make_machine(holder=kim, endpoint=endpoint)
    make_machine(holder=kim)
    assert list(machine_list(kim, endpoint=endpoint)) == [there]


@pytest.mark.parametrize("q", ["SHOP", "web.lan", "10.1.2", "checkout", "ngo", "kimb", "shop ngo", "kim\0"])
def test_machine_list_finds_by(kim, q):
    found = make_machine(
        "shop-1", holder=kim, guest_name="web.lan", addresses=["10.1.2.3"], purpose="The checkout of the shop"
    )
    make_machine("other", holder=make_user())
    assert list(machine_list(make_admin(), q=q)) == [found]


@pytest.mark.parametrize("q", ["shop mars", "100%", "_", "'; --", '"'])
def test_machine_list_does_not_find_by(kim, q):
    make_machine("shop-1", holder=kim)
    assert not machine_list(make_admin(), q=q).exists()


def test_machine_list_takes_as_many_queries_for_three_as_for_one(kim, django_assert_num_queries):
    for expected in (1, 3):
        while Machine.objects.count() < expected:
            make_machine(holder=kim)
        rows = machine_list(kim).select_related(*BESIDE)
        with django_assert_num_queries(QUERIES):
            assert len([(m.holder_name, m.endpoint.name, m.pool, m.cost_centre) for m in rows]) == expected


def test_counts_by_stage_are_of_what_is_visible(kim):
    make_machine(holder=kim)
    make_machine(holder=kim, stage=Stage.EXPIRED)
    make_machine()
    counts = counts_by_stage(kim)
    assert (counts[Stage.ACTIVE], counts[Stage.EXPIRED], counts[Stage.DISCOVERED]) == (1, 1, 0)
    assert set(counts) == set(Stage)


def test_counts_by_stage_stop_above_a_thousand(kim):
    endpoint = make_endpoint()
    Machine.objects.bulk_create(
        Machine(endpoint=endpoint, native_ref=f"vm-{number}", name="vm") for number in range(1005)
    )
    assert counts_by_stage(make_admin())[Stage.DISCOVERED] == 1001
